package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;

import java.util.ArrayList;
import java.util.List;

/** The buffer of an appended batch is in the pool again when its header is read at the commit. */
public final class KeepBufferUntilCommit extends Finding {
    @Override
    public String summary() {
        return "A leader hands out a committed batch with the timestamp of a later batch that was built in its buffer.";
    }

    @Override
    public String trigger() {
        return "a second batch that is built before the first one is committed";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2));
        RaftProcess<String> follower = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2));
        world.elect(leader, follower);
        world.follow(leader, follower);
        List<Batch<String>> committed = new ArrayList<>();
        leader.client().register(new CommitListener<>(committed::add));
        leader.run();
        long first = append(world, steps, leader, "a");
        world.advance(500);
        if (triggered) {
            append(world, steps, leader, "b");
        }
        world.follow(leader, follower);
        steps.say("node 2", "fetches; the leader is %s", leader.state());
        Batch<String> batch = committed.get(0);
        steps.say("node 1", "listener is given %s with append timestamp %d", batch.records(), batch.appendTimestamp());
        long stored = leader.log().read(batch.baseOffset(), Isolation.COMMITTED, 1)
            .records.batches().iterator().next().maxTimestamp();
        steps.say("node 1", "its log has timestamp %d for that batch", stored);
        return batch.records().equals(List.of("a")) && stored == first && batch.appendTimestamp() != stored;
    }

    private static long append(Quorum world, Steps steps, RaftProcess<String> leader, String record) {
        long time = world.clock.milliseconds();
        leader.client().prepareAppend(leader.quorum().epoch(), List.of(record));
        leader.client().schedulePreparedAppend();
        world.advance(100);
        leader.run();
        steps.say("node 1", "appends [%s] at %d: %s", record, time, leader.state());
        return time;
    }
}
