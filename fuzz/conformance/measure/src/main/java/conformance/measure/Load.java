package conformance.measure;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * The clients of the scenario failover, by number and interval: two producers, two consumers, an admin client that makes and
 * removes topics, alters a config, and elects leaders.
 */
final class Load implements AutoCloseable {
    static final String TOPIC = "topic-0";
    private static final int PARTITIONS = 3;
    private static final int PRODUCE_MS = 10;
    private static final int ADMIN_MS = 100;
    private static final int KEPT_TOPICS = 5;
    private static final long DAY_MS = 86_400_000;

    private final String servers;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean isOver;

    Load(String servers) {
        this.servers = servers;
    }

    private interface Step {
        void run() throws InterruptedException, ExecutionException;
    }

    void start(Admin admin) throws InterruptedException, ExecutionException {
        admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 3))).all().get();
        for (int id = 0; id < 2; id++) {
            KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties("producer-" + id));
            loop("producer-" + id, PRODUCE_MS, producer, () -> producer.send(new ProducerRecord<>(TOPIC, new byte[100])));
        }
        List<TopicPartition> partitions = IntStream.range(0, PARTITIONS).mapToObj(it -> new TopicPartition(TOPIC, it)).toList();
        for (int id = 0; id < 2; id++) {
            KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties("consumer-" + id));
            consumer.assign(partitions);
            loop("consumer-" + id, 0, consumer, () -> consumer.poll(Duration.ofMillis(200)));
        }
        Admin topics = Admin.create(properties("admin"));
        int[] next = {0};
        loop("admin", ADMIN_MS, topics, () -> {
            int number = next[0] / 4;
            switch (next[0]++ % 4) {
                case 0 -> topics.createTopics(List.of(new NewTopic("made-" + number, 1, (short) 3)));
                case 1 -> topics.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, TOPIC),
                    List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "" + (DAY_MS + number)), AlterConfigOp.OpType.SET))));
                case 2 -> topics.electLeaders(ElectionType.PREFERRED, Set.copyOf(partitions));
                default -> topics.deleteTopics(List.of("made-" + (number - KEPT_TOPICS)));
            }
        });
    }

    private Properties properties(String id) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("client.id", id);
        properties.put("max.block.ms", "1000");
        properties.put("auto.offset.reset", "latest");
        properties.put("allow.auto.create.topics", "false");
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        return properties;
    }

    private void loop(String name, int everyMs, AutoCloseable client, Step step) {
        Thread thread = new Thread(() -> {
            while (!isOver) {
                try {
                    step.run();
                    TimeUnit.MILLISECONDS.sleep(everyMs);
                } catch (KafkaException | ExecutionException e) {
                    // Servers are being killed.
                    continue;
                } catch (InterruptedException e) {
                    break;
                }
            }
            try {
                if (client instanceof KafkaProducer<?, ?> producer) {
                    producer.close(Duration.ZERO);
                } else if (client instanceof Admin admin) {
                    admin.close(Duration.ZERO);
                } else {
                    client.close();
                }
            } catch (Exception e) {
                // Nothing is read from it any more.
            }
        }, name);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    @Override
    public void close() throws InterruptedException {
        isOver = true;
        for (Thread thread : threads) {
            thread.join(2_000);
        }
    }
}
