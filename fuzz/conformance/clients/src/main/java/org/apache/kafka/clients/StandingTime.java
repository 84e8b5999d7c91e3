package org.apache.kafka.clients;

import org.apache.kafka.common.utils.Time;

import java.util.function.Supplier;

/** The monotonic clock of the dialogue, which is that of all timers of simulated clients. It stands still within a step. */
public final class StandingTime implements Time {
    private long nowNs = 0;

    public void set(long nowNs) {
        this.nowNs = nowNs;
    }

    @Override
    public long milliseconds() {
        return nowNs / 1_000_000;
    }

    @Override
    public long nanoseconds() {
        return nowNs;
    }

    @Override
    public void sleep(long ms) {
    }

    /** Abstract in 4.3. */
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
        throw new UnsupportedOperationException("no thread waits here");
    }
}
