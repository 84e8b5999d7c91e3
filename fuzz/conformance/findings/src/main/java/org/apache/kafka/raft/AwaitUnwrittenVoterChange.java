package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.RemoveRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A leader accepts a second change of the voters while the record of the first one is in its accumulator. */
public final class AwaitUnwrittenVoterChange extends Finding {
    @Override
    public String summary() {
        return "A leader accepts a change of the voters beside one that has expired, and whose record is not in the log yet.";
    }

    @Override
    public String trigger() {
        return "records that the controller prepares, and schedules later than controller.quorum.request.timeout.ms";
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
        world.follow(one, two, three);

        one.client().prepareAppend(one.quorum().epoch(), List.of("a"));
        if (!triggered) {
            one.client().schedulePreparedAppend();
        }
        AtomicReference<String> first = remove(world, one, 3);
        one.run();
        steps.say("node 1", "prepareAppend [a]%s, RemoveRaftVoter of node 3: log end %d, answer %s",
            triggered ? "" : ", schedulePreparedAppend", one.log().endOffset().offset(), first.get());
        world.advance(QuorumConfig.DEFAULT_QUORUM_REQUEST_TIMEOUT_MS + 1);
        AtomicReference<String> second = remove(world, one, 2);
        one.run();
        steps.say("node 1", "%d ms later, RemoveRaftVoter of node 2: answers %s and %s",
            QuorumConfig.DEFAULT_QUORUM_REQUEST_TIMEOUT_MS + 1, first.get(), second.get());
        if (triggered) {
            one.client().schedulePreparedAppend();
        }
        one.run();
        boolean isThreeVoter = one.quorum().isVoter(world.key(3));
        boolean isTwoVoter = one.quorum().isVoter(world.key(2));
        steps.say("node 1", "%slog end %d; voters: node 2 %s, node 3 %s", triggered ? "schedulePreparedAppend: " : "",
            one.log().endOffset().offset(), isTwoVoter, isThreeVoter);
        return isThreeVoter && !isTwoVoter;
    }

    private static AtomicReference<String> remove(Quorum world, RaftProcess<String> leader, int id) {
        AtomicReference<String> answer = new AtomicReference<>("none");
        leader.handle(ApiKeys.REMOVE_RAFT_VOTER, RaftUtil.removeVoterRequest("cluster", world.key(id)), response ->
            answer.set(Errors.forCode(((RemoveRaftVoterResponseData) response).errorCode()).name()));
        return answer;
    }
}
