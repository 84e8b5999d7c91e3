package findings.broker;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.AlterPartitionRequestData;
import org.apache.kafka.common.message.AlterPartitionResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.controller.ActiveController;
import org.apache.kafka.metadata.LeaderAndIsr;
import org.apache.kafka.metadata.LeaderRecoveryState;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;

/** The ISRs that a broker proposes for its partition t-0, until the finding says that the controller gets them. */
final class Proposals {
    private record Proposal(LeaderAndIsr value, CompletableFuture<LeaderAndIsr> answer) {
    }

    private final ActiveController controller;
    private final int broker;
    private final Deque<Proposal> waiting = new ArrayDeque<>();

    Proposals(ActiveController controller, int broker) {
        this.controller = controller;
        this.broker = broker;
    }

    CompletableFuture<LeaderAndIsr> add(LeaderAndIsr proposal) {
        CompletableFuture<LeaderAndIsr> answer = new CompletableFuture<>();
        waiting.add(new Proposal(proposal, answer));
        return answer;
    }

    /** The oldest one in words. */
    String next() {
        return waiting.isEmpty() ? "no ISR" : "ISR " + waiting.peek().value.isr().stream().sorted().toList();
    }

    /** The controller handles the oldest one; the answer is given to the broker by the returned action. */
    Runnable propose(Uuid topicId) {
        Proposal proposal = waiting.remove();
        AlterPartitionResponseData.PartitionData answer = controller.alterPartition(broker, topicId,
            new AlterPartitionRequestData.PartitionData()
                .setPartitionIndex(0)
                .setLeaderEpoch(proposal.value.leaderEpoch())
                .setPartitionEpoch(proposal.value.partitionEpoch())
                .setNewIsrWithEpochs(proposal.value.isrWithBrokerEpoch())
                .setLeaderRecoveryState(proposal.value.leaderRecoveryState().value()));
        if (answer.errorCode() != Errors.NONE.code()) {
            throw Errors.forCode(answer.errorCode()).exception();
        }
        return () -> proposal.answer.complete(new LeaderAndIsr(answer.leaderId(), answer.leaderEpoch(), answer.isr(),
            LeaderRecoveryState.of(answer.leaderRecoveryState()), answer.partitionEpoch()));
    }
}
