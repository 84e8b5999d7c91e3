package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import kafka.server.KafkaConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.raft.MetadataLogConfig;
import org.apache.kafka.raft.internals.KafkaRaftLog;
import org.apache.kafka.server.util.Scheduler;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.log.EpochEntry;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogManager;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Delayed;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Loads the logs of a directory as a real node does at its start, with the released LogManager and KafkaRaftLog, and
 * compares with what a simulated node finds there at its next boot. The directory is changed.
 */
final class Recovery {
    private static final String METADATA = "__cluster_metadata-0";

    /** The handle of a task that is never run. */
    private static final class Nothing extends CompletableFuture<Void> implements ScheduledFuture<Void> {
        @Override
        public long getDelay(TimeUnit unit) {
            return Long.MAX_VALUE;
        }

        @Override
        public int compareTo(Delayed other) {
            return 0;
        }
    }

    /** Nothing that Kafka does later is done. */
    private static final class Never implements Scheduler {
        @Override
        public void startup() {
        }

        @Override
        public void shutdown() {
        }

        @Override
        public ScheduledFuture<?> schedule(String name, Runnable task, long delayMs, long periodMs) {
            return new Nothing();
        }

        @Override
        public void resizeThreadPool(int newSize) {
        }
    }

    private final Report report;
    private final Path directory;
    private final JsonNode nextBoot;
    private final Set<String> foreign = new HashSet<>();

    Recovery(Report report, Path directory, JsonNode json) {
        this.report = report;
        this.directory = directory;
        this.nextBoot = json.get("next_boot");
        nextBoot.get("not_simulated").forEach(name -> foreign.add(name.asText()));
    }

    void compare(Properties properties) throws IOException {
        addIndexes();
        properties.put("log.dirs", directory.toString());
        KafkaConfig config = new KafkaConfig(properties, false);
        JsonNode metadata = nextBoot.get("metadata");
        if (!metadata.isNull()) {
            metadata(config, metadata);
        }
        data(config, nextBoot.get("data"));
    }

    /**
     * A directory of Kafka has two indexes for each segment, which a simulated one leaves out. Without them every segment is
     * recovered, also one that Kafka trusts. Empty ones are valid.
     */
    private void addIndexes() throws IOException {
        try (Stream<Path> all = Files.walk(directory, 2)) {
            for (Path log : all.filter(path -> path.toString().endsWith(".log")).toList()) {
                for (String end : List.of(".index", ".timeindex")) {
                    Path index = Path.of(log.toString().replaceAll("\\.log$", end));
                    if (!Files.exists(index)) {
                        Files.createFile(index);
                    }
                }
            }
        }
    }

    private void metadata(KafkaConfig config, JsonNode model) throws IOException {
        String where = directory + "/" + METADATA;
        TopicPartition partition = new TopicPartition("__cluster_metadata", 0);
        KafkaRaftLog log;
        try {
            log = KafkaRaftLog.createLog(partition, Uuid.METADATA_TOPIC_ID, directory.resolve(METADATA).toFile(),
                Time.SYSTEM, new Never(), new MetadataLogConfig(config), config.nodeId());
        } catch (IOException | RuntimeException e) {
            report.judge("metadata logs (KafkaRaftLog)", "metadata.refused", model.has("error"), where, e::toString);
            return;
        }
        boolean isRead = report.judge("metadata logs (KafkaRaftLog)", "metadata.accepted", !model.has("error"), where,
            () -> "Kafka opens it, model " + model.get("error"));
        if (isRead) {
            report.same("metadata log start", where, log.startOffset(), model.get("start_offset").asLong());
            report.same("metadata log end", where, log.endOffset().offset(), model.get("end_offset").asLong());
            TreeMap<Integer, Long> epochs = StateFiles.epochs(model.get("leader_epochs"));
            report.same("last epoch of metadata logs", where, log.lastFetchedEpoch(),
                epochs.isEmpty() ? 0 : epochs.lastKey());
            for (int epoch = 0; epoch <= log.lastFetchedEpoch(); epoch++) {
                report.same("ends of epochs of metadata logs", where + " epoch " + epoch,
                    log.endOffsetForEpoch(epoch).offset(), end(epochs, epoch, model.get("end_offset").asLong()));
            }
        }
        log.close();
    }

    /** Where an epoch ends, by the starts of the epochs. */
    private static long end(TreeMap<Integer, Long> starts, int epoch, long logEnd) {
        Map.Entry<Integer, Long> next = starts.higherEntry(epoch);
        if (next == null) {
            return logEnd;
        }
        return starts.floorKey(epoch) == null ? next.getValue() : next.getValue();
    }

    private void data(KafkaConfig config, JsonNode model) throws IOException {
        LogDirFailureChannel failures = new LogDirFailureChannel(1);
        LogManager manager = kafka.log.LogManager.apply(config, Set.of(), resource -> new Properties(), new Never(),
            Time.SYSTEM, new BrokerTopicStats(), failures);
        boolean isRefused = false;
        String problem = "the log directory is offline";
        try {
            manager.loadLogs(manager.currentDefaultConfig(), Map.of(), log -> false);
            if (!manager.allLogs().isEmpty()) {
                // ReplicaManager reads it when it creates the first partition; the model does when it loads the logs.
                new OffsetCheckpointFile(directory.resolve("replication-offset-checkpoint").toFile(), failures).read();
            }
            isRefused = failures.hasOfflineLogDir(directory.toString());
        } catch (Exception e) {
            problem = e.toString();
            isRefused = true;
        }
        awaitRecoveryThreads();
        String kafka = isRefused ? problem : "it loads";
        boolean isSame = report.judge("log directories (LogManager)", isRefused ? "data.refused" : "data.accepted",
            isRefused == model.has("error"), directory.toString(), () -> "Kafka: " + kafka + ", model " + model.get("error"));
        if (isSame && !isRefused) {
            Map<TopicPartition, JsonNode> logs = new HashMap<>();
            model.forEach(log -> logs.put(
                new TopicPartition(log.get("topic").asText(), log.get("partition").asInt()), log));
            for (UnifiedLog log : manager.allLogs()) {
                if (foreign.contains(log.dir().getName())) {
                    report.note("logs not compared: compressed or transactional batches", 1);
                } else {
                    partition(log, logs.remove(log.topicPartition()));
                }
            }
            logs.forEach((partition, log) ->
                report.judge("data logs (LogManager)", "data.extra", false, directory + "/" + partition, log::toString));
        }
        for (UnifiedLog log : manager.allLogs()) {
            log.closeQuietly();
        }
        manager.dirLocks().forEach(lock -> {
            try {
                lock.unlockAndClose();
            } catch (Exception e) {
                throw new BadInput("a lock cannot be given back: " + e);
            }
        });
    }

    /** LogManager gives up at the first log that cannot be loaded, while its threads go on with the others. */
    private static void awaitRecoveryThreads() {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("log-recovery-")) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new BadInput("interrupted while logs were loaded");
                }
            }
        }
    }

    private void partition(UnifiedLog log, JsonNode model) {
        String where = log.dir().toString();
        if (model == null && log.topicId().isEmpty()) {
            report.note("logs without a topic id, that the model opens when they are needed", 1);
            report.same("end of logs without a topic id", where, log.logEndOffset(), 0L);
            return;
        }
        if (!report.judge("data logs (LogManager)", "data.missing", model != null, where, log::toString)) {
            return;
        }
        report.same("data log topic id", where, log.topicId().map(Uuid::toString).orElse(""), model.get("topic_id").asText());
        report.same("data log start", where, log.logStartOffset(), model.get("start_offset").asLong());
        report.same("data log end", where, log.logEndOffset(), model.get("end_offset").asLong());
        report.same("data log recovery point", where, log.recoveryPoint(), model.get("recovery_point").asLong());
        TreeMap<Integer, Long> epochs = new TreeMap<>();
        for (EpochEntry entry : log.leaderEpochCache().epochEntries()) {
            epochs.put(entry.epoch(), entry.startOffset());
        }
        report.same("data log leader epochs", where, epochs, StateFiles.epochs(model.get("leader_epochs")));
    }

    /** A copy that may be changed. */
    static Path copy(Path directory, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.toList()) {
                Path target = to.resolve(directory.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(target);
                } else if (!new File(path.toString()).getName().equals(".lock")) {
                    Files.copy(path, target);
                }
            }
        }
        return to;
    }

    static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    static Optional<Properties> properties(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Properties properties = new Properties();
        try (var reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return Optional.of(properties);
    }
}
