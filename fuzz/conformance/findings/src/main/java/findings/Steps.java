package findings;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.stream.Stream;

/** The protocol of one run of a finding: prints its steps, and closes what they opened. */
public final class Steps implements AutoCloseable {
    private final PrintStream out;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private int number = 0;

    Steps(PrintStream out) {
        this.out = out;
    }

    public void say(String actor, String format, Object... arguments) {
        number += 1;
        out.printf("%4d  %-12s %s%n", number, actor, String.format(format, arguments));
    }

    /** A new directory that is removed at the end. */
    public Path directory(String name) {
        try {
            Path parent = Files.createTempDirectory("finding");
            opened.push(() -> delete(parent));
            return Files.createDirectory(parent.resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Closes this at the end of the run, after everything that was opened later. */
    public <T extends AutoCloseable> T closing(T closeable) {
        opened.push(closeable);
        return closeable;
    }

    @Override
    public void close() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
