package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.AddRaftVoterResponseData;
import org.apache.kafka.common.message.RemoveRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** A replica that its own log does not have among the voters never campaigns, and nobody wins without it. */
public final class CampaignAfterRefusingVote extends Finding {
    private static final int NEW = 4;
    private static final long STEP_MS = 10;
    private static final long ROUND_MS = 100;
    /** Longer than a Fetch waits at the leader. */
    private static final long FETCHES_MS = 600;
    private static final long MOST_MS = 60_000;

    @Override
    public String summary() {
        return "A quorum has no leader for ever if voters need the vote of a replica that is no voter by its own, longer log.";
    }

    @Override
    public String trigger() {
        return "a cut before the removal, and a loss before a new epoch, has reached the other voter (in the control just after it)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        boolean isRemovalStuck = removal(steps, triggered);
        boolean isAdditionStuck = addition(steps, triggered);
        return triggered ? isRemovalStuck && isAdditionStuck : isRemovalStuck || isAdditionStuck;
    }

    /** One of two voters leads, and has its own removal. */
    private boolean removal(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess.format(world, 1, 1, 3);
        RaftProcess.format(world, 3, 1, 3);
        List<RaftProcess<String>> nodes = new ArrayList<>(List.of(boot(world, 1, 1, 3), boot(world, 3, 1, 3)));
        RaftProcess<String> one = nodes.get(0);
        world.elect(one, nodes.get(1));
        world.pass(ROUND_MS);
        steps.say("nodes 1, 3", "%s", states(nodes));

        if (triggered) {
            world.connect((from, to) -> from.equals(to));
        }
        AtomicReference<String> answer = new AtomicReference<>("none");
        one.handle(ApiKeys.REMOVE_RAFT_VOTER, RaftUtil.removeVoterRequest("cluster", world.key(1)), response ->
            answer.set(Errors.forCode(((RemoveRaftVoterResponseData) response).errorCode()).name()));
        world.pass(ROUND_MS);
        steps.say("node 1", "RemoveRaftVoter of node 1, answer %s: %s", answer.get(), states(nodes));

        one.kill();
        nodes.set(0, boot(world, 1, 1, 3));
        world.connect((from, to) -> true);
        boolean led = isLedWithin(world, nodes);
        steps.say("node 1", "is killed and restarted, the nodes are connected, up to %d ms pass: %s", MOST_MS, states(nodes));
        nodes.forEach(RaftProcess::kill);
        nodes = List.of(boot(world, 1, 1, 3), boot(world, 3, 1, 3));
        led |= isLedWithin(world, nodes);
        steps.say("nodes 1, 3", "are restarted, up to %d ms pass: %s", MOST_MS, states(nodes));
        nodes.forEach(RaftProcess::kill);
        return !led;
    }

    /** A leader of three voters adds a fourth, which has the first record of the next leader instead. */
    private boolean addition(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        List<RaftProcess<String>> nodes = new ArrayList<>();
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
            nodes.add(boot(world, id, 1, 2, 3));
        }
        RaftProcess<String> three = nodes.get(2);
        world.elect(three, nodes.get(1));
        RaftProcess<String> added = boot(world, NEW, 1, 2, 3);
        nodes.add(added);
        world.pass(FETCHES_MS);
        steps.say("nodes 1 to 4", "%s", states(nodes));

        world.connect((from, to) -> from != 3 && to != 3);
        AtomicReference<String> answer = new AtomicReference<>("none");
        three.handle(ApiKeys.ADD_RAFT_VOTER,
            RaftUtil.addVoterRequest("cluster", 5_000, world.key(NEW), world.endpoints(NEW), true), response ->
                answer.set(Errors.forCode(((AddRaftVoterResponseData) response).errorCode()).name()));
        // The new voter says what it supports; nothing else arrives.
        world.exchange(three, ApiKeys.API_VERSIONS, added);
        world.pass(STEP_MS);
        steps.say("node 3", "is cut off; AddRaftVoter of node 4, answer %s; ends of the logs: %s", answer.get(), ends(nodes));

        // With the trigger, nodes 1 and 2 do not hear each other any more as soon as one of them leads.
        List<RaftProcess<String>> both = List.of(nodes.get(0), nodes.get(1));
        world.connect((from, to) -> from != 3 && to != 3 && (from == NEW || to == NEW || !triggered || leader(both).isEmpty()));
        while (leader(both).isEmpty() || added.log().lastFetchedEpoch() == 1) {
            world.pass(STEP_MS);
        }
        RaftProcess<String> next = leader(both).orElseThrow();
        steps.say(next.name(), "is elected; last epochs in the logs: %s",
            nodes.stream().map(node -> node.log().lastFetchedEpoch()).toList());

        next.kill();
        nodes.remove(next);
        world.connect((from, to) -> true);
        while (three.quorum().isLeader()) {
            world.pass(STEP_MS);
        }
        boolean led = isLedWithin(world, nodes);
        steps.say(next.name(), "is killed, the others are connected, up to %d ms pass: %s", MOST_MS, states(nodes));
        return !led;
    }

    private static Optional<RaftProcess<String>> leader(List<RaftProcess<String>> nodes) {
        return nodes.stream().filter(node -> node.quorum().isLeader()).findFirst();
    }

    private static List<Long> ends(List<RaftProcess<String>> nodes) {
        return nodes.stream().map(node -> node.log().endOffset().offset()).toList();
    }

    private static RaftProcess<String> boot(Quorum world, int id, Integer... servers) throws IOException {
        return new RaftProcess<>(world, RaftProcess.Setup.joining(id, servers));
    }

    private static boolean isLedWithin(Quorum world, List<RaftProcess<String>> nodes) {
        for (long ms = 0; ms < MOST_MS; ms += ROUND_MS) {
            if (leader(nodes).isPresent()) {
                return true;
            }
            world.pass(ROUND_MS);
        }
        return false;
    }

    private static String states(List<RaftProcess<String>> nodes) {
        List<String> states = nodes.stream()
            .map(node -> node.name() + " is " + node.state() + (node.quorum().isVoter() ? ", a voter" : ", no voter")).toList();
        return String.join("; ", states);
    }
}
