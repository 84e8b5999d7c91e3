package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.AddRaftVoterResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

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
        steps.say("node 1", "is %s, voters %s", one.state(), voters(world, one));

        isolate(world, Set.of(1, 4));
        steps.say("nodes 1, 4", "are cut off; AddRaftVoter of node 4: %s", add(world, one, 4));
        steps.say("node 1", "log end %d, high watermark %d, voters %s", one.log().endOffset().offset(),
            one.quorum().highWatermark().orElseThrow().offset(), voters(world, one));
        if (triggered) {
            steps.say("node 1", "writes a snapshot up to %d", snapshot(one));
        }
        world.elect(two, three);
        isolate(world, Set.of());
        world.pass(5_000);
        steps.say("node 1", "is back: %s, log end %d, voters %s", one.state(), one.log().endOffset().offset(),
            voters(world, one));
        steps.say("node 1", "writes a snapshot up to %d, and restarts", snapshot(one));
        one.kill();
        one = new RaftProcess<>(world, RaftProcess.Setup.formatted(1));
        world.pass(5_000);
        steps.say("node 1", "is %s, voters %s; voters of node 2: %s", one.state(), voters(world, one), voters(world, two));
        return voters(world, one).isEmpty() && !voters(world, two).isEmpty();
    }

    /** Cuts these nodes off from the others. */
    private static void isolate(Quorum world, Set<Integer> side) {
        world.connect((from, to) -> side.contains(from) == side.contains(to));
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

    private static String add(Quorum world, RaftProcess<String> leader, int id) {
        AtomicReference<String> answer = new AtomicReference<>("none");
        leader.handle(ApiKeys.ADD_RAFT_VOTER,
            RaftUtil.addVoterRequest("cluster", 1_000, world.key(id), world.endpoints(id), true), response ->
                answer.set(Errors.forCode(((AddRaftVoterResponseData) response).errorCode()).name()));
        world.pass(500);
        return answer.get();
    }

    private static List<Integer> voters(Quorum world, RaftProcess<String> node) {
        return IntStream.rangeClosed(1, 4).boxed().filter(id -> node.quorum().isVoter(world.key(id))).toList();
    }
}
