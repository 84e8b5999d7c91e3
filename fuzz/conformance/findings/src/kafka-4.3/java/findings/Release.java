package findings;

import org.apache.kafka.common.utils.LogContext;

/** What differs between releases in name or package only. */
public final class Release {
    private Release() {
    }

    public static LogContext logContext() {
        return new LogContext();
    }
}
