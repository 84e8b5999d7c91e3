package conformance.cluster;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.NetworkException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** The process of the clients: the workload of the scenario {@code failover}, until its standard input ends. */
public final class ClientMain {
    static final String TOPIC = "topic-0";

    private static final int PARTITIONS = 3;
    private static final short REPLICAS = 3;
    private static final int PRODUCERS = 2;
    private static final int CONSUMERS = 2;
    private static final long PRODUCE_MS = 10;
    private static final long ADMIN_MS = 100;
    /** A producer with so many values under way sends no more. */
    private static final int MOST_OUTSTANDING = 500;
    /** Topics that the admin client creates and deletes. */
    private static final int PASSING = 4;
    private static final long VALUES_SHIFT = 40;
    private static final long FLUSH_MS = 100;

    private final String servers;
    private final ClientHistory history;
    private volatile boolean isOver;

    private ClientMain(String servers, ClientHistory history) {
        this.servers = servers;
        this.history = history;
    }

    public static void main(String[] arguments) throws Exception {
        try (ClientHistory history = new ClientHistory(Path.of(arguments[1]), Path.of(arguments[2]))) {
            new ClientMain(arguments[0], history).run();
        }
        // Clients that wait for servers are not waited for.
        System.exit(0);
    }

    private void run() throws Exception {
        try (Admin admin = Admin.create(properties("admin"))) {
            admin.createTopics(List.of(topic(TOPIC, PARTITIONS))).all().get();
        }
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < PRODUCERS; i++) {
            int number = i + 1;
            threads.add(new Thread(() -> produce(number)));
        }
        for (int i = 0; i < CONSUMERS; i++) {
            int number = 1 + PRODUCERS + i;
            threads.add(new Thread(() -> consume(number)));
        }
        threads.add(new Thread(this::administer));
        threads.add(new Thread(this::flush));
        for (Thread thread : threads) {
            thread.setDaemon(true);
            thread.start();
        }
        while (System.in.read() >= 0) {
            // The harness says nothing; that it closes the stream is the sign to end.
        }
        isOver = true;
        Thread.sleep(1000);
    }

    private Properties properties(String name) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("client.id", name);
        return properties;
    }

    private static NewTopic topic(String name, int partitions) {
        return new NewTopic(name, partitions, REPLICAS).configs(Map.of("min.insync.replicas", "2"));
    }

    private void produce(int number) {
        Properties properties = properties("producer-" + number);
        properties.put("key.serializer", LongSerializer.class.getName());
        properties.put("value.serializer", LongSerializer.class.getName());
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        Random random = new Random();
        AtomicInteger outstanding = new AtomicInteger();
        ClientHistory.Client client = new ClientHistory.Client(number);
        long value = (long) number << VALUES_SHIFT;
        try (KafkaProducer<Long, Long> producer = new KafkaProducer<>(properties)) {
            while (!isOver) {
                long began = System.nanoTime();
                if (outstanding.get() < MOST_OUTSTANDING) {
                    outstanding.incrementAndGet();
                    long sent = value++;
                    int partition = random.nextInt(PARTITIONS);
                    String name = TOPIC + "-" + partition;
                    long process = history.sendBegins(client, name, sent);
                    producer.send(new ProducerRecord<>(TOPIC, partition, null, sent), (metadata, failure) -> {
                        outstanding.decrementAndGet();
                        if (failure == null) {
                            history.sent(client, process, name, new ClientHistory.Value(metadata.offset(), sent));
                        } else {
                            history.sendUnknown(process, name, sent);
                        }
                    });
                }
                pause(PRODUCE_MS, began);
            }
        }
    }

    private void consume(int number) {
        Properties properties = properties("consumer-" + number);
        properties.put("key.deserializer", LongDeserializer.class.getName());
        properties.put("value.deserializer", LongDeserializer.class.getName());
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        long process = number * 1_000_000L;
        try (KafkaConsumer<Long, Long> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < PARTITIONS; partition++) {
                all.add(new TopicPartition(TOPIC, partition));
            }
            consumer.assign(all);
            history.pollBegins(process);
            while (!isOver) {
                ConsumerRecords<Long, Long> records = consumer.poll(Duration.ofMillis(100));
                if (records.isEmpty()) {
                    continue;
                }
                Map<String, List<ClientHistory.Value>> polled = new LinkedHashMap<>();
                for (ConsumerRecord<Long, Long> it : records) {
                    polled.computeIfAbsent(it.topic() + "-" + it.partition(), unused -> new ArrayList<>())
                        .add(new ClientHistory.Value(it.offset(), it.value()));
                }
                history.polled(process, polled);
                history.pollBegins(process);
            }
        }
    }

    private void administer() {
        Random random = new Random();
        try (Admin admin = Admin.create(properties("admin"))) {
            while (!isOver) {
                try {
                    request(admin, random).get();
                    history.administered();
                } catch (ExecutionException e) {
                    // What a controller refuses is an answer, too; a request that was given up has none.
                    if (!(e.getCause() instanceof TimeoutException || e.getCause() instanceof NetworkException)) {
                        history.administered();
                    }
                }
                Thread.sleep(ADMIN_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The operations of {@code AdminApplication} in {@code scenarios/src/workload/kafka/application.rs}, drawn as there. */
    private static KafkaFuture<?> request(Admin admin, Random random) {
        String passing = "passing-" + random.nextInt(PASSING);
        int any = random.nextInt(PASSING + 1);
        String some = any == 0 ? TOPIC : "passing-" + (any - 1);
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, some);
        return switch (random.nextInt(10)) {
            case 0, 1 -> admin.createTopics(List.of(topic(passing, 1))).all();
            case 2 -> admin.deleteTopics(List.of(passing)).all();
            case 3 -> admin.createPartitions(Map.of(passing, NewPartitions.increaseTo(2 + random.nextInt(4)))).all();
            case 4, 5 -> alter(admin, topic, "retention.ms", random.nextInt(4) == 0, random);
            case 6 -> admin.describeConfigs(List.of(topic)).all();
            case 7 -> alter(admin, new ConfigResource(ConfigResource.Type.BROKER, random.nextBoolean() ? ""
                : "" + (101 + random.nextInt(3))), "log.retention.ms", random.nextInt(3) == 0, random);
            case 8 -> admin.electLeaders(ElectionType.PREFERRED, Set.of(new TopicPartition(some, random.nextInt(2)))).all();
            default -> admin.electLeaders(ElectionType.PREFERRED, null).all();
        };
    }

    private static KafkaFuture<?> alter(Admin admin, ConfigResource of, String name, boolean deletes, Random random) {
        Optional<String> value = deletes ? Optional.empty() : Optional.of("" + (604_800_000L + random.nextInt(1_000_000)));
        AlterConfigOp change = new AlterConfigOp(new ConfigEntry(name, value.orElse("")),
            deletes ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET);
        return admin.incrementalAlterConfigs(Map.of(of, List.of(change))).all();
    }

    private void flush() {
        while (!isOver) {
            try {
                Thread.sleep(FLUSH_MS);
                history.flush();
            } catch (IOException | InterruptedException e) {
                return;
            }
        }
    }

    private static void pause(long ms, long beganNs) {
        long leftNs = ms * 1_000_000 - (System.nanoTime() - beganNs);
        if (leftNs > 0) {
            try {
                Thread.sleep(leftNs / 1_000_000, (int) (leftNs % 1_000_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
