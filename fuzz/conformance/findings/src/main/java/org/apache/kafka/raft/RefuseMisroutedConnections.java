package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.protocol.ApiKeys;

/** A leader that restarts ends itself by its own EndQuorumEpoch, if the name of another voter leads to it. */
public final class RefuseMisroutedConnections extends Finding {
    private static final int STARTS = 2;
    private static final long ROUND_MS = 100;

    @Override
    public String summary() {
        return "A restarted leader ends itself by its own EndQuorumEpoch, at each start, while the name of another voter leads to it.";
    }

    @Override
    public String trigger() {
        return "a name of node 2 that leads node 1 to itself";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> one = start(world, 1);
        RaftProcess<String> two = start(world, 2);
        start(world, 3);
        world.elect(one, two);
        world.pass(ROUND_MS);
        steps.say("node 1", "is %s; node 2 is %s", one.state(), two.state());

        int ends = 0;
        for (int starts = 0; starts < STARTS; starts++) {
            one.kill();
            one = start(world, 1);
            one.run();
            RaftProcess.Sent end = world.take(one, ApiKeys.END_QUORUM_EPOCH, 2);
            RaftProcess<String> reached = triggered ? one : two;
            steps.say("node 1", "starts as %s, and sends node 2: %s", one.state(), end.body());
            try {
                end.deliver(reached);
                one.run();
                steps.say(reached.name(), "gets it, and is %s", reached.state());
            } catch (IllegalStateException e) {
                steps.say(reached.name(), "gets it, and ends: %s", e);
                ends++;
            }
        }
        return ends == STARTS;
    }

    private static RaftProcess<String> start(Quorum world, int id) throws Exception {
        return new RaftProcess<>(world, RaftProcess.Setup.voter(id, 1, 2, 3));
    }
}
