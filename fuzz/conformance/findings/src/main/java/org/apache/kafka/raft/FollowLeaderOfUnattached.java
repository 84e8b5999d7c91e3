package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** A replica that knows its leader but no voters restarts as Unattached, and ends itself at the leader's answer. */
public final class FollowLeaderOfUnattached extends Finding {
    private static final int LEADER = 1;
    private static final int JOINING = 9;
    private static final int RESTARTS = 2;

    @Override
    public String summary() {
        return "A controller or broker that is restarted before it has the voters' record ends itself at the leader's answer.";
    }

    @Override
    public String trigger() {
        return "a restart between the answer that names the leader and the first records";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess.format(world, LEADER, LEADER);
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.formatted(LEADER));
        leader.run();
        steps.say("node 1", "is %s", leader.state());
        RaftProcess<String> joining = boot(world);
        fetch(world, steps, joining, leader);
        steps.say("node 9", "is %s; quorum-state: %s", joining.state(), joining.quorumStateFile());
        if (!triggered) {
            fetch(world, steps, joining, leader);
            steps.say("node 9", "is %s", joining.state());
        }
        int ends = 0;
        for (int restart = 0; restart < RESTARTS; restart++) {
            joining.kill();
            joining = boot(world);
            steps.say("node 9", "is killed, and boots: %s", joining.state());
            try {
                fetch(world, steps, joining, leader);
                steps.say("node 9", "is %s", joining.state());
            } catch (IllegalStateException e) {
                steps.say("node 9", "ends: %s", e);
                ends += 1;
            }
        }
        return ends == RESTARTS;
    }

    private static RaftProcess<String> boot(Quorum world) throws Exception {
        RaftProcess<String> joining = new RaftProcess<>(world, RaftProcess.Setup.joining(JOINING, LEADER));
        joining.run();
        return joining;
    }

    private static void fetch(Quorum world, Steps steps, RaftProcess<String> joining, RaftProcess<String> leader) {
        RaftProcess.Sent fetch = world.take(joining, ApiKeys.FETCH).get(0);
        fetch.deliver(leader, answer -> {
            var partition = ((FetchResponseData) answer).responses().get(0).partitions().get(0);
            steps.say("node 1", "answers the Fetch of node 9: %s, leader %d, epoch %d", Errors.forCode(partition.errorCode()),
                partition.currentLeader().leaderId(), partition.currentLeader().leaderEpoch());
            fetch.answer().accept(answer);
        });
        joining.run();
    }
}
