package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Forces;
import findings.Logs;
import findings.Steps;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The removal of the clean-shutdown marker is not forced, so a power loss brings it back beside a torn log. */
public final class ForceMarkerRemoval extends Finding {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final String SEGMENT = "00000000000000000000.log";

    @Override
    public String summary() {
        return "A start removes .kafka_cleanshutdown without a force: after a power loss a torn log is not recovered.";
    }

    @Override
    public String trigger() {
        return "Kafka's own forces only (the control forces the directory after the start)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Path directory = steps.directory("data");
        Path marker = directory.resolve(CleanShutdownFileHandler.CLEAN_SHUTDOWN_FILE_NAME);
        ReleasedLogManager first = steps.closing(new ReleasedLogManager(Broker.config(2, directory), clock));
        first.startup();
        UnifiedLog log = first.create(PARTITION, Uuid.randomUuid());
        Logs.append(log, 0, 5);
        first.close();
        steps.say("broker", "has a log with 5 records and is shut down: marker %s", exists(marker));
        // All of this is on disk before the next start. What comes later is there only if it is forced, or by chance.
        Path after = steps.directory("data");
        Path markerAfter = after.resolve(marker.getFileName());
        Broker.copy(directory, after);

        ReleasedLogManager second = steps.closing(new ReleasedLogManager(Broker.config(2, directory), clock));
        List<Forces.Happened> forces = Forces.during(() -> {
            second.startup();
            if (!triggered) {
                try (FileChannel channel = FileChannel.open(directory)) {
                    channel.force(true);
                }
            }
            Logs.append(second.log(PARTITION).orElseThrow(), 0, 2);
        });
        boolean removed = forces.stream().anyMatch(force -> force.isForceOf(directory));
        steps.say("broker", "starts and appends 2 records: marker %s, forces of the directory that had it: %d",
            exists(marker), forces.stream().filter(force -> force.isForceOf(directory)).count());

        if (removed) {
            Files.delete(markerAfter);
        }
        Path segment = Path.of(PARTITION.toString(), SEGMENT);
        byte[] written = Files.readAllBytes(directory.resolve(segment));
        // All batches have the same size; the last one is torn.
        Files.write(after.resolve(segment), Arrays.copyOf(written, written.length - written.length / 14));
        steps.say("power", "is lost; on disk are the first 6 records and a half, marker %s", exists(markerAfter));

        ReleasedLogManager third = steps.closing(new ReleasedLogManager(Broker.config(2, after), clock));
        third.startup();
        UnifiedLog loaded = third.log(PARTITION).orElseThrow();
        long end = loaded.logEndOffset();
        steps.say("broker", "starts: log end %d", end);
        Logs.append(loaded, 0, 5);
        steps.say("broker", "appends 5 records: log end %d", loaded.logEndOffset());
        try {
            List<Long> offsets = Logs.offsets(loaded, 0);
            steps.say("consumer", "reads the offsets %s", offsets);
            return offsets.size() != loaded.logEndOffset();
        } catch (RuntimeException e) {
            steps.say("consumer", "cannot read them: %s", e);
            return true;
        }
    }

    private static String exists(Path marker) {
        return Files.exists(marker) ? "exists" : "does not exist";
    }
}
