package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotReader;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** A listener of the raft client. It keeps each delivery until the dialogue says that it was read. */
final class RecordedListener implements RaftClient.Listener<byte[]> {
    private final String name;
    private final Consumer<Entry> outputs;
    private final Map<Long, BatchReader<byte[]>> unread = new HashMap<>();
    private long deliveries = 0;
    private LastRead lastRead = null;

    RecordedListener(String name, Consumer<Entry> outputs) {
        this.name = name;
        this.outputs = outputs;
    }

    @Override
    public void handleCommit(BatchReader<byte[]> reader) {
        deliveries += 1;
        unread.put(deliveries, reader);
        ObjectNode body = body().put("ordinal", deliveries).put("base", reader.baseOffset());
        OptionalLong last = reader.lastOffset();
        if (last.isPresent()) {
            body.put("end", last.getAsLong() + 1);
        } else {
            body.putNull("end");
        }
        outputs.accept(new Entry("commit", body));
    }

    @Override
    public void handleLeaderChange(LeaderAndEpoch leader) {
        ObjectNode body = body().put("epoch", leader.epoch());
        leader.leaderId().ifPresentOrElse(id -> body.put("leader", id), () -> body.putNull("leader"));
        outputs.accept(new Entry("leader_change", body));
    }

    @Override
    public void handleLoadSnapshot(SnapshotReader<byte[]> reader) {
        snapshot("load_snapshot", reader);
    }

    @Override
    public void handleLoadBootstrap(SnapshotReader<byte[]> reader) {
        snapshot("load_bootstrap", reader);
    }

    /** Reads a delivery to its end and closes it; gives that end, or nothing if there is no such delivery. */
    OptionalLong read(long ordinal) {
        BatchReader<byte[]> reader = unread.remove(ordinal);
        if (reader == null) {
            return OptionalLong.empty();
        }
        while (reader.hasNext()) {
            Batch<byte[]> batch = reader.next();
            lastRead = new LastRead(new OffsetAndEpoch(batch.lastOffset() + 1, batch.epoch()), batch.appendTimestamp());
        }
        reader.close();
        return OptionalLong.of(reader.lastOffset().orElseThrow() + 1);
    }

    /** Where the last delivery ended that was read, or nothing if none was. */
    Optional<LastRead> lastRead() {
        return Optional.ofNullable(lastRead);
    }

    private void snapshot(String kind, SnapshotReader<byte[]> reader) {
        outputs.accept(new Entry(kind, body()
            .put("end", reader.snapshotId().offset()).put("epoch", reader.snapshotId().epoch())));
        while (reader.hasNext()) {
            reader.next();
        }
        reader.close();
    }

    private ObjectNode body() {
        return JsonNodeFactory.instance.objectNode().put("listener", name);
    }
}
