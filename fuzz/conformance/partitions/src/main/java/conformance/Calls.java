package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import kafka.cluster.Partition;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Records;
import org.apache.kafka.common.replica.ClientMetadata;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.storage.log.FetchParams;
import org.apache.kafka.server.storage.log.UnexpectedAppendOffsetException;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogAppendInfo;
import org.apache.kafka.storage.internals.log.LogReadInfo;
import org.apache.kafka.storage.internals.log.VerificationGuard;

import java.io.IOException;
import java.net.InetAddress;
import java.util.Optional;

/** A call of the released {@link Partition}; its result in the words of the dialogue, or null if it has none there. */
final class Calls {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Each is an argument of a request that a test of Partition does not see. */
    private static final int ANY = 1;
    private static final int CONSUMER = -1;

    private Calls() {
    }

    /** Of a step by its cause; {@code alter-partition} and {@code delete} are no calls. */
    static ObjectNode run(String cause, JsonNode call, Replica replica, long nowMs) throws Exception {
        return switch (cause) {
            case "make-leader" -> {
                replica.makeLeader(call);
                yield null;
            }
            case "make-follower" -> JSON.createObjectNode().put("new_epoch", replica.makeFollower(call));
            case "append-as-leader" -> appendAsLeader(call, replica.partition());
            case "check-reached" -> checkReached(call, replica.partition());
            case "fetch" -> fetch(call, replica.partition(), nowMs);
            case "fetch-offset" -> fetchOffset(call, replica.partition());
            case "last-offset" -> lastOffset(call, replica.partition());
            case "maybe-shrink-isr" -> {
                replica.partition().maybeShrinkIsr();
                yield null;
            }
            case "append-as-follower" -> appendAsFollower(call, replica);
            case "truncate" -> {
                replica.partition().truncateTo(call.path("offset").asLong(), false);
                yield null;
            }
            case "truncate-fully" -> {
                replica.partition().truncateFullyAndStartAt(call.path("offset").asLong(), false, Optional.empty());
                yield null;
            }
            case "remove-expired-producers" -> {
                replica.partition().removeExpiredProducers(nowMs);
                yield null;
            }
            default -> throw new BadDialogue("unknown call " + cause);
        };
    }

    private static ObjectNode failed(Throwable e) {
        return JSON.createObjectNode().put("error", Errors.forException(e).code());
    }

    private static ObjectNode appendAsLeader(JsonNode call, Partition partition) {
        try {
            LogAppendInfo info = partition.appendRecordsToLeader(LogFiles.records(call.path("records")), AppendOrigin.CLIENT,
                call.path("acks").asInt(), RequestLocal.noCaching(), VerificationGuard.SENTINEL,
                partition.appendRecordsToLeader$default$6());
            return JSON.createObjectNode().put("first", info.firstOffset()).put("last", info.lastOffset());
        } catch (RuntimeException e) {
            return failed(e);
        }
    }

    private static ObjectNode checkReached(JsonNode call, Partition partition) {
        var reached = partition.checkEnoughReplicasReachOffset(call.path("required").asLong());
        boolean isDecided = (Boolean) reached._1() || reached._2() != Errors.NONE;
        return isDecided ? JSON.createObjectNode().put("error", reached._2().code())
            : JSON.createObjectNode().put("undecided", true);
    }

    private static ObjectNode fetch(JsonNode call, Partition partition, long nowMs) throws IOException {
        int replica = call.path("replica_id").asInt();
        // With what a consumer says of itself since version 11: it may read from a follower.
        Optional<ClientMetadata> client = replica != CONSUMER ? Optional.empty()
            : Optional.of(new ClientMetadata.DefaultClientMetadata("", "", InetAddress.getLoopbackAddress(),
                KafkaPrincipal.ANONYMOUS, "PLAINTEXT"));
        FetchParams params = new FetchParams(replica, call.path("replica_epoch").asLong(), ANY, ANY, ANY,
            FetchIsolation.of(replica, IsolationLevel.READ_UNCOMMITTED), client);
        FetchRequest.PartitionData requested = new FetchRequest.PartitionData(partition.topicId().get(),
            call.path("fetch_offset").asLong(), call.path("log_start_offset").asLong(), call.path("max_bytes").asInt(),
            epoch(call, "current_leader_epoch"), epoch(call, "last_fetched_epoch"));
        try {
            return read(partition.fetchRecords(params, requested, nowMs, call.path("max_bytes").asInt(),
                call.path("at_least_one").asBoolean(), call.path("updates_state").asBoolean()));
        } catch (RuntimeException e) {
            return failed(e);
        }
    }

    private static ObjectNode read(LogReadInfo info) throws IOException {
        ObjectNode result = JSON.createObjectNode().put("high_watermark", info.highWatermark())
            .put("log_start", info.logStartOffset()).put("log_end", info.logEndOffset());
        result.set("diverging", info.divergingEpoch().map(end -> pair(end.epoch(), end.endOffset())).orElse(null));
        // Kafka also sends the part of a batch that fits; who receives it ignores that.
        int bytes = 0;
        Long last = null;
        Records records = info.fetchedData().records;
        for (RecordBatch batch : records.batches()) {
            bytes += batch.sizeInBytes();
            last = batch.lastOffset();
        }
        return result.put("bytes", bytes).put("last", last);
    }

    private static ObjectNode fetchOffset(JsonNode call, Partition partition) {
        Optional<IsolationLevel> isolation = call.path("replica_id").asInt() == CONSUMER
            ? Optional.of(IsolationLevel.READ_UNCOMMITTED) : Optional.empty();
        try {
            FileRecords.TimestampAndOffset found = partition.fetchOffsetForTimestamp(call.path("timestamp").asLong(),
                scala.Option.apply(isolation.orElse(null)), epoch(call, "current_leader_epoch"), true, scala.Option.empty())
                .timestampAndOffsetOpt().orElseThrow();
            return JSON.createObjectNode().put("offset", found.offset)
                .put("epoch", found.leaderEpoch.orElse(RecordBatch.NO_PARTITION_LEADER_EPOCH));
        } catch (RuntimeException e) {
            return failed(e);
        }
    }

    private static ObjectNode lastOffset(JsonNode call, Partition partition) {
        OffsetForLeaderEpochResponseData.EpochEndOffset end = partition.lastOffsetForLeaderEpoch(
            epoch(call, "current_leader_epoch"), call.path("leader_epoch").asInt(), true);
        if (end.errorCode() != Errors.NONE.code()) {
            return JSON.createObjectNode().put("error", end.errorCode());
        }
        ObjectNode result = JSON.createObjectNode();
        result.set("end", end.endOffset() < 0 ? null : pair(end.leaderEpoch(), end.endOffset()));
        return result;
    }

    /** As ReplicaFetcherThread.processPartitionData; the errors as AbstractFetcherThread.processFetchRequest takes them. */
    private static ObjectNode appendAsFollower(JsonNode call, Replica replica) throws IOException {
        try {
            replica.partition().appendRecordsToFollowerOrFutureReplica(LogFiles.records(call.path("records")), false,
                call.path("epoch").asInt());
        } catch (CorruptRecordException | InvalidRecordException e) {
            return JSON.createObjectNode().put("refused", "corrupt");
        } catch (UnexpectedAppendOffsetException e) {
            return JSON.createObjectNode().put("refused", "offset");
        }
        replica.log().maybeUpdateHighWatermark(call.path("high_watermark").asLong());
        return JSON.createObjectNode();
    }

    private static Optional<Integer> epoch(JsonNode call, String field) {
        int epoch = call.path(field).asInt();
        return epoch < 0 ? Optional.empty() : Optional.of(epoch);
    }

    private static JsonNode pair(int epoch, long offset) {
        return JSON.createArrayNode().add(epoch).add(offset);
    }
}
