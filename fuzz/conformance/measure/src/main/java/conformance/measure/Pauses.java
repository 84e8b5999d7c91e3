package conformance.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Stop-the-world pauses, from the JVM's own log ({@code -Xlog:safepoint}). */
final class Pauses {
    private static final long SHORTEST = 1_000_000;
    /** [1234567ns] Safepoint "Cleanup", Time since last: 1 ns, Reaching safepoint: 1 ns, …, Total: 3 ns */
    private static final Pattern LINE = Pattern.compile("^\\[(\\d+)ns\\].*Safepoint \"([^\"]*)\".*Total:\\s*(\\d+) ns");

    final List<Long> every = new ArrayList<>();
    final List<Long> lasts = new ArrayList<>();
    /** Of all pauses, the short ones too, in nanoseconds. */
    long total;
    long lived;

    static String option(Path directory) {
        return "-Xlog:safepoint=info:file=" + directory.resolve("%p.safepoint") + ":uptimenanos";
    }

    void read(Path file) throws IOException {
        long end = 0;
        long last = 0;
        for (String line : Files.readAllLines(file)) {
            Matcher matcher = LINE.matcher(line);
            if (!matcher.find()) {
                continue;
            }
            long at = Long.parseLong(matcher.group(1));
            long length = Long.parseLong(matcher.group(3));
            total += length;
            last = at;
            if (length >= SHORTEST) {
                every.add(Math.max(0, at - length - end));
                lasts.add(length);
                end = at;
            }
        }
        lived += last;
    }
}
