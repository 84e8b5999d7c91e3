package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.AddRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A leader fails while it adds a voter; the new one, an observer by its own log, refuses the pre-votes that need it. */
public final class GrantPreVoteAfterFetchTimeout extends Finding {
    private static final int NEW = 4;
    private static final long ROUND_MS = 100;
    /** Longer than a Fetch waits at the leader. */
    private static final long FETCHES_MS = 600;
    private static final long MOST_MS = 60_000;

    @Override
    public String summary() {
        return "Three of four voters elect no leader: the one that is being added refuses its pre-vote for the rest of the epoch.";
    }

    @Override
    public String trigger() {
        return "the leader fails before the new voter has its record (in the control just after that)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        List<RaftProcess<String>> nodes = new ArrayList<>();
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
            nodes.add(new RaftProcess<>(world, RaftProcess.Setup.joining(id, 1, 2, 3)));
        }
        RaftProcess<String> leader = nodes.get(0);
        world.elect(leader, nodes.get(1));
        nodes.add(new RaftProcess<>(world, RaftProcess.Setup.joining(NEW, 1, 2, 3)));
        world.pass(FETCHES_MS);
        steps.say("nodes 1 to 4", "%s", states(nodes));

        world.connect((from, to) -> !isCut(from, to, triggered) && !isCut(to, from, triggered));
        world.pass(FETCHES_MS);
        AtomicReference<String> answer = new AtomicReference<>("none");
        leader.handle(ApiKeys.ADD_RAFT_VOTER,
            RaftUtil.addVoterRequest("cluster", 5_000, world.key(NEW), world.endpoints(NEW), true), response ->
                answer.set(Errors.forCode(((AddRaftVoterResponseData) response).errorCode()).name()));
        // The new voter says what it supports; only its fetches are lost.
        world.exchange(leader, ApiKeys.API_VERSIONS, nodes.get(NEW - 1));
        world.pass(ROUND_MS);
        steps.say("node 1", "AddRaftVoter of node 4, answer %s; ends of the logs: %s", answer.get(),
            nodes.stream().map(node -> node.log().endOffset().offset()).toList());

        leader.kill();
        nodes.remove(leader);
        world.connect((from, to) -> true);
        boolean led = false;
        for (long ms = 0; ms < MOST_MS && !led; ms += ROUND_MS) {
            world.pass(ROUND_MS);
            led = nodes.stream().anyMatch(node -> node.quorum().isLeader());
        }
        steps.say("node 1", "is killed, the others are connected, up to %d ms pass: %s", MOST_MS, states(nodes));
        return !led;
    }

    private static boolean isCut(int from, int leader, boolean triggered) {
        return leader == 1 && (from == 3 || triggered && from == NEW);
    }

    private static String states(List<RaftProcess<String>> nodes) {
        List<String> states = nodes.stream()
            .map(node -> node.name() + " is " + node.state() + (node.quorum().isVoter() ? ", a voter" : ", no voter")).toList();
        return String.join("; ", states);
    }
}
