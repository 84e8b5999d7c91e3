package findings;

import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/**
 * What the Java machine forces to disk, as its flight recorder sees it: each FileChannel.force of a file or directory, and
 * the marks that were set in between, in order.
 */
public final class Forces {
    private static final String FORCE = "jdk.FileForce";
    private static final String MARK = "findings.Mark";

    /** A force of {@code path}, or else a mark. */
    public record Happened(String path, String mark) {
        public boolean isForceOf(Path file) {
            return path != null && Path.of(path).equals(file);
        }

        public boolean isMark(String text) {
            return text.equals(mark);
        }
    }

    @Name(MARK)
    private static final class Mark extends Event {
        String text;
    }

    /** Work that is recorded. */
    public interface Work {
        void run() throws Exception;
    }

    private Forces() {
    }

    public static void mark(String text) {
        Mark mark = new Mark();
        mark.text = text;
        mark.commit();
    }

    public static List<Happened> during(Work work) throws Exception {
        try (Recording recording = new Recording()) {
            recording.enable(FORCE).withoutThreshold().withoutStackTrace();
            recording.enable(MARK).withoutThreshold().withoutStackTrace();
            recording.start();
            work.run();
            recording.stop();
            return read(recording);
        }
    }

    private static List<Happened> read(Recording recording) throws IOException {
        Path file = Files.createTempFile("forces", ".jfr");
        try {
            recording.dump(file);
            return RecordingFile.readAllEvents(file).stream()
                .sorted(Comparator.comparing(RecordedEvent::getStartTime))
                .map(event -> event.getEventType().getName().equals(FORCE)
                    ? new Happened(event.getString("path"), null) : new Happened(null, event.getString("text")))
                .toList();
        } finally {
            Files.delete(file);
        }
    }
}
