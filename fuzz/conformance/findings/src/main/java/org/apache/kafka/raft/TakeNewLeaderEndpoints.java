package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.message.BeginQuorumEpochRequestData;
import org.apache.kafka.common.message.BeginQuorumEpochResponseData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.VoteResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.raft.internals.StringSerde;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A follower that starts with a former endpoint of its leader keeps it for the epoch, whoever tells it the present one. */
public final class TakeNewLeaderEndpoints extends Finding {
    private static final int MOVED = 1;
    private static final int STALE = 3;
    private static final int STARTS = 2;
    private static final long STEP_MS = 10;
    private static final long ROUND_MS = 100;
    private static final long RESTART_MS = 1_500;
    private static final long LATER_MS = 60_000;

    @Override
    public String summary() {
        return "A restarted voter fetches from a former endpoint of its leader, and takes the present one only in a new epoch.";
    }

    @Override
    public String trigger() {
        return "a restart of node 3 between the BeginQuorumEpoch of its leader and the first records of that epoch";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        return isBehind(steps, triggered, false) & isBehind(steps, triggered, true);
    }

    /** The former endpoint refuses connections; or it is silent, and the bootstrap servers have the present one. */
    private static boolean isBehind(Steps steps, boolean triggered, boolean isSilent) throws IOException {
        steps.say("all", "the former endpoint of node 1 %s", isSilent
            ? "is silent, and the bootstrap servers of restarted nodes have the present one" : "refuses connections");
        Quorum world = new Quorum(steps);
        for (int id = 1; id <= 3; id++) {
            RaftProcess.format(world, id, 1, 2, 3);
        }
        RaftProcess<String> one = boot(world, MOVED, isSilent);
        RaftProcess<String> two = boot(world, 2, isSilent);
        RaftProcess<String> three = boot(world, STALE, isSilent);
        world.elect(two, three);
        world.pass(RESTART_MS);
        one.kill();
        world.move(MOVED, isSilent);
        one = boot(world, MOVED, isSilent);
        world.pass(RESTART_MS);
        steps.say("node 1", "is restarted, and listens at %s instead of %s: %s", text(world.listener(MOVED)),
            text(Quorum.address(MOVED)), one.state());
        two.kill();
        world.elect(one, three);
        steps.say("node 2", "ends; node 1 is elected by node 3: %s", one.state());
        world.exchange(one, ApiKeys.BEGIN_QUORUM_EPOCH, three);
        if (!triggered) {
            world.pass(ROUND_MS);
        }
        steps.say("node 3", "is %s; quorum-state: %s", following(three), three.quorumStateFile());
        three.kill();
        two = boot(world, 2, isSilent);
        world.pass(RESTART_MS);
        steps.say("node 2", "is started: %s", two.state());

        int behind = 0;
        for (int start = 0; start < STARTS; start++) {
            three.kill();
            three = boot(world, STALE, isSilent);
            steps.say("node 3", "is killed, and boots: %s", following(three));
            append(one);
            Map<String, Integer> answers = new TreeMap<>();
            world.watch((request, answer) -> count(answers, request, answer));
            world.pass(LATER_MS);
            world.watch((request, answer) -> { });
            answers.forEach((what, times) -> steps.say("node 3", "in %d ms %4d times: %s", LATER_MS, times, what));
            steps.say("nodes 1, 2", "are %s; %s", one.state(), two.state());
            steps.say("node 3", "is %s", following(three));
            if (one.quorum().isLeader() && three.log().endOffset().offset() < highWatermark(one)) {
                behind += 1;
            }
        }

        two.kill();
        long end = one.log().endOffset().offset();
        append(one);
        long ms = 0;
        while (ms < LATER_MS && highWatermark(one) <= end) {
            world.pass(STEP_MS);
            ms += STEP_MS;
        }
        steps.say("node 2", "ends; the next record of node 1 is committed after %d ms: %s", ms, one.state());
        steps.say("node 3", "is %s", following(three));
        return behind == STARTS;
    }

    private static RaftProcess<String> boot(Quorum world, int id, boolean isPresent) throws IOException {
        List<InetSocketAddress> servers =
            Stream.of(1, 2, 3).map(server -> isPresent ? world.listener(server) : Quorum.address(server)).toList();
        RaftProcess<String> node =
            new RaftProcess<>(world, new RaftProcess.Setup<>(id, Set.of(), servers, true, new StringSerde()));
        node.run();
        return node;
    }

    private static void append(RaftProcess<String> leader) {
        leader.client().prepareAppend(leader.quorum().epoch(), List.of("a"));
        leader.client().schedulePreparedAppend();
    }

    private static long highWatermark(RaftProcess<String> node) {
        return node.quorum().highWatermark().map(LogOffsetMetadata::offset).orElse(0L);
    }

    private static String following(RaftProcess<String> node) {
        return node.state() + ", leader at " + text(node.quorum().leaderEndpoints());
    }

    private static String text(Endpoints endpoints) {
        return text(endpoints.address(Quorum.LISTENER).orElseThrow());
    }

    private static String text(InetSocketAddress address) {
        return address.getHostString() + ":" + address.getPort();
    }

    /** Counts what node 3 asks and is answered, and what the leader tells it. */
    private static void count(Map<String, Integer> answers, RaftProcess.Sent request, ApiMessage answer) {
        boolean isAsked = request.from().id() == STALE;
        String what = null;
        if (isAsked && answer instanceof FetchResponseData fetch) {
            what = fetch.responses().isEmpty() ? Errors.forCode(fetch.errorCode()).name() : named(fetch);
        } else if (isAsked && answer instanceof VoteResponseData vote) {
            what = vote.topics().isEmpty() ? Errors.forCode(vote.errorCode()).name()
                : vote.topics().get(0).partitions().get(0).voteGranted() ? "granted" : "refused";
        } else if (request.to() == STALE && answer instanceof BeginQuorumEpochResponseData begin) {
            var body = (BeginQuorumEpochRequestData) request.body();
            what = String.format("leader at %s, answered %s",
                text(Endpoints.fromBeginQuorumEpochRequest(body.leaderEndpoints())), Errors.forCode(begin.errorCode()));
        }
        if (what != null) {
            String asked = isAsked ? "to node" + request.to() + ":" + request.port() : "from node " + request.from().id();
            answers.merge(String.format("%s %s: %s", request.api().name, asked, what), 1, Integer::sum);
        }
    }

    private static String named(FetchResponseData fetch) {
        var partition = fetch.responses().get(0).partitions().get(0);
        int leader = partition.currentLeader().leaderId();
        return String.format("%s, leader %d of epoch %d at %s", Errors.forCode(partition.errorCode()), leader,
            partition.currentLeader().leaderEpoch(),
            text(Endpoints.fromFetchResponse(Quorum.LISTENER, leader, fetch.nodeEndpoints())));
    }
}
