package org.apache.kafka.raft;

import org.apache.kafka.snapshot.SnapshotReader;

import java.util.function.Consumer;

/** A listener of the raft client that reads each commit at once. */
final class CommitListener<T> implements RaftClient.Listener<T> {
    private final Consumer<Batch<T>> committed;

    /** Is given each batch that has records of the application. */
    CommitListener(Consumer<Batch<T>> committed) {
        this.committed = committed;
    }

    @Override
    public void handleCommit(BatchReader<T> reader) {
        try (reader) {
            while (reader.hasNext()) {
                Batch<T> batch = reader.next();
                if (!batch.records().isEmpty()) {
                    committed.accept(batch);
                }
            }
        }
    }

    @Override
    public void handleLoadSnapshot(SnapshotReader<T> reader) {
        reader.close();
    }

    @Override
    public void handleLoadBootstrap(SnapshotReader<T> reader) {
        reader.close();
    }
}
