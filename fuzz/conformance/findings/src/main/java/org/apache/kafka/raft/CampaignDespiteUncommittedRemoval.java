package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.RemoveRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A leader that has appended its own removal, which nobody else has, never campaigns again, and nobody wins without it. */
public final class CampaignDespiteUncommittedRemoval extends Finding {
    private static final long ROUND_MS = 100;
    private static final long MOST_MS = 60_000;

    @Override
    public String summary() {
        return "A quorum has no leader for ever if the last one has its own removal in its log, and the other voter has not.";
    }

    @Override
    public String trigger() {
        return "a cut before the removal has reached the other voter (in the control just after it)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess.format(world, 1, 1, 3);
        RaftProcess.format(world, 3, 1, 3);
        List<RaftProcess<String>> nodes = new ArrayList<>(List.of(boot(world, 1), boot(world, 3)));
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
        nodes.set(0, boot(world, 1));
        world.connect((from, to) -> true);
        boolean led = isLedWithin(world, nodes);
        steps.say("node 1", "is killed and restarted, the nodes are connected, up to %d ms pass: %s", MOST_MS, states(nodes));
        nodes.forEach(RaftProcess::kill);
        nodes = List.of(boot(world, 1), boot(world, 3));
        led |= isLedWithin(world, nodes);
        steps.say("nodes 1, 3", "are restarted, up to %d ms pass: %s", MOST_MS, states(nodes));
        return !led;
    }

    private static RaftProcess<String> boot(Quorum world, int id) throws IOException {
        return new RaftProcess<>(world, RaftProcess.Setup.joining(id, 1, 3));
    }

    private static boolean isLedWithin(Quorum world, List<RaftProcess<String>> nodes) {
        for (long ms = 0; ms < MOST_MS; ms += ROUND_MS) {
            if (nodes.stream().anyMatch(node -> node.quorum().isLeader())) {
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
