package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** A restarted replica names a leader without endpoints; a new node that asks it ends itself at that answer, at each start. */
public final class IgnoreLeaderWithoutEndpoints extends Finding {
    private static final int NEW = 9;
    private static final int STARTS = 2;
    private static final long ROUND_MS = 100;
    private static final long LATER_MS = 60_000;

    @Override
    public String summary() {
        return "A new node ends itself at the answer of a replica that was restarted while a removed leader leads on.";
    }

    @Override
    public String trigger() {
        return "a restart of the replica that the new node asks";
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
        one.handle(ApiKeys.REMOVE_RAFT_VOTER, RaftUtil.removeVoterRequest("cluster", world.key(1)), answer -> { });
        world.pass(ROUND_MS);
        steps.say("node 1", "node 3 is down; node 1 removes itself from the voters, and leads until that is committed: %s",
            one.state());
        steps.say("node 2", "has the record: %s; quorum-state: %s", two.state(), two.quorumStateFile());
        if (triggered) {
            two.kill();
            two = new RaftProcess<>(world, RaftProcess.Setup.formatted(2));
            two.run();
            steps.say("node 2", "is killed, and boots: %s, leader %s, its endpoints %s", two.state(), two.quorum().leaderId(),
                two.quorum().leaderEndpoints());
        }
        int ends = 0;
        for (int start = 0; start < STARTS; start++) {
            if (start > 0) {
                one.kill();
                world.pass(LATER_MS);
                steps.say("node 2", "alone for %d ms, is %s", LATER_MS, two.state());
            }
            RaftProcess<String> joining = new RaftProcess<>(world, RaftProcess.Setup.joining(NEW, 2));
            joining.run();
            steps.say("node 9", "is new, and boots: %s", joining.state());
            try {
                fetch(world, steps, joining, two);
                steps.say("node 9", "is %s", joining.state());
            } catch (IllegalArgumentException e) {
                steps.say("node 9", "ends: %s", e);
                ends += 1;
            }
            joining.kill();
        }
        return ends == STARTS;
    }

    private static void fetch(Quorum world, Steps steps, RaftProcess<String> joining, RaftProcess<String> asked) {
        RaftProcess.Sent fetch = world.take(joining, ApiKeys.FETCH, asked.id());
        fetch.deliver(asked, answer -> {
            FetchResponseData response = (FetchResponseData) answer;
            var partition = response.responses().get(0).partitions().get(0);
            steps.say("node 2", "answers the Fetch of node 9: %s, leader %d, epoch %d, endpoints: %s",
                Errors.forCode(partition.errorCode()), partition.currentLeader().leaderId(),
                partition.currentLeader().leaderEpoch(), response.nodeEndpoints());
            fetch.answer().accept(answer);
        });
        joining.run();
    }
}
