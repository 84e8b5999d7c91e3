package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** Replays one dialogue, life after life. */
final class Replay {
    private final Dialogue dialogue;
    private final Report report;

    private Replay(Dialogue dialogue, Report report) {
        this.dialogue = dialogue;
        this.report = report;
    }

    static void run(Path file, Report report) throws IOException {
        try (Dialogue dialogue = new Dialogue(file)) {
            // A controller of a dynamic quorum may become one.
            report.beginFile(file, dialogue.setup().endpoint() != null);
            new Replay(dialogue, report).run();
        }
    }

    private void run() throws IOException {
        for (Line line = dialogue.next(); line != null; line = dialogue.next()) {
            if (line.is("boot")) {
                live(line);
            } else if (line.isStep()) {
                report.notCompared(line);
            }
        }
    }

    private void live(Line boot) throws IOException {
        Path directory = Files.createTempDirectory("conformance");
        try (Life life = new Life(dialogue, report, directory)) {
            life.live(boot);
        } finally {
            delete(directory);
        }
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
