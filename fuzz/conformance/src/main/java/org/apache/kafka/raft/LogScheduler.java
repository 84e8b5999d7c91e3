package org.apache.kafka.raft;

import org.apache.kafka.server.util.Scheduler;

import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Rewrites the epoch checkpoint at once, as the model has done when a settled node is killed. Runs nothing else: deleting files later
 * and flushing rolled segments are no part of a dialogue.
 */
enum LogScheduler implements Scheduler {
    INSTANCE;

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
