package org.apache.kafka.controller;

import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Records;
import org.apache.kafka.common.record.internal.UnalignedRecords;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.RawSnapshotReader;

import java.nio.ByteBuffer;

/** A snapshot of the metadata log, as the bytes of its file. */
record SnapshotBytes(OffsetAndEpoch snapshotId, byte[] bytes) implements RawSnapshotReader {
    @Override
    public long sizeInBytes() {
        return bytes.length;
    }

    @Override
    public UnalignedRecords slice(long position, int size) {
        throw new UnsupportedOperationException("nobody downloads it");
    }

    @Override
    public Records records() {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
    }
}
