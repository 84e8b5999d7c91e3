package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.raft.internals.StringSerde;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;

/** An observer that knows its leader but no voters restarts as Unattached, and ends itself at the leader's answer. */
public final class FollowWithoutVoters extends Finding {
    private static final int LEADER = 1;
    private static final int OBSERVER = 9;

    @Override
    public String summary() {
        return "An observer that is restarted before it has the voters' record ends itself when the leader answers its Fetch.";
    }

    @Override
    public String trigger() {
        return "a restart between the answer that names the leader and the first records";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.voter(LEADER, LEADER));
        leader.run();
        steps.say("node 1", "is %s", leader.state());
        RaftProcess<String> observer = boot(world);
        observer.run();
        fetch(world, steps, observer, leader);
        steps.say("node 9", "is %s; quorum-state: %s", observer.state(), observer.quorumStateFile());
        if (triggered) {
            observer.kill();
            steps.say("node 9", "is killed");
            observer = boot(world);
            steps.say("node 9", "boots: %s", observer.state());
            observer.run();
        }
        try {
            fetch(world, steps, observer, leader);
            steps.say("node 9", "is %s", observer.state());
            return false;
        } catch (IllegalStateException e) {
            steps.say("node 9", "ends: %s", e);
            return true;
        }
    }

    /** As a broker with controller.quorum.bootstrap.servers. */
    private static RaftProcess<String> boot(Quorum world) throws Exception {
        List<InetSocketAddress> servers = List.of(Quorum.address(LEADER));
        return new RaftProcess<>(world, new RaftProcess.Setup<>(OBSERVER, Set.of(), servers, false, new StringSerde()));
    }

    private static void fetch(Quorum world, Steps steps, RaftProcess<String> observer, RaftProcess<String> leader) {
        RaftProcess.Sent fetch = world.take(observer, ApiKeys.FETCH).get(0);
        fetch.deliver(leader, answer -> {
            var partition = ((FetchResponseData) answer).responses().get(0).partitions().get(0);
            steps.say("node 1", "answers the Fetch of node 9: %s, leader %d, epoch %d", Errors.forCode(partition.errorCode()),
                partition.currentLeader().leaderId(), partition.currentLeader().leaderEpoch());
            fetch.answer().accept(answer);
        });
        observer.run();
    }
}
