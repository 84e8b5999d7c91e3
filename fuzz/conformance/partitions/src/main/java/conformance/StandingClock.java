package conformance;

import org.apache.kafka.common.utils.Time;

import java.util.function.Supplier;

/** The clocks of the dialogue, which stand still within a step. */
final class StandingClock implements Time {
    private volatile long wallMs = 0;
    private volatile long monoNs = 0;

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
    }

    /** Abstract in 4.3. */
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
        throw new UnsupportedOperationException("no thread waits here");
    }
}
