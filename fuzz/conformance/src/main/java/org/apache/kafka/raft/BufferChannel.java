package org.apache.kafka.raft;

import org.apache.kafka.common.network.TransferableChannel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Keeps what is sent through it. */
final class BufferChannel implements TransferableChannel {
    private final ByteBuffer buffer;

    BufferChannel(int size) {
        buffer = ByteBuffer.allocate(size);
    }

    ByteBuffer sent() {
        return buffer.duplicate().flip();
    }

    @Override
    public long transferFrom(FileChannel file, long position, long count) throws IOException {
        ByteBuffer part = buffer.slice(buffer.position(), (int) count);
        int size = file.read(part, position);
        buffer.position(buffer.position() + Math.max(0, size));
        return size;
    }

    @Override
    public int write(ByteBuffer source) {
        int size = source.remaining();
        buffer.put(source);
        return size;
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) {
        long size = 0;
        for (int i = offset; i < offset + length; i++) {
            size += write(sources[i]);
        }
        return size;
    }

    @Override
    public long write(ByteBuffer[] sources) {
        return write(sources, 0, sources.length);
    }

    @Override
    public boolean hasPendingWrites() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public void close() {
    }
}
