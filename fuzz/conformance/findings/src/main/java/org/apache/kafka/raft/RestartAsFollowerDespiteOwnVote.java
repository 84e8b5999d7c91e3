package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.VoteRequestData;
import org.apache.kafka.common.message.VoteResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** A candidate that lost and followed the winner restarts as candidate of the same epoch, and ends itself. */
public final class RestartAsFollowerDespiteOwnVote extends Finding {
    @Override
    public String summary() {
        return "A voter that lost an election and follows the winner restarts as candidate of that epoch and ends itself.";
    }

    @Override
    public String trigger() {
        return "a vote of node 2 for itself in the epoch that node 1 wins";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2, 3));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.voter(3, 1, 2, 3));
        world.advance(2_500);
        one.run();
        world.exchange(one, ApiKeys.VOTE, three);
        if (triggered) {
            two.run();
            world.exchange(two, ApiKeys.VOTE, three);
            steps.say("node 2", "is %s", two.state());
        }
        world.exchange(one, ApiKeys.VOTE, three);
        steps.say("node 1", "is %s, by the vote of node 3", one.state());
        world.exchange(one, ApiKeys.BEGIN_QUORUM_EPOCH, two);
        world.exchange(two, ApiKeys.FETCH, one);
        steps.say("node 2", "is %s; quorum-state: %s", two.state(), two.quorumStateFile());
        two.kill();
        steps.say("node 2", "is killed");

        RaftProcess<String> again = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
        steps.say("node 2", "boots: %s", again.state());
        again.run();
        if (!again.quorum().isCandidate()) {
            return false;
        }
        RaftProcess.Sent vote = world.take(again, ApiKeys.VOTE, 3);
        var asked = ((VoteRequestData) vote.body()).topics().get(0).partitions().get(0);
        steps.say("node 2", "Vote to node 3: epoch %d, last epoch %d", asked.replicaEpoch(), asked.lastOffsetEpoch());
        vote.deliver(three, answer -> {
            var partition = ((VoteResponseData) answer).topics().get(0).partitions().get(0);
            steps.say("node 3", "answers %s, leader %d", Errors.forCode(partition.errorCode()), partition.leaderId());
            vote.answer().accept(answer);
        });
        try {
            again.run();
            steps.say("node 2", "is %s", again.state());
            return false;
        } catch (IllegalStateException e) {
            steps.say("node 2", "ends: %s", e);
            return true;
        }
    }
}
