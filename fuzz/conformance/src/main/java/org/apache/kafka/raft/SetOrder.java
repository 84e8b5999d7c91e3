package org.apache.kafka.raft;

import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.ControlRecordUtils;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;

/**
 * LeaderState keeps the voters that granted their votes in {@code Set.copyOf}, whose order is another one in each Java
 * machine, and so are the bytes of the LeaderChange record; VoterSet keeps the voters of a KRaftVoters record in a hash map,
 * and the model ascending. If that order is all that differs, the log or the snapshot gets the model's
 * bytes, so that what is fetched later can be compared to the byte.
 */
final class SetOrder {
    private SetOrder() {
    }

    /** The batch of the model that is this one but for the order of voters, or else this one. */
    static MemoryRecords asInModel(MemoryRecords batch, List<byte[]> model) {
        MutableRecordBatch first = batch.batches().iterator().next();
        if (!first.isControlBatch()) {
            return batch;
        }
        for (byte[] bytes : model) {
            if (isSame(first, first(bytes))) {
                return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes.clone()));
            }
        }
        return batch;
    }

    /** A snapshot has the voters in its first batch. */
    static byte[] asInModel(byte[] snapshot, byte[] model) {
        if (snapshot.length != model.length) {
            return snapshot;
        }
        MutableRecordBatch first = first(snapshot);
        int size = first.sizeInBytes();
        boolean isSame = first.isControlBatch() && isSame(first, first(model))
            && Arrays.equals(snapshot, size, snapshot.length, model, size, model.length);
        return isSame ? model : snapshot;
    }

    private static MutableRecordBatch first(byte[] batches) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(batches)).batches().iterator().next();
    }

    private static boolean isSame(MutableRecordBatch left, MutableRecordBatch right) {
        if (!right.isControlBatch() || left.sizeInBytes() != right.sizeInBytes() || left.baseOffset() != right.baseOffset()
            || left.lastOffset() != right.lastOffset() || left.maxTimestamp() != right.maxTimestamp()
            || left.partitionLeaderEpoch() != right.partitionLeaderEpoch()) {
            return false;
        }
        Iterator<Record> rights = right.iterator();
        for (Record record : left) {
            if (!rights.hasNext() || !isSame(record, rights.next())) {
                return false;
            }
        }
        return !rights.hasNext();
    }

    private static boolean isSame(Record left, Record right) {
        if (!left.key().equals(right.key())) {
            return false;
        }
        return switch (ControlRecordType.parse(left.key())) {
            case LEADER_CHANGE -> leaderChange(left).equals(leaderChange(right));
            case KRAFT_VOTERS -> voters(left).equals(voters(right));
            default -> left.value().equals(right.value());
        };
    }

    private static VotersRecord voters(Record record) {
        VotersRecord voters = ControlRecordUtils.deserializeVotersRecord(record);
        voters.voters().sort(Comparator.comparingInt(VotersRecord.Voter::voterId));
        return voters;
    }

    private static LeaderChangeMessage leaderChange(Record record) {
        LeaderChangeMessage message = ControlRecordUtils.deserializeLeaderChangeMessage(record);
        message.grantingVoters().sort(Comparator.comparingInt(LeaderChangeMessage.Voter::voterId));
        message.voters().sort(Comparator.comparingInt(LeaderChangeMessage.Voter::voterId));
        return message;
    }
}
