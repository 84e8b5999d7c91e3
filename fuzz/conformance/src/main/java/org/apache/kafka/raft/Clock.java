package org.apache.kafka.raft;

import org.apache.kafka.common.utils.Time;

import java.util.function.Supplier;

/** The node's clocks as the dialogue says them. They stand still within a step. */
final class Clock implements Time {
    private long wallMs;
    private long monoNs;

    void set(long wallMs, long monoNs) {
        this.wallMs = wallMs;
        this.monoNs = monoNs;
    }

    @Override
    public long milliseconds() {
        return wallMs;
    }

    @Override
    public long nanoseconds() {
        return monoNs;
    }

    @Override
    public void sleep(long ms) {
        throw new UnsupportedOperationException("the raft client does not sleep");
    }

    /** Abstract in 4.3. */
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
        throw new UnsupportedOperationException("the raft client does not wait for objects");
    }
}
