package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import kafka.cluster.Partition;
import org.apache.kafka.server.partition.PendingPartitionChange;
import org.apache.kafka.server.replica.ReplicaState;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** What a step of the model and of the released partition have in common, and what not. */
final class PartitionComparison {
    private static final ObjectMapper JSON = new ObjectMapper();

    private PartitionComparison() {
    }

    /** The result of the call; {@code kafka} is null if it has none, or has thrown. */
    static List<Difference> result(String cause, JsonNode model, ObjectNode kafka) {
        String left = model == null ? "" : model.toString();
        // Through text, as the dialogue's numbers are of other types.
        String right = kafka == null ? "" : kafka.toString();
        return left.equals(sorted(right, model)) ? List.of() : List.of(Difference.of("result." + cause, left, right));
    }

    /** In the order of the model's fields. */
    private static String sorted(String text, JsonNode model) {
        if (text.isEmpty() || model == null) {
            return text;
        }
        try {
            ObjectNode kafka = (ObjectNode) JSON.readTree(text);
            ObjectNode sorted = JSON.createObjectNode();
            model.fieldNames().forEachRemaining(name -> {
                if (kafka.has(name)) {
                    sorted.set(name, kafka.remove(name));
                }
            });
            sorted.setAll(kafka);
            return sorted.toString();
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    static List<Difference> submitted(List<String> model, List<String> kafka) {
        if (model.equals(kafka)) {
            return List.of();
        }
        String name = model.size() == kafka.size() ? "submit" : model.size() < kafka.size() ? "submit.missing" : "submit.extra";
        return List.of(Difference.of(name, model, kafka));
    }

    static List<Difference> state(JsonNode model, Replica replica) {
        Partition partition = replica.partition();
        UnifiedLog log = replica.log();
        List<Difference> differences = new ArrayList<>();
        same(differences, "role", model.path("role").asText(), partition.isLeader() ? "leader" : "follower");
        same(differences, "leader", model.path("leader").asInt(), number(partition.leaderReplicaIdOpt()).orElse(-1L).intValue());
        same(differences, "leader_epoch", model.path("leader_epoch").asInt(), partition.getLeaderEpoch());
        same(differences, "leader_epoch_start", optional(model.path("leader_epoch_start")),
            number(partition.leaderEpochStartOffsetOpt()));
        same(differences, "partition_epoch", model.path("partition_epoch").asInt(), partition.getPartitionEpoch());
        same(differences, "isr", ids(model.path("isr")), new TreeSet<>(partition.partitionState().isr()));
        same(differences, "proposed", model.path("proposed").isArray() ? ids(model.path("proposed")) : "none",
            partition.partitionState() instanceof PendingPartitionChange change
                ? new TreeSet<>(change.sentLeaderAndIsr().isr()) : "none");
        for (JsonNode follower : model.path("replicas")) {
            int id = follower.path("id").asInt();
            var real = partition.getReplica(id);
            same(differences, "replica", text(follower), real.isDefined() ? text(id, real.get().stateSnapshot()) : "none");
        }
        same(differences, "replicas", model.path("replicas").size(), partition.remoteReplicas().size());
        same(differences, "log_start", model.path("log_start").asLong(), log.logStartOffset());
        same(differences, "log_end", model.path("log_end").asLong(), log.logEndOffset());
        same(differences, "high_watermark", model.path("high_watermark").asLong(), log.highWatermark());
        List<List<Long>> epochs = new ArrayList<>();
        model.path("epochs").forEach(entry -> epochs.add(List.of(entry.path(0).asLong(), entry.path(1).asLong())));
        same(differences, "epochs", epochs, log.leaderEpochCache().epochEntries().stream()
            .map(entry -> List.of((long) entry.epoch(), entry.startOffset())).toList());
        return differences;
    }

    /** Of a follower; what its leader does not know is -1, and 0 where the two are used alike. */
    private static String text(JsonNode follower) {
        return text(follower.path("id").asInt(), follower.path("log_end").asLong(-1),
            follower.path("last_caught_up_ms").asLong(), follower.path("last_fetch_leader_log_end").asLong(),
            follower.path("last_fetch_ms").asLong(), optional(follower.path("broker_epoch")));
    }

    private static String text(int id, ReplicaState state) {
        return text(id, state.logEndOffset(), state.lastCaughtUpTimeMs(), Math.max(0, state.lastFetchLeaderLogEndOffset()),
            state.lastFetchTimeMs(), state.brokerEpoch());
    }

    private static String text(int id, long logEnd, long caughtUpMs, long leaderLogEnd, long fetchMs, Optional<Long> epoch) {
        return id + " log end " + logEnd + " caught up " + caughtUpMs + " leader's log end " + leaderLogEnd + " fetched "
            + fetchMs + " epoch " + epoch.map(Object::toString).orElse("unknown");
    }

    private static TreeSet<Integer> ids(JsonNode ids) {
        TreeSet<Integer> set = new TreeSet<>();
        ids.forEach(id -> set.add(id.asInt()));
        return set;
    }

    private static Optional<Long> optional(JsonNode number) {
        return number.isNumber() ? Optional.of(number.asLong()) : Optional.empty();
    }

    private static Optional<Long> number(scala.Option<Object> option) {
        return option.isDefined() ? Optional.of(((Number) option.get()).longValue()) : Optional.empty();
    }

    private static void same(List<Difference> differences, String field, Object model, Object kafka) {
        if (!model.equals(kafka)) {
            differences.add(Difference.of("state." + field, model, kafka));
        }
    }
}
