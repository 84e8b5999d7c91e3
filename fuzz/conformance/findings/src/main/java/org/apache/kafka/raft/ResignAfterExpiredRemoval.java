package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.RemoveRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A leader that was removed from the voters goes on leading if the request had expired before the removal was committed. */
public final class ResignAfterExpiredRemoval extends Finding {
    private static final long DELAY_MS = QuorumConfig.DEFAULT_QUORUM_REQUEST_TIMEOUT_MS / 2;
    private static final int ROUNDS = 20;
    private static final long ROUND_MS = 500;

    @Override
    public String summary() {
        return "A leader that is removed from the voters does not resign if the removal is committed after its request expired.";
    }

    @Override
    public String trigger() {
        return "a network that is slower than controller.quorum.request.timeout.ms for a moment";
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
        steps.say("node 1", "is %s, and a voter: %s", one.state(), one.quorum().isVoter());

        // Their next Fetches wait at the leader.
        for (RaftProcess<String> other : List.of(two, three)) {
            world.take(other, ApiKeys.FETCH).forEach(fetch -> fetch.deliver(one));
        }
        AtomicReference<String> answer = new AtomicReference<>("none");
        one.handle(ApiKeys.REMOVE_RAFT_VOTER, RaftUtil.removeVoterRequest("cluster", world.key(1)), response ->
            answer.set(Errors.forCode(((RemoveRaftVoterResponseData) response).errorCode()).name()));
        long removal = one.log().endOffset().offset();
        steps.say("node 1", "RemoveRaftVoter of node 1: log end %d, a voter: %s, answer %s", removal,
            one.quorum().isVoter(), answer.get());
        if (triggered) {
            world.advance(DELAY_MS);
            two.run();
            three.run();
            steps.say("nodes 2, 3", "get the record %d ms later and send their next Fetches, which take as long", DELAY_MS);
            world.advance(DELAY_MS + 1);
            one.run();
            steps.say("node 1", "the request expires: answer %s", answer.get());
        }
        for (int round = 0; round < ROUNDS; round++) {
            world.follow(one, two, three);
            one.run();
            if (!one.quorum().isLeader()) {
                break;
            }
            one.client().prepareAppend(one.quorum().epoch(), List.of("a"));
            one.client().schedulePreparedAppend();
            world.advance(ROUND_MS);
            one.run();
        }
        steps.say("node 1", "the others fetch for up to %d ms: answer %s; it is %s", ROUNDS * ROUND_MS, answer.get(),
            one.state());
        boolean committed = two.quorum().highWatermark().orElseThrow().offset() >= removal;
        return committed && one.quorum().isLeader() && !one.quorum().isVoter();
    }
}
