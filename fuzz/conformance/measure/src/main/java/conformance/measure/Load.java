package conformance.measure;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** Clients with little to do: two producers, a consumer, an admin client that makes and removes topics. */
final class Load implements AutoCloseable {
    static final String TOPIC = "topic-0";
    private static final int PARTITIONS = 3;
    private static final int PRODUCE_MS = 20;
    private static final int ADMIN_MS = 1_000;
    private static final int KEPT_TOPICS = 5;

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
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties("consumer"));
        consumer.assign(IntStream.range(0, PARTITIONS).mapToObj(it -> new TopicPartition(TOPIC, it)).toList());
        loop("consumer", 0, consumer, () -> consumer.poll(Duration.ofMillis(200)));
        Admin topics = Admin.create(properties("admin"));
        int[] next = {0};
        loop("admin", ADMIN_MS, topics, () -> {
            int number = next[0]++;
            topics.createTopics(List.of(new NewTopic("made-" + number, 1, (short) 3)));
            if (number >= KEPT_TOPICS) {
                topics.deleteTopics(List.of("made-" + (number - KEPT_TOPICS)));
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
