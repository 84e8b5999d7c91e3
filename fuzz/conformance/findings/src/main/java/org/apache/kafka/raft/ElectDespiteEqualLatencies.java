package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.protocol.ApiKeys;

import java.util.ArrayList;
import java.util.List;

/** Followers whose fetch timers expire together split the vote: the fetch timeout is not random, and pre-votes pass both. */
public final class ElectDespiteEqualLatencies extends Finding {
    private static final int MOST_MS = 10_000;

    @Override
    public String summary() {
        return "Two followers that lose their leader at the same time split the vote: pre-votes let both become candidates.";
    }

    @Override
    public String trigger() {
        return "equal latencies (in the control an answer takes 100 ms longer to node 3)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> one = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1, 2, 3));
        RaftProcess<String> two = new RaftProcess<>(world, RaftProcess.Setup.voter(2, 1, 2, 3));
        RaftProcess<String> three = new RaftProcess<>(world, RaftProcess.Setup.voter(3, 1, 2, 3));
        world.elect(one, three);
        world.follow(one, two, three);
        // The followers' fetches wait at the leader until it appends something.
        one.client().prepareAppend(1, List.of("a"));
        one.client().schedulePreparedAppend();
        world.advance(100);
        one.run();
        two.run();
        if (!triggered) {
            world.advance(100);
        }
        three.run();
        one.kill();
        steps.say("node 1", "led epoch 1 and is killed; the last answer reached node 3 %s",
            triggered ? "when it reached node 2" : "100 ms after it reached node 2");
        List<RaftProcess<String>> followers = List.of(two, three);
        for (int ms = 0; ms < MOST_MS; ms++) {
            world.advance(1);
            List<String> before = states(followers);
            followers.forEach(RaftProcess::run);
            exchangeVotes(world, followers);
            if (!states(followers).equals(before)) {
                followers.forEach(each -> steps.say(each.name(), "is %s", each.state()));
            }
            if (followers.stream().anyMatch(each -> each.quorum().isLeader())) {
                return false;
            }
            if (followers.stream().allMatch(each -> each.quorum().isCandidate())) {
                exchangeVotes(world, followers);
                followers.forEach(each -> steps.say(each.name(), "after the votes it is %s", each.state()));
                return followers.stream().allMatch(each -> each.quorum().isCandidate());
            }
        }
        throw new IllegalStateException("nobody was elected, and the vote was not split");
    }

    private static List<String> states(List<RaftProcess<String>> nodes) {
        return nodes.stream().map(RaftProcess::state).toList();
    }

    /** Each request arrives before any answer does, as with equal latencies. */
    private static void exchangeVotes(Quorum world, List<RaftProcess<String>> followers) {
        List<Runnable> answers = new ArrayList<>();
        for (RaftProcess<String> from : followers) {
            for (RaftProcess.Sent vote : world.take(from, ApiKeys.VOTE)) {
                followers.stream().filter(to -> to.id() == vote.to()).forEach(to ->
                    vote.deliver(to, answer -> answers.add(() -> vote.answer().accept(answer))));
            }
        }
        answers.forEach(Runnable::run);
        followers.forEach(RaftProcess::run);
    }
}
