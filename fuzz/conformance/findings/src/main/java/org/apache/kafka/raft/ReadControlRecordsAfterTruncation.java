package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A follower does not read the voters in records that replace truncated ones: it counts votes by an older set. */
public final class ReadControlRecordsAfterTruncation extends Finding {
    private static final long MOST_MS = 20_000;
    private static final long ROUND_MS = 100;

    @Override
    public String summary() {
        return "A replica that truncated its log does not read the voters in the new records: two leaders commit at one offset.";
    }

    @Override
    public String trigger() {
        return "records that a leader appended when it was cut off";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        return areTwoCommitted(steps, triggered, false) & areTwoCommitted(steps, triggered, true);
    }

    /** The new records are fetched from the log, or in a snapshot that ends below the former end of the log. */
    private static boolean areTwoCommitted(Steps steps, boolean triggered, boolean inSnapshot) throws Exception {
        steps.say("all", "what node 1 misses will come %s", inSnapshot ? "in a snapshot" : "from the log");
        Quorum world = new Quorum(steps);
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
        }
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.formatted(1));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.formatted(2));
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.formatted(3));
        Map<Long, String> committedByOne = listen(one);
        Map<Long, String> committedByTwo = listen(two);
        world.elect(one, two);
        world.pass(1_000);
        steps.say("node 1", "is %s, voters %s", one.state(), world.voters(one));

        world.isolate(Set.of(1));
        if (triggered) {
            append(world, one, "a", "b", "c", "f");
        }
        steps.say("node 1", "is cut off: %s", one.state());
        world.elect(two, three);
        world.pass(1_000);
        new RaftProcess<>(world, RaftProcess.Setup.joining(4, 2));
        new RaftProcess<>(world, RaftProcess.Setup.joining(5, 2));
        for (int id : List.of(4, 5)) {
            world.pass(1_000);
            steps.say("node 2", "AddRaftVoter of node %d: %s", id, world.addVoter(two, id, 1_000));
        }
        if (inSnapshot) {
            replaceLog(two);
        }
        steps.say("node 2", "is %s, log start %d, voters %s", two.state(), two.log().startOffset(), world.voters(two));

        world.isolate(Set.of());
        world.pass(5_000);
        steps.say("node 1", "is back: %s, voters %s", one.state(), world.voters(one));
        steps.say("node 2", "is %s", two.state());
        world.isolate(Set.of(1, 3));
        append(world, two, "d", "e");
        for (long ms = 0; ms < MOST_MS && !one.quorum().isLeader(); ms += ROUND_MS) {
            world.pass(ROUND_MS);
        }
        steps.say("nodes 1, 3", "are cut off from 2, 4, 5: node 1 is %s, node 3 is %s", one.state(), three.state());
        if (one.quorum().isLeader()) {
            append(world, one, "x");
        }
        steps.say("node 1", "is %s, committed %s", one.state(), committedByOne);
        steps.say("node 2", "is %s, committed %s", two.state(), committedByTwo);

        world.isolate(Set.of());
        try {
            world.pass(MOST_MS);
        } catch (KafkaException e) {
            steps.say("all", "are connected; a node ends: %s", e.getMessage());
        }
        return committedByOne.entrySet().stream().anyMatch(entry ->
            committedByTwo.containsKey(entry.getKey()) && !committedByTwo.get(entry.getKey()).equals(entry.getValue()));
    }

    /** The records of the application that this node hands out as committed. */
    private static Map<Long, String> listen(RaftProcess<String> node) {
        Map<Long, String> committed = new TreeMap<>();
        node.client().register(new CommitListener<>(batch -> {
            for (int i = 0; i < batch.records().size(); i++) {
                committed.put(batch.baseOffset() + i, batch.records().get(i));
            }
        }));
        return committed;
    }

    private static void append(Quorum world, RaftProcess<String> leader, String... records) {
        leader.client().prepareAppend(leader.quorum().epoch(), List.of(records));
        leader.client().schedulePreparedAppend();
        world.pass(ROUND_MS);
    }

    /** Writes a snapshot of everything that is committed, and deletes the log below it. */
    private static void replaceLog(RaftProcess<String> leader) {
        OffsetAndEpoch end = new OffsetAndEpoch(leader.quorum().highWatermark().orElseThrow().offset(), leader.quorum().epoch());
        try (SnapshotWriter<String> writer = leader.client().createSnapshot(end, 0).orElseThrow()) {
            writer.freeze();
        }
        leader.log().deleteBeforeSnapshot(end);
    }
}
