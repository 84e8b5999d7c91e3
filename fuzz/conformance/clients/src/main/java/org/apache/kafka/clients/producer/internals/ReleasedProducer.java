package org.apache.kafka.clients.producer.internals;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.ReleasedClient;
import org.apache.kafka.clients.ScriptedClient;
import org.apache.kafka.clients.StandingTime;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.internals.LogContext;
import org.apache.kafka.common.utils.internals.ProducerIdAndEpoch;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The released sender, accumulator, transaction manager and metadata of a producer. {@code KafkaProducer.doSend} is here: a
 * call waits for the metadata of its partition, at most {@code max.block.ms}.
 */
public final class ReleasedProducer implements ReleasedClient {
    private static final int IDLE_ROUNDS_AT_MOST = 3;
    private static final long MEMORY = 64L << 20;
    private static final long METADATA_MAX_IDLE_MS = 300_000;
    private static final int TRANSACTION_TIMEOUT_MS = 60_000;
    /** A simulated value is a metadata record without fields but this number. */
    private static final byte[] FRAME = {1, 20, 0, 1, 0, 8};

    private final StandingTime time;
    private final List<String> topics;
    private final long maxBlockMs;
    private final ScriptedClient network;
    private final ProducerMetadata metadata;
    private final TransactionManager transactions;
    private final RecordAccumulator accumulator;
    private final Sender sender;
    private final List<Blocked> blocked = new ArrayList<>();
    private int blockedVersion = -1;
    private final List<Output> outputs = new ArrayList<>();

    private record Blocked(TopicPartition partition, long value, byte[] frame, long givesUpAtMs) {
    }

    public ReleasedProducer(Map<String, Object> properties, List<String> topics, List<InetSocketAddress> bootstrap,
                            StandingTime time) {
        this.time = time;
        this.topics = topics;
        maxBlockMs = number(properties, "max.block.ms");
        int requestTimeoutMs = (int) number(properties, "request.timeout.ms");
        int maxInFlight = (int) number(properties, "max.in.flight.requests.per.connection");
        long backoffMs = number(properties, "retry.backoff.ms");
        int batchSize = (int) number(properties, "batch.size");
        LogContext log = new LogContext();
        Metrics metrics = new Metrics(time);
        metadata = new ProducerMetadata(backoffMs, backoffMs, number(properties, "metadata.max.age.ms"), METADATA_MAX_IDLE_MS,
            log, new ClusterResourceListeners());
        metadata.bootstrap(bootstrap);
        ApiVersions versions = new ApiVersions();
        network = new ScriptedClient(versions, maxInFlight, requestTimeoutMs);
        transactions = Boolean.parseBoolean((String) properties.get("enable.idempotence"))
            ? new TransactionManager(log, null, TRANSACTION_TIMEOUT_MS, backoffMs, versions, metadata, false) : null;
        accumulator = new RecordAccumulator(log, Math.max(1, batchSize), Compression.NONE, (int) number(properties, "linger.ms"),
            backoffMs, backoffMs, (int) number(properties, "delivery.timeout.ms"), metrics, "producer-metrics", time,
            transactions, new BufferPool(MEMORY, Math.max(1, batchSize), metrics, time, "producer-metrics"));
        sender = new Sender(log, network, metadata, accumulator, maxInFlight == 1, (int) number(properties, "max.request.size"),
            (short) number(properties, "acks"), (int) number(properties, "retries"), new SenderMetricsRegistry(metrics), time,
            requestTimeoutMs, backoffMs, transactions);
    }

    private static long number(Map<String, Object> properties, String name) {
        return Long.parseLong((String) properties.get(name));
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
            case "send" -> {
                TopicPartition partition = partition(body.path("partition"));
                long value = Long.parseUnsignedLong(body.path("value").asText());
                byte[] frame = ByteBuffer.allocate(FRAME.length + Long.BYTES).put(FRAME).putLong(value).array();
                metadata.add(partition.topic(), nowMs);
                blocked.add(new Blocked(partition, value, frame, nowMs + maxBlockMs));
            }
            case "flush" -> accumulator.beginFlush();
            default -> throw new IllegalArgumentException(kind);
        }
    }

    @Override
    public void settle(long nowMs) {
        // The end of the round in which the thread waits.
        network.poll(0, nowMs);
        int idle = 0;
        while (idle < IDLE_ROUNDS_AT_MOST) {
            long seen = network.activity();
            unblock(nowMs);
            sender.runOnce();
            boolean waits = network.lastPollMs() > 0 && !network.hasAnswered();
            if (waits) {
                break;
            }
            // It may spin for a batch that has to wait for its sequence.
            idle = seen == network.activity() ? idle + 1 : 0;
        }
    }

    private void unblock(long nowMs) {
        for (Blocked send : List.copyOf(blocked)) {
            if (transactions != null && transactions.hasFatalError() || send.givesUpAtMs <= nowMs) {
                outputs.add(new Output("refused", Long.toUnsignedString(send.value)));
                blocked.remove(send);
            } else if (metadata.fetch().partition(send.partition) != null) {
                append(send, nowMs);
                blocked.remove(send);
            }
        }
        // A call that waits requests another update after each one that did not help.
        if (!blocked.isEmpty() && metadata.updateVersion() != blockedVersion) {
            blockedVersion = metadata.updateVersion();
            blocked.forEach(send -> metadata.requestUpdateForTopic(send.partition.topic()));
        }
    }

    private void append(Blocked send, long nowMs) {
        var callbacks = new RecordAccumulator.AppendCallbacks() {
            @Override
            public void setPartition(int partition) {
            }

            @Override
            public void onCompletion(RecordMetadata result, Exception error) {
                boolean acked = error == null;
                outputs.add(new Output(acked ? "acked" : "failed", Long.toUnsignedString(send.value) + " "
                    + (acked ? result.offset() : Errors.forException(error).name())));
            }
        };
        try {
            accumulator.append(send.partition.topic(), send.partition.partition(), 0, null, send.frame, new Header[0], callbacks,
                0, nowMs, metadata.fetch());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
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
        if (transactions == null) {
            return "";
        } else if (part.equals("session")) {
            ProducerIdAndEpoch session = transactions.producerIdAndEpoch();
            return session.isValid() ? session.producerId + " " + session.epoch : "none";
        }
        TopicPartition partition = partition(model.path("partition"));
        return "next " + transactions.sequenceNumber(partition)
            + " last acked " + transactions.lastAckedSequence(partition).orElse(-1)
            + (transactions.hasInflightBatches(partition) ? " in flight" : "")
            + (transactions.hasUnresolvedSequence(partition) ? " unresolved" : "");
    }

    /** As {@link #state} says it. */
    public static String sequences(JsonNode model) {
        return "next " + model.path("next").asInt() + " last acked " + model.path("last_acked").asInt()
            + (model.path("in_flight").asInt() > 0 ? " in flight" : "")
            + (model.path("unresolved").asBoolean() ? " unresolved" : "");
    }

    /** As {@link #state} says it. */
    public static String session(JsonNode model) {
        return model.isArray() ? model.path(0).asLong() + " " + model.path(1).asInt() : "none";
    }

}
