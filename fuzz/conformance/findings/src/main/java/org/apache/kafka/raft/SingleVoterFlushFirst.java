package org.apache.kafka.raft;

import findings.Finding;
import findings.Forces;
import findings.Steps;

import java.nio.file.Path;
import java.util.List;

/** A quorum of one voter commits before its own fsync. */
public final class SingleVoterFlushFirst extends Finding {
    private static final String COMMITTED = "committed";

    private RaftProcess<String> follower;

    @Override
    public String summary() {
        return "The only voter of a quorum hands out a record as committed before it forces it to disk.";
    }

    @Override
    public String trigger() {
        return "one voter (the control has two)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> leader = triggered ? alone(world) : withFollower(world);
        steps.say("node 1", "is %s", leader.state());
        leader.client().register(new CommitListener<>(batch -> {
            Forces.mark(COMMITTED);
            steps.say("node 1", "listener is given %s as committed", batch.records());
        }));
        leader.run();
        List<Forces.Happened> all = Forces.during(() -> {
            leader.client().prepareAppend(1, List.of("a"));
            leader.client().schedulePreparedAppend();
            steps.say("node 1", "prepareAppend, schedulePreparedAppend: [a]");
            world.advance(100);
            leader.run();
            if (!triggered) {
                steps.say("node 2", "fetches");
                world.follow(leader, follower);
            }
        });
        Path segment = RaftProcess.segment(world, 1);
        List<Forces.Happened> order = all.stream().filter(each -> each.isMark(COMMITTED) || each.isForceOf(segment)).toList();
        steps.say("node 1", "in this order: %s",
            order.stream().map(each -> each.mark() == null ? "fsync of the log" : each.mark()).toList());
        boolean forced = order.stream().anyMatch(each -> each.isForceOf(segment));
        if (!forced || order.stream().noneMatch(each -> each.isMark(COMMITTED))) {
            throw new IllegalStateException("the record was not committed and forced");
        }
        return order.get(0).isMark(COMMITTED);
    }

    private static RaftProcess<String> alone(Quorum world) throws Exception {
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1));
        leader.run();
        return leader;
    }

    private RaftProcess<String> withFollower(Quorum world) throws Exception {
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2));
        follower = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2));
        world.elect(leader, follower);
        world.follow(leader, follower);
        return leader;
    }
}
