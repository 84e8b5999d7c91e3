package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A follower waits for a bootstrap server that is cut off, and meanwhile fetches nothing from a leader that works. */
public final class LeaveSilentBootstrapServer extends Finding {
    private static final List<Integer> CONNECTED = List.of(1, 2, 3);
    private static final long ROUND_MS = 10;
    private static final long MOST_MS = 40_000;
    private static final long RESET_MS = 5_000;

    @Override
    public String summary() {
        return "A follower whose request fails once waits for a bootstrap server that is cut off: its leader is deposed.";
    }

    @Override
    public String trigger() {
        return "two of five controllers that are silent (in the control they refuse connections)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        return isDeposedByRefusal(steps, triggered) & isDeposedByReset(steps, triggered);
    }

    /** Two followers send UpdateRaftVoter at the same time, and the leader refuses the second. */
    private static boolean isDeposedByRefusal(Steps steps, boolean triggered) throws IOException {
        Quorum world = new Quorum(steps);
        for (int id : CONNECTED) {
            RaftProcess.format(world, id, 1, 2, 3, 4, 5);
        }
        CONNECTED.forEach(world::extend);
        steps.say("dynamic", "nodes 1, 2, 3 have one more listener than the voters' record says");
        return isDeposed(steps, world, triggered, false, id -> RaftProcess.Setup.joining(id, 1, 2, 3, 4, 5));
    }

    /** The connections of a follower to its leader break now and then. */
    private static boolean isDeposedByReset(Steps steps, boolean triggered) throws IOException {
        steps.say("static", "the connections to the leader are reset every %d ms", RESET_MS);
        return isDeposed(steps, new Quorum(steps), triggered, true, id -> RaftProcess.Setup.voter(id, 1, 2, 3, 4, 5));
    }

    private interface Setups {
        RaftProcess.Setup<String> of(int id);
    }

    private static boolean isDeposed(Steps steps, Quorum world, boolean triggered, boolean isReset, Setups setups)
        throws IOException {
        List<RaftProcess<String>> nodes = new ArrayList<>();
        for (int id : CONNECTED) {
            nodes.add(new RaftProcess<>(world, setups.of(id)));
        }
        world.connect((from, to) -> !triggered || CONNECTED.contains(to));
        steps.say("nodes 4, 5", triggered ? "are cut off" : "are down");
        while (nodes.stream().noneMatch(node -> node.quorum().isLeader())) {
            world.pass(ROUND_MS);
        }
        RaftProcess<String> leader = nodes.stream().filter(node -> node.quorum().isLeader()).findFirst().orElseThrow();
        steps.say(leader.name(), "is %s", leader.state());
        long ms = 0;
        while (ms < MOST_MS && leader.quorum().isLeader()) {
            world.pass(ROUND_MS);
            ms += ROUND_MS;
            if (isReset && ms % RESET_MS == 0) {
                nodes.forEach(node -> world.reset(node, leader));
            }
        }
        steps.say(leader.name(), "is %s %d ms after its election", leader.state(), ms);
        return !leader.quorum().isLeader();
    }
}
