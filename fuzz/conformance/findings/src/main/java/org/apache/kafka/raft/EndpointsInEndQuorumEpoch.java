package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.protocol.ApiKeys;

/** A controller with a new disk ends itself when a leader that it does not know tells it the end of its epoch. */
public final class EndpointsInEndQuorumEpoch extends Finding {
    private static final int SHUTDOWN_MS = 5_000;
    private static final long ROUND_MS = 100;

    @Override
    public String summary() {
        return "A controller whose disk was replaced ends itself at the EndQuorumEpoch of a leader that it has not heard of.";
    }

    @Override
    public String trigger() {
        return "an epoch that ends before the first Fetch of the controller is answered";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
        }
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.formatted(1));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.formatted(2));
        world.elect(one, two);
        world.pass(ROUND_MS);
        steps.say("node 1", "is %s; node 2 is %s; the disk of node 3 is replaced", one.state(), two.state());

        world.replaceDisk(3);
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.joining(3, 1, 2));
        three.run();
        steps.say("node 3", "boots: %s", three.state());
        if (!triggered) {
            world.pass(ROUND_MS);
            steps.say("node 3", "has fetched: %s", three.state());
        }
        one.client().shutdown(SHUTDOWN_MS);
        one.run();
        RaftProcess.Sent end = world.take(one, ApiKeys.END_QUORUM_EPOCH, 3);
        steps.say("node 1", "shuts down, is %s, and sends node 3: %s", one.state(), end.body());
        try {
            end.deliver(three);
            steps.say("node 3", "is %s", three.state());
            return false;
        } catch (IllegalArgumentException e) {
            steps.say("node 3", "ends: %s", e);
            return true;
        }
    }
}
