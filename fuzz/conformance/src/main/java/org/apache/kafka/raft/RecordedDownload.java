package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.UnalignedMemoryRecords;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.RawSnapshotWriter;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.function.Consumer;

/** The file of a snapshot that the client downloads: says what is done to it. */
record RecordedDownload(RawSnapshotWriter writer, Consumer<Entry> outputs) implements RawSnapshotWriter {
    @Override
    public OffsetAndEpoch snapshotId() {
        return writer.snapshotId();
    }

    @Override
    public long sizeInBytes() {
        return writer.sizeInBytes();
    }

    @Override
    public void append(UnalignedMemoryRecords records) {
        written(records.buffer());
        writer.append(records);
    }

    @Override
    public void append(MemoryRecords records) {
        written(records.buffer());
        writer.append(records);
    }

    private void written(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        outputs.accept(new Entry("snapshot_written", body().put("bytes", Base64.getEncoder().encodeToString(bytes))));
    }

    @Override
    public boolean isFrozen() {
        return writer.isFrozen();
    }

    /** That FileRawSnapshotWriter.freeze forces the file before it is renamed is taken from its source. */
    @Override
    public void freeze() {
        writer.freeze();
        outputs.accept(new Entry("snapshot_frozen", body().put("forced", true)));
    }

    @Override
    public void close() {
        if (!isFrozen()) {
            outputs.accept(new Entry("snapshot_closed", body()));
        }
        writer.close();
    }

    private ObjectNode body() {
        return Snapshots.body(snapshotId());
    }
}
