package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.errors.OperationNotAttemptedException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.metadata.LeaderAndIsr;
import org.apache.kafka.metadata.LeaderRecoveryState;
import org.apache.kafka.server.common.TopicIdPartition;
import org.apache.kafka.server.partition.AlterPartitionManager;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** In the place of DefaultAlterPartitionManager: whether it accepts a change, and what is answered, is the dialogue's. */
final class Submissions implements AlterPartitionManager {
    private final Deque<Boolean> accepted = new ArrayDeque<>();
    private final List<String> submitted = new ArrayList<>();
    private CompletableFuture<LeaderAndIsr> unanswered;

    /** Whether the next changes are accepted, in this order. */
    void expect(List<Boolean> accepted) {
        this.accepted.clear();
        this.accepted.addAll(accepted);
        submitted.clear();
    }

    /** What was submitted since. */
    List<String> submitted() {
        return submitted;
    }

    @Override
    public CompletableFuture<LeaderAndIsr> submit(TopicIdPartition partition, LeaderAndIsr change) {
        TreeMap<Integer, Long> isr = new TreeMap<>();
        change.isrWithBrokerEpoch().forEach(member -> isr.put(member.brokerId(), member.brokerEpoch()));
        submitted.add(text(change.leaderEpoch(), change.partitionEpoch(), isr));
        CompletableFuture<LeaderAndIsr> answer = new CompletableFuture<>();
        boolean isAccepted = accepted.isEmpty() || accepted.remove();
        if (isAccepted) {
            unanswered = answer;
        } else {
            answer.completeExceptionally(new OperationNotAttemptedException("Failed to enqueue ISR change"));
        }
        return answer;
    }

    /** False if nothing is unanswered. */
    boolean answer(JsonNode answer) {
        CompletableFuture<LeaderAndIsr> future = unanswered;
        unanswered = null;
        if (future == null) {
            return false;
        }
        short error = (short) answer.path("error").asInt();
        if (error != Errors.NONE.code()) {
            return future.completeExceptionally(Errors.forCode(error).exception());
        }
        List<Integer> isr = new ArrayList<>();
        answer.path("isr").forEach(member -> isr.add(member.asInt()));
        return future.complete(new LeaderAndIsr(answer.path("leader").asInt(), answer.path("leader_epoch").asInt(), isr,
            LeaderRecoveryState.RECOVERED, answer.path("partition_epoch").asInt()));
    }

    /** What the model submits. */
    static String text(JsonNode submit) {
        TreeMap<Integer, Long> isr = new TreeMap<>();
        submit.path("isr").forEach(member -> isr.put(member.path(0).asInt(), member.path(1).asLong()));
        return text(submit.path("leader_epoch").asInt(), submit.path("partition_epoch").asInt(), isr);
    }

    private static String text(int leaderEpoch, int partitionEpoch, TreeMap<Integer, Long> isr) {
        return "leader epoch " + leaderEpoch + " partition epoch " + partitionEpoch + " ISR and broker epochs " + isr;
    }

    @Override
    public void start() {
    }

    @Override
    public void shutdown() {
    }
}
