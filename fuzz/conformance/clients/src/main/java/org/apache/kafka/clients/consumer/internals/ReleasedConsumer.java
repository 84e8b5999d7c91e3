package org.apache.kafka.clients.consumer.internals;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.ReleasedClient;
import org.apache.kafka.clients.ScriptedClient;
import org.apache.kafka.clients.StandingTime;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.internals.LogContext;

import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The released consumer (that of the classic group protocol), whose application polls all the time. */
public final class ReleasedConsumer implements ReleasedClient {
    private static final int MAX_IN_FLIGHT = 100;
    private static final int POLLS_AT_MOST = 32;
    private static final int VALUE_BYTES = Long.BYTES;

    private final ScriptedClient network;
    private final SubscriptionState subscriptions;
    private final ConsumerMetadata metadata;
    private final ClassicKafkaConsumer<byte[], byte[]> consumer;
    private final List<String> topics;
    private final Set<String> wanted = new HashSet<>();
    private final List<Output> outputs = new ArrayList<>();
    private boolean isSubscribed = false;

    public ReleasedConsumer(Map<String, Object> properties, List<String> topics, List<InetSocketAddress> bootstrap,
                            StandingTime time) {
        this.topics = topics;
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9092");
        properties.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        properties.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, Integer.MAX_VALUE);
        ConsumerConfig config = new ConsumerConfig(properties);
        LogContext log = new LogContext();
        subscriptions = new SubscriptionState(log,
            AutoOffsetResetStrategy.fromString(config.getString(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG)));
        metadata = new ConsumerMetadata(config, subscriptions, log, new ClusterResourceListeners());
        metadata.bootstrap(bootstrap);
        network = new ScriptedClient(new ApiVersions(), MAX_IN_FLIGHT, config.getInt(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG));
        consumer = new ClassicKafkaConsumer<>(log, time, config, new ByteArrayDeserializer(), new ByteArrayDeserializer(),
            network, subscriptions, metadata, List.of());
        network.versions(versions(consumer));
    }

    /** That of which the consumer asks for the versions of a broker; its constructor keeps it for itself. */
    private static ApiVersions versions(ClassicKafkaConsumer<byte[], byte[]> consumer) {
        try {
            Field fetcher = ClassicKafkaConsumer.class.getDeclaredField("offsetFetcher");
            fetcher.setAccessible(true);
            Field versions = OffsetFetcher.class.getDeclaredField("apiVersions");
            versions.setAccessible(true);
            return (ApiVersions) versions.get(fetcher.get(consumer));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Metadata metadata() {
        return metadata;
    }

    @Override
    public ScriptedClient network() {
        return network;
    }

    @Override
    public TopicPartition partition(JsonNode pair) {
        return new TopicPartition(topics.get(pair.path(0).asInt()), pair.path(1).asInt());
    }

    @Override
    public void call(String kind, JsonNode body, long nowMs) {
        switch (kind) {
            case "subscribe" -> {
                Set<String> names = new HashSet<>();
                body.path("topics").forEach(topic -> names.add(topics.get(topic.asInt())));
                isSubscribed = true;
                metadata.addTransientTopics(names);
                if (wanted.addAll(names)) {
                    metadata.requestUpdateForNewTopics();
                }
            }
            case "assign" -> {
                Set<TopicPartition> partitions = new HashSet<>();
                body.path("partitions").forEach(pair -> partitions.add(partition(pair)));
                if (isSubscribed) {
                    // A group has only this member, so its coordinator assigns what the metadata has, and requests none.
                    subscriptions.assignFromUser(partitions);
                } else {
                    partitions.forEach(it -> wanted.add(it.topic()));
                    consumer.assign(partitions);
                }
            }
            case "seek" -> {
                TopicPartition partition = partition(body.path("partition"));
                if (subscriptions.isAssigned(partition)) {
                    consumer.seek(partition, body.path("offset").asLong());
                }
            }
            default -> throw new IllegalArgumentException(kind);
        }
    }

    @Override
    public void settle(long nowMs) {
        if (subscriptions.hasNoSubscriptionOrUserAssignment()) {
            // poll would throw.
            return;
        }
        long seen = -1;
        // In one poll the answers come last, and what follows from them in the next one.
        for (int polls = 0; polls < 2 || polls < POLLS_AT_MOST && seen != network.activity() + outputs.size(); polls++) {
            seen = network.activity() + outputs.size();
            try {
                record(consumer.poll(Duration.ZERO));
            } catch (KafkaException e) {
                outputs.add(new Output("throws", e.getClass().getSimpleName()));
            }
        }
    }

    private void record(ConsumerRecords<byte[], byte[]> records) {
        for (ConsumerRecord<byte[], byte[]> record : records) {
            long value = ByteBuffer.wrap(record.value()).getLong(record.value().length - VALUE_BYTES);
            outputs.add(new Output("record", record.topic() + "-" + record.partition() + " " + record.offset() + ": "
                + Long.toUnsignedString(value) + " of epoch " + record.leaderEpoch().orElse(-1)));
        }
    }

    @Override
    public List<Output> takeOutputs() {
        List<Output> taken = List.copyOf(outputs);
        outputs.clear();
        return taken;
    }

    @Override
    public String state(String part, JsonNode model) {
        TopicPartition partition = partition(model.path("partition"));
        if (!subscriptions.isAssigned(partition)) {
            return "not assigned";
        } else if (subscriptions.isOffsetResetNeeded(partition)) {
            return "AWAIT_RESET";
        }
        SubscriptionState.FetchPosition position = subscriptions.positionOrNull(partition);
        if (position == null) {
            return "INITIALIZING";
        }
        return (subscriptions.awaitingValidation(partition) ? "AWAIT_VALIDATION " : "FETCHING ") + position.offset
            + " epoch " + position.offsetEpoch.orElse(-1)
            + " leader " + position.currentLeader.leader.map(Node::id).orElse(-1)
            + " of " + position.currentLeader.epoch.orElse(-1);
    }

    /** As {@link #state} says it. */
    public static String position(JsonNode model) {
        String state = model.path("state").asText();
        if (!model.has("offset")) {
            return state;
        }
        return state + " " + model.path("offset").asLong() + " epoch " + model.path("offset_epoch").asInt(-1)
            + " leader " + model.path("leader").asInt(-1) + " of " + model.path("leader_epoch").asInt(-1);
    }
}
