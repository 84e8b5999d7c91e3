package findings;

import org.apache.kafka.common.utils.Time;

import java.util.function.Supplier;

/** Time that passes only when a finding says so. */
public final class Clock implements Time {
    private static final long START_MS = 1_767_225_600_000L;
    private volatile long sinceStartMs = 0;

    public void advance(long ms) {
        sinceStartMs += ms;
    }

    @Override
    public long milliseconds() {
        return START_MS + sinceStartMs;
    }

    @Override
    public long nanoseconds() {
        return sinceStartMs * 1_000_000;
    }

    @Override
    public void sleep(long ms) {
        advance(ms);
    }

    /** Abstract in 4.3. */
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
        throw new UnsupportedOperationException("no finding waits for objects");
    }
}
