package org.apache.kafka.controller;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.raft.LeaderAndEpoch;
import org.apache.kafka.raft.RaftClient;
import org.apache.kafka.raft.errors.BufferAllocationException;
import org.apache.kafka.raft.errors.NotLeaderException;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** A raft client that tells what it is asked for, and answers as the dialogue says. */
final class ScriptedRaft implements RaftClient<ApiMessageAndVersion> {
    private static final MetadataRecordSerde SERDE = new MetadataRecordSerde();

    private final int nodeId;
    private final KRaftVersion kraftVersion;
    private final Consumer<Entry> outputs;
    private final Deque<JsonNode> appends = new ArrayDeque<>();
    private final Deque<JsonNode> schedules = new ArrayDeque<>();
    private Listener<ApiMessageAndVersion> listener;
    private LeaderAndEpoch leaderAndEpoch = LeaderAndEpoch.UNKNOWN;
    private long logEnd = 0;
    private long nextOffset = 0;

    ScriptedRaft(int nodeId, KRaftVersion kraftVersion, Consumer<Entry> outputs) {
        this.nodeId = nodeId;
        this.kraftVersion = kraftVersion;
        this.outputs = outputs;
    }

    Listener<ApiMessageAndVersion> listener() {
        return listener;
    }

    /** @param appends those of the dialogue's step, and {@code schedules}: their results are those of this one's calls */
    void begin(List<JsonNode> appends, List<JsonNode> schedules) {
        this.appends.clear();
        this.appends.addAll(appends);
        this.schedules.clear();
        this.schedules.addAll(schedules);
    }

    /** What {@code handleLeaderChange} is about to see. */
    void lead(LeaderAndEpoch leaderAndEpoch, long logEnd) {
        this.leaderAndEpoch = leaderAndEpoch;
        this.logEnd = logEnd;
        this.nextOffset = logEnd;
    }

    @Override
    public long prepareAppend(int epoch, List<ApiMessageAndVersion> records) {
        ObjectNode append = JsonNodeFactory.instance.objectNode().put("epoch", epoch);
        ArrayNode values = append.putArray("records");
        records.forEach(record -> values.add(Base64.getEncoder().encodeToString(bytes(record))));
        outputs.accept(new Entry("append", append));
        JsonNode scripted = appends.poll();
        String error = scripted == null ? "" : scripted.path("error").asText();
        if (error.equals("NotLeader")) {
            throw new NotLeaderException("as in the dialogue");
        } else if (records.isEmpty()) {
            // As KafkaRaftClient.append does, before the records reach the accumulator.
            throw new IllegalArgumentException("Append failed because there are no records");
        } else if (!error.isEmpty()) {
            throw new BufferAllocationException("as in the dialogue: " + error);
        }
        nextOffset = scripted == null ? nextOffset + records.size() : scripted.path("offset").asLong() + 1;
        return nextOffset - 1;
    }

    static byte[] bytes(ApiMessageAndVersion record) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(SERDE.recordSize(record, cache));
        SERDE.write(record, cache, new ByteBufferAccessor(buffer));
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    static ApiMessageAndVersion read(String base64) {
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64));
        return SERDE.read(new ByteBufferAccessor(bytes), bytes.remaining());
    }

    @Override
    public void schedulePreparedAppend() {
        outputs.accept(new Entry("schedule", JsonNodeFactory.instance.objectNode()));
        JsonNode scripted = schedules.poll();
        if (scripted != null && scripted.path("error").asText().equals("NotLeader")) {
            throw new NotLeaderException("as in the dialogue");
        }
    }

    @Override
    public void resign(int epoch) {
        outputs.accept(new Entry("resign", JsonNodeFactory.instance.objectNode().put("epoch", epoch)));
    }

    @Override
    public void register(Listener<ApiMessageAndVersion> listener) {
        this.listener = listener;
    }

    @Override
    public void unregister(Listener<ApiMessageAndVersion> listener) {
    }

    @Override
    public OptionalLong highWatermark() {
        return OptionalLong.empty();
    }

    @Override
    public LeaderAndEpoch leaderAndEpoch() {
        return leaderAndEpoch;
    }

    @Override
    public OptionalInt nodeId() {
        return OptionalInt.of(nodeId);
    }

    @Override
    public Optional<Node> voterNode(int id, ListenerName listenerName) {
        return Optional.empty();
    }

    @Override
    public CompletionStage<Void> shutdown(int timeoutMs) {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public Optional<SnapshotWriter<ApiMessageAndVersion>> createSnapshot(OffsetAndEpoch id, long lastContainedLogTime) {
        return Optional.empty();
    }

    @Override
    public Optional<OffsetAndEpoch> latestSnapshotId() {
        return Optional.empty();
    }

    @Override
    public long logEndOffset() {
        return logEnd;
    }

    @Override
    public KRaftVersion kraftVersion() {
        return kraftVersion;
    }

    @Override
    public void upgradeKRaftVersion(int epoch, KRaftVersion version, boolean validateOnly) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
    }
}
