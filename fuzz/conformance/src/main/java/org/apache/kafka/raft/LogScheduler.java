package org.apache.kafka.raft;

import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.util.Scheduler;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Rewrites the epoch checkpoint at once, as the model has done when a settled node is killed. Deletes the files of expired
 * snapshots when the dialogue says so. Runs nothing else: deleting files of segments later and flushing rolled segments are
 * no part of a dialogue.
 */
final class LogScheduler implements Scheduler {
    private record Due(long atNs, Runnable task) {
    }

    private final Time time;
    /** The delay is always the same, so the order is that of their times. */
    private final Deque<Due> snapshotDeletions = new ArrayDeque<>();

    LogScheduler(Time time) {
        this.time = time;
    }

    /** Deletes the files of snapshots of which it is time. */
    void deleteSnapshots() {
        while (!snapshotDeletions.isEmpty() && snapshotDeletions.getFirst().atNs <= time.nanoseconds()) {
            snapshotDeletions.removeFirst().task.run();
        }
    }

    @Override
    public void startup() {
    }

    @Override
    public void shutdown() {
    }

    @Override
    public ScheduledFuture<?> schedule(String name, Runnable task, long delayMs, long periodMs) {
        if (name.startsWith("leader-epoch-cache-flush-")) {
            task.run();
        } else if (name.equals("delete-snapshot-files")) {
            snapshotDeletions.addLast(new Due(time.nanoseconds() + TimeUnit.MILLISECONDS.toNanos(delayMs), task));
        }
        return new Never(task);
    }

    @Override
    public void resizeThreadPool(int threads) {
    }

    private static final class Never extends FutureTask<Void> implements ScheduledFuture<Void> {
        Never(Runnable task) {
            super(task, null);
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return Long.MAX_VALUE;
        }

        @Override
        public int compareTo(Delayed other) {
            return 0;
        }
    }
}
