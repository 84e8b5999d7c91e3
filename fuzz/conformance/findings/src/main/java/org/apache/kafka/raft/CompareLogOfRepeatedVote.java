package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.VoteResponseData;
import org.apache.kafka.common.protocol.ApiKeys;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A voter repeats its vote for a candidate whose log has become shorter than its own. */
public final class CompareLogOfRepeatedVote extends Finding {
    @Override
    public String summary() {
        return "A voter repeats its vote without comparing logs: a candidate that lost records wins and overwrites committed ones.";
    }

    @Override
    public String trigger() {
        return "a vote of node 2 for node 1, granted while node 1 still had the record";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2, 3));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.voter(3, 1, 2, 3));
        world.elect(three, two);
        world.follow(three, one, two);
        three.client().prepareAppend(1, List.of("a"));
        three.client().schedulePreparedAppend();
        world.advance(100);
        three.run();
        world.follow(three, one, two);
        steps.say("node 3", "is %s; record [a] is committed", three.state());
        three.kill();
        steps.say("node 3", "is killed");

        while (!one.quorum().isProspective()) {
            world.advance(500);
            one.run();
        }
        two.run();
        world.exchange(one, ApiKeys.VOTE, two);
        steps.say("node 1", "is %s", one.state());
        RaftProcess.Sent vote = world.take(one, ApiKeys.VOTE, 2);
        if (triggered) {
            vote.deliver(two, lost -> steps.say("node 2", "Vote of node 1 granted: %s; the answer is lost", isGranted(lost)));
        } else {
            steps.say("network", "the Vote of node 1 is lost");
        }
        one.kill();
        int cut = rot(RaftProcess.segment(world, 1));
        steps.say("node 1", "is killed; a bit of the last batch rots, %d bytes before the end of the segment", cut);
        RaftProcess<String> again = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2, 3));
        steps.say("node 1", "boots: %s", again.state());
        steps.say("node 2", "is %s", two.state());
        again.run();
        RaftProcess.Sent repeated = world.take(again, ApiKeys.VOTE, 2);
        repeated.deliver(two, answer -> {
            steps.say("node 2", "Vote of node 1 with the shorter log granted: %s", isGranted(answer));
            repeated.answer().accept(answer);
        });
        again.run();
        steps.say("node 1", "is %s", again.state());
        if (!again.quorum().isLeader()) {
            return false;
        }
        world.exchange(again, ApiKeys.BEGIN_QUORUM_EPOCH, two);
        try {
            fetch(steps, two, again, world);
        } catch (KafkaException e) {
            steps.say("node 2", "ends: %s", e);
        }
        two.kill();
        RaftProcess<String> twoAgain = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
        steps.say("node 2", "boots: %s", twoAgain.state());
        twoAgain.run();
        fetch(steps, twoAgain, again, world);
        world.follow(again, twoAgain);
        steps.say("node 2", "is %s", twoAgain.state());
        steps.say("node 1", "is %s; batches in its log have the epochs %s", again.state(), epochs(again));
        return again.quorum().highWatermark().orElseThrow().offset() >= 2 && epochs(again).equals(List.of(1, 2));
    }

    private static void fetch(Steps steps, RaftProcess<String> follower, RaftProcess<String> leader, Quorum world) {
        RaftProcess.Sent fetch = world.take(follower, ApiKeys.FETCH, leader.id());
        fetch.deliver(leader, answer -> {
            var partition = ((FetchResponseData) answer).responses().get(0).partitions().get(0);
            steps.say(leader.name(), "answers the Fetch of node 2: truncate to epoch %d, end %d",
                partition.divergingEpoch().epoch(), partition.divergingEpoch().endOffset());
            fetch.answer().accept(answer);
        });
        follower.run();
    }

    private static List<Integer> epochs(RaftProcess<String> node) {
        List<Integer> epochs = new ArrayList<>();
        node.log().read(0, Isolation.UNCOMMITTED, Integer.MAX_VALUE).records.batches()
            .forEach(batch -> epochs.add(batch.partitionLeaderEpoch()));
        return epochs;
    }

    private static boolean isGranted(Object answer) {
        return ((VoteResponseData) answer).topics().get(0).partitions().get(0).voteGranted();
    }

    private static int rot(Path segment) throws IOException {
        byte[] bytes = Files.readAllBytes(segment);
        bytes[bytes.length - 2] ^= 1;
        Files.write(segment, bytes);
        return 2;
    }
}
