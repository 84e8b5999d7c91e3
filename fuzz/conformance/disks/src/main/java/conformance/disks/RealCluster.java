package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.serialization.StringSerializer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A real cluster of three controllers and three brokers on loopback, and its directories. In a dynamic one the metadata logs
 * are trimmed, and a broker that was down meanwhile begins with a snapshot of the leader.
 */
final class RealCluster {
    private static final int RECORDS = 400;
    private static final int SECONDS = 120;
    private static final int FIRST_PORT = 19292;
    private static final int CONTROLLERS = 3;
    private static final int BROKERS = 3;
    /** RaftMetadataLogCleanerManager cleans once a minute. */
    private static final int TRIMMED_SECONDS = 300;
    private static final String FIRST_SEGMENT = "00000000000000000000.log";

    private final Kraftsim kraftsim;
    private final Path work;
    private final Report report;
    private final boolean isDynamic;
    /** Of the controllers, for {@code --initial-controllers}. */
    private final List<String> directoryIds = new ArrayList<>();

    RealCluster(Kraftsim kraftsim, Path work, Report report, boolean isDynamic) {
        this.kraftsim = kraftsim;
        this.work = work;
        this.report = report;
        this.isDynamic = isDynamic;
        for (int id = 1; id <= CONTROLLERS; id++) {
            directoryIds.add(Uuid.randomUuid().toString());
        }
    }

    /** The controllers, each in this form. */
    private static String controllers(IntFunction<String> form) {
        return IntStream.rangeClosed(1, CONTROLLERS).mapToObj(form).collect(Collectors.joining(","));
    }

    private static String address(int id) {
        return "localhost:" + (FIRST_PORT + id);
    }

    void run(Path keep) throws IOException {
        Map<String, Path> nodes = new LinkedHashMap<>();
        try (Servers servers = new Servers(work)) {
            String cluster = Uuid.randomUuid().toString();
            for (int id = 1; id <= CONTROLLERS; id++) {
                nodes.put("controller-" + id, node(servers, cluster, "controller", id));
            }
            for (int id = 101; id <= 103; id++) {
                nodes.put("broker-" + id, node(servers, cluster, "broker", id));
            }
            nodes.keySet().forEach(name -> start(servers, name));
            String brokers = String.join(",", address(101), address(102), address(103));
            servers.awaitQuorum("bootstrap.servers", brokers, SECONDS, it -> it.observers().size() == BROKERS);
            work(brokers);
            // A second epoch, an unclean end of each role, and logs that lag.
            int active = servers.awaitQuorum("bootstrap.servers", brokers, SECONDS, it -> it.leaderId() >= 0).leaderId();
            long epoch = servers.awaitQuorum("bootstrap.servers", brokers, SECONDS, it -> true).leaderEpoch();
            servers.kill("controller-" + active);
            servers.awaitQuorum("bootstrap.servers", brokers, SECONDS,
                it -> it.leaderEpoch() > epoch && it.highWatermark() > 0);
            servers.kill("broker-102");
            start(servers, "controller-" + active);
            produce(brokers, "none", RECORDS, "after");
            if (isDynamic) {
                awaitTrimmed(nodes, brokers);
                start(servers, "broker-102");
                servers.awaitQuorum("bootstrap.servers", brokers, SECONDS,
                    it -> it.observers().stream().anyMatch(one -> one.replicaId() == 102 && one.logEndOffset() > 0));
                awaitCheckpoint(nodes.get("broker-102"));
            }
            servers.kill("broker-103");
            servers.stop("broker-101");
            List.of("controller-1", "controller-2", "controller-3").forEach(servers::stop);
        } catch (ExecutionException | InterruptedException e) {
            throw new IOException(e);
        }
        for (Map.Entry<String, Path> node : nodes.entrySet()) {
            if (keep != null) {
                Recovery.copy(node.getValue(), keep.resolve(node.getKey()));
            }
            JsonNode json = kraftsim.inspect(node.getValue());
            new DirectoryComparison(report, node.getValue(), json).compare();
            Properties properties = Recovery.properties(work.resolve(node.getKey() + ".properties")).orElseThrow();
            Path copy = Recovery.copy(node.getValue(), work.resolve("copy-" + node.getKey()));
            new Recovery(report, copy, json).compare(properties);
            report.note("directories of real nodes", 1);
            if (isTrimmed(node.getValue())) {
                report.note("directories of real nodes whose metadata log is trimmed", 1);
            }
            report.note("records of types that no simulated image has a place for",
                json.path("image").path("records_without_place").asLong());
        }
    }

    private Path node(Servers servers, String cluster, String role, int id) throws IOException {
        String name = role + "-" + id;
        Path directory = work.resolve(name);
        String listener = (role.equals("broker") ? "PLAINTEXT" : "CONTROLLER") + "://" + address(id);
        Path file = work.resolve(name + ".properties");
        Files.writeString(file, String.join("\n", "process.roles=" + role, "node.id=" + id,
            isDynamic ? "controller.quorum.bootstrap.servers=" + controllers(RealCluster::address)
                : "controller.quorum.voters=" + controllers(it -> it + "@" + address(it)), "controller.listener.names=CONTROLLER", "listeners=" + listener,
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "log.dirs=" + directory,
            "log.cleaner.dedupe.buffer.size=10485760", "num.network.threads=1", "num.io.threads=2", "background.threads=2", "offsets.topic.num.partitions=1",
            "default.replication.factor=3", "min.insync.replicas=1", "controlled.shutdown.enable=true",
            // Several segments and a snapshot.
            "internal.metadata.log.segment.bytes=8192", "metadata.log.max.record.bytes.between.snapshots=6000",
            // All but the newest snapshots go, and the log below them.
            isDynamic ? "metadata.max.retention.bytes=16000" : "", "transaction.state.log.num.partitions=1",
            "metadata.log.segment.bytes=8388608", ""));
        servers.format(file, cluster, formatOptions(role));
        return directory;
    }

    private List<String> formatOptions(String role) {
        if (!isDynamic) {
            return List.of();
        }
        if (role.equals("broker")) {
            return List.of("--no-initial-controllers");
        }
        return List.of("--initial-controllers",
            controllers(it -> it + "@" + address(it) + ":" + directoryIds.get(it - 1)));
    }

    private static Path metadataLog(Path node) {
        return node.resolve("__cluster_metadata-0");
    }

    private static boolean isTrimmed(Path node) {
        return !Files.exists(metadataLog(node).resolve(FIRST_SEGMENT));
    }

    /** Topics come and go until every controller has deleted the begin of its log. */
    private void awaitTrimmed(Map<String, Path> nodes, String brokers) throws ExecutionException, InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(TRIMMED_SECONDS);
        try (Admin admin = Admin.create(client(brokers))) {
            for (int round = 0; System.nanoTime() < until; round++) {
                if (nodes.entrySet().stream().filter(it -> it.getKey().startsWith("controller"))
                    .allMatch(it -> isTrimmed(it.getValue()))) {
                    return;
                }
                String topic = "short-" + round;
                admin.createTopics(List.of(new NewTopic(topic, 8, (short) 2))).all().get();
                admin.deleteTopics(List.of(topic)).all().get();
                Thread.sleep(500);
            }
        }
        throw new BadInput("no trimmed metadata log on each controller after " + TRIMMED_SECONDS + " s");
    }

    /** A node that began behind the leader's log start has a snapshot from it, and no log before. */
    private static void awaitCheckpoint(Path node) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!isTrimmed(node)) {
            if (System.nanoTime() > until) {
                throw new BadInput(node + " has not begun anew from a snapshot after " + SECONDS + " s");
            }
            Thread.sleep(200);
        }
    }

    private void start(Servers servers, String name) {
        try {
            servers.start(name, work.resolve(name + ".properties"));
        } catch (IOException e) {
            throw new BadInput(name + " cannot be started: " + e);
        }
    }

    private static Properties client(String servers) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("key.serializer", StringSerializer.class.getName());
        properties.put("value.serializer", StringSerializer.class.getName());
        return properties;
    }

    private void work(String servers) throws ExecutionException, InterruptedException {
        try (Admin admin = Admin.create(client(servers))) {
            while (admin.describeCluster().nodes().get().size() < BROKERS) {
                Thread.sleep(200);
            }
            admin.createTopics(List.of(new NewTopic("none", 3, (short) 3), new NewTopic("packed", 1, (short) 3), new NewTopic("whole", 1, (short) 3),
                new NewTopic("gone", 2, (short) 2), new NewTopic("empty", 1, (short) 3))).all().get();
            ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "none");
            ConfigResource all = new ConfigResource(ConfigResource.Type.BROKER, "");
            admin.incrementalAlterConfigs(Map.of(
                topic, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "86400000"), AlterConfigOp.OpType.SET)),
                all, List.of(new AlterConfigOp(new ConfigEntry("log.cleaner.threads", "2"), AlterConfigOp.OpType.SET))))
                .all().get();
            ClientQuotaEntity user = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "somebody"));
            admin.alterClientQuotas(List.of(new ClientQuotaAlteration(user,
                List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1_000_000.0))))).all().get();
            produce(servers, "none", RECORDS, "before");
            produce(servers, "gone", 10, "gone");
            packed(servers);
            transactions(servers);
            admin.deleteTopics(List.of("gone")).all().get();
        }
    }

    private static void produce(String servers, String topic, int count, String prefix)
        throws ExecutionException, InterruptedException {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(client(servers))) {
            for (int i = 0; i < count; i++) {
                ProducerRecord<String, String> record =
                    new ProducerRecord<>(topic, i % 7 == 0 ? null : "key-" + i, i % 11 == 0 ? null : prefix + "-" + i);
                if (i % 5 == 0) {
                    record.headers().add("trace", ("t" + i).getBytes(StandardCharsets.UTF_8));
                    record.headers().add("nothing", null);
                }
                var sent = producer.send(record);
                if (i % 20 == 0) {
                    sent.get();
                }
            }
            producer.flush();
        }
    }

    private static void transactions(String servers) throws ExecutionException, InterruptedException {
        Properties properties = client(servers);
        properties.put("transactional.id", "somebody");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("whole", "key", "kept"));
            producer.commitTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("whole", "key", "aborted")).get();
            producer.abortTransaction();
        }
    }

    private static void packed(String servers) {
        Properties properties = client(servers);
        properties.put("compression.type", "gzip");
        properties.put("linger.ms", "50");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>("packed", "key-" + i, "value-" + i));
            }
        }
    }
}
