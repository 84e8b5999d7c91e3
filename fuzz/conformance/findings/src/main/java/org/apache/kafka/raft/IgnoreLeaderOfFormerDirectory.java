package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/** A leader whose disk is replaced ends itself at the first answer to its new process: that names its id as the leader. */
public final class IgnoreLeaderOfFormerDirectory extends Finding {
    private static final int STARTS = 2;
    private static final long ROUND_MS = 100;

    @Override
    public String summary() {
        return "A leader whose disk was replaced ends itself at each start until another leader is elected.";
    }

    @Override
    public String trigger() {
        return "the replaced disk is that of the leader, and not of a follower";
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
        steps.say("node 1", "is %s; node 2 is %s", one.state(), two.state());

        RaftProcess<String> replaced = triggered ? one : two;
        RaftProcess<String> asked = triggered ? two : one;
        int id = replaced.id();
        replaced.kill();
        world.replaceDisk(id);
        int ends = 0;
        // A follower that starts a second time meets another defect, FollowLeaderOfUnattached.
        int starts = triggered ? STARTS : 1;
        for (int start = 0; start < starts; start++) {
            RaftProcess<String> process = new RaftProcess<>(world, RaftProcess.Setup.joining(id, asked.id()));
            process.run();
            steps.say("node " + id, "boots on an empty disk: %s, directory %s", process.state(), world.key(id).directoryId());
            try {
                fetch(world, steps, process, asked);
                steps.say("node " + id, "is %s", process.state());
            } catch (IllegalStateException e) {
                steps.say("node " + id, "ends: %s", e);
                ends += 1;
            }
            process.kill();
        }
        return ends == starts;
    }

    private static void fetch(Quorum world, Steps steps, RaftProcess<String> process, RaftProcess<String> asked) {
        RaftProcess.Sent fetch = world.take(process, ApiKeys.FETCH, asked.id());
        fetch.deliver(asked, answer -> {
            var partition = ((FetchResponseData) answer).responses().get(0).partitions().get(0);
            steps.say("node " + asked.id(), "answers its Fetch: %s, leader %d, epoch %d", Errors.forCode(partition.errorCode()),
                partition.currentLeader().leaderId(), partition.currentLeader().leaderEpoch());
            fetch.answer().accept(answer);
        });
        process.run();
    }
}
