package org.apache.kafka.controller;

import org.apache.kafka.common.utils.Time;

import java.util.function.Supplier;

/** The clocks of the dialogue; they stand still within a step. */
final class Clock implements Time {
    private volatile long nanoseconds;
    private volatile long milliseconds;

    void set(long nanoseconds, long milliseconds) {
        this.nanoseconds = nanoseconds;
        this.milliseconds = milliseconds;
    }

    @Override
    public long milliseconds() {
        return milliseconds;
    }

    @Override
    public long nanoseconds() {
        return nanoseconds;
    }

    @Override
    public void sleep(long ms) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
        throw new UnsupportedOperationException();
    }
}
