package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.StandingTime;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.record.internal.FileLogInputStream;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.LogAppendInfo;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Appends what a simulated replica has in its log to a released log, batch by batch, as a leader appends what producers send:
 * {@code UnifiedLog} with its {@code ProducerStateManager} must accept each of them at its offset. A duplicate, a gap in the
 * sequences or an old producer epoch would be refused.
 */
final class LogReplay {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PRODUCER_EXPIRATION_MS = 86_400_000;
    private static final int CHECK_INTERVAL_MS = 600_000;

    private final Report report;
    private final StandingTime time = new StandingTime();
    private long steps = 0;

    private LogReplay(Report report) {
        this.report = report;
    }

    /** All logs of all brokers that {@code replay --out} has written. */
    static void run(Path out, Report report) throws IOException {
        report.beginFile(out, true);
        LogReplay replay = new LogReplay(report);
        for (Path broker : list(out, path -> path.getFileName().toString().startsWith("broker-") && Files.isDirectory(path))) {
            for (Path log : list(broker, path -> Files.isDirectory(path) && !path.getFileName().toString().startsWith("__"))) {
                if (!list(log, LogReplay::isSegment).isEmpty()) {
                    replay.log(log);
                }
            }
        }
    }

    private static boolean isSegment(Path path) {
        return path.getFileName().toString().endsWith(".log");
    }

    private static List<Path> list(Path directory, java.util.function.Predicate<Path> which) throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.filter(which).sorted().toList();
        }
    }

    private void log(Path from) throws IOException {
        Path directory = Files.createTempDirectory("log").resolve(from.getFileName().toString());
        Files.createDirectories(directory);
        report.compared(line("boot", from), List.of(), List.of());
        try (UnifiedLog log = open(directory)) {
            boolean isFirst = true;
            for (Path segment : list(from, LogReplay::isSegment)) {
                try (FileRecords records = FileRecords.open(segment.toFile(), false)) {
                    for (FileLogInputStream.FileChannelRecordBatch batch : records.batches()) {
                        if (isFirst && batch.baseOffset() > 0) {
                            log.truncateFullyAndStartAt(batch.baseOffset(), Optional.empty());
                        }
                        isFirst = false;
                        if (!append(log, batch, from)) {
                            return;
                        }
                    }
                }
            }
        } finally {
            delete(directory.getParent());
        }
    }

    private UnifiedLog open(Path directory) throws IOException {
        return UnifiedLog.create(directory.toFile(), new LogConfig(Map.of()), 0, 0, new KafkaScheduler(1), new BrokerTopicStats(),
            time, PRODUCER_EXPIRATION_MS, new ProducerStateManagerConfig(PRODUCER_EXPIRATION_MS, false), CHECK_INTERVAL_MS,
            new LogDirFailureChannel(1), true, Optional.of(Uuid.randomUuid()));
    }

    private boolean append(UnifiedLog log, FileLogInputStream.FileChannelRecordBatch batch, Path from) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
        batch.writeTo(bytes);
        bytes.flip();
        // As the producer sent it.
        bytes.putLong(0, 0);
        time.set(batch.maxTimestamp() * 1_000_000);
        List<Difference> differences = List.of();
        String what = "producer " + batch.producerId() + " " + batch.producerEpoch() + " sequence " + batch.baseSequence() + ".."
            + batch.lastSequence() + " at " + batch.baseOffset() + " of epoch " + batch.partitionLeaderEpoch();
        try {
            LogAppendInfo info = log.appendAsLeader(MemoryRecords.readableRecords(bytes), batch.partitionLeaderEpoch());
            if (info.firstOffset() != batch.baseOffset()) {
                differences = List.of(Difference.of("append.offset", what, info.firstOffset()));
            }
        } catch (KafkaException e) {
            differences = List.of(Difference.of("append." + e.getClass().getSimpleName(), what, e.getMessage()));
        }
        report.compared(line("step", from), List.of(), differences);
        return differences.isEmpty();
    }

    private Line line(String kind, Path log) {
        JsonNode state = JSON.createObjectNode().put("role", "log");
        return new Line(JSON.createObjectNode().put("kind", kind).put("cause", "append").put("step", steps++)
            .put("log", log.toString()).set("state", state));
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
