package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.util.Set;

/** A replica forgets its voters when it writes a snapshot up to a change of them that is truncated later. */
public final class KeepVotersOfSnapshotEnd extends Finding {
    @Override
    public String summary() {
        return "A voter that truncates a change of the voters right behind its snapshot has no voters, also after a restart.";
    }

    @Override
    public String trigger() {
        return "a snapshot that ends where the change of the voters begins";
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
        world.pass(1_000);
        new RaftProcess<>(world, RaftProcess.Setup.joining(4, 1));
        world.pass(1_000);
        steps.say("node 1", "is %s, voters %s", one.state(), world.voters(one));

        world.isolate(Set.of(1, 4));
        steps.say("nodes 1, 4", "are cut off; AddRaftVoter of node 4: %s", world.addVoter(one, 4, 500));
        steps.say("node 1", "log end %d, high watermark %d, voters %s", one.log().endOffset().offset(),
            one.quorum().highWatermark().orElseThrow().offset(), world.voters(one));
        if (triggered) {
            steps.say("node 1", "writes a snapshot up to %d", snapshot(one));
        }
        world.elect(two, three);
        world.isolate(Set.of());
        world.pass(5_000);
        steps.say("node 1", "is back: %s, voters %s", one.state(), world.voters(one));
        steps.say("node 1", "writes a snapshot up to %d, and restarts", snapshot(one));
        one.kill();
        one = new RaftProcess<>(world, RaftProcess.Setup.formatted(1));
        world.pass(5_000);
        steps.say("node 1", "is %s, voters %s; voters of node 2: %s", one.state(), world.voters(one), world.voters(two));
        boolean hasForgotten = world.voters(one).isEmpty() && !world.voters(two).isEmpty();
        two.kill();
        world.pass(60_000);
        steps.say("node 2", "is killed; a minute later node 1 is %s, and node 3 %s", one.state(), three.state());
        return hasForgotten && !one.quorum().isLeader() && !three.quorum().isLeader();
    }

    /** Writes a snapshot of everything that is committed; returns its end. */
    private static long snapshot(RaftProcess<String> node) {
        long end = node.client().highWatermark().orElseThrow();
        int epoch = node.log().endOffsetForEpoch(node.log().lastFetchedEpoch()).epoch();
        try (SnapshotWriter<String> writer = node.client().createSnapshot(new OffsetAndEpoch(end, epoch), 0).orElseThrow()) {
            writer.freeze();
        }
        return end;
    }
}
