package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.RemoveRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.util.concurrent.atomic.AtomicReference;

/** The answer to a BeginQuorumEpoch, of a voter that the leader has removed meanwhile, ends the leader's process. */
public final class IgnoreAnswerOfRemovedVoter extends Finding {
    private static final long ROUND_MS = 100;

    @Override
    public String summary() {
        return "A leader ends itself at the answer to BeginQuorumEpoch of a voter that it has removed meanwhile.";
    }

    @Override
    public String trigger() {
        return "a voter that answers BeginQuorumEpoch only when it has been removed";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
        }
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.formatted(1));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.formatted(2));
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.formatted(3));
        world.elect(one, two);
        RaftProcess.Sent begin = world.take(one, ApiKeys.BEGIN_QUORUM_EPOCH, 3);
        world.connect((from, to) -> from != 3 && to != 3);
        world.pass(ROUND_MS);
        steps.say("node 1", "is %s; node 2 is %s; node 3 has a BeginQuorumEpoch to answer", one.state(), two.state());
        if (!triggered) {
            answer(steps, begin, one, three);
        }
        AtomicReference<String> removal = new AtomicReference<>("none");
        one.handle(ApiKeys.REMOVE_RAFT_VOTER, RaftUtil.removeVoterRequest("cluster", world.key(3)), response ->
            removal.set(Errors.forCode(((RemoveRaftVoterResponseData) response).errorCode()).name()));
        world.pass(ROUND_MS);
        steps.say("node 1", "RemoveRaftVoter of node 3: %s", removal.get());
        try {
            if (triggered) {
                answer(steps, begin, one, three);
            }
            world.pass(ROUND_MS);
            steps.say("node 1", "is %s", one.state());
            return false;
        } catch (IllegalArgumentException e) {
            steps.say("node 1", "ends: %s", e);
            return true;
        }
    }

    private static void answer(Steps steps, RaftProcess.Sent begin, RaftProcess<String> leader, RaftProcess<String> voter) {
        begin.deliver(voter);
        steps.say(voter.name(), "answers: it is %s", voter.state());
        leader.run();
    }
}
