package org.apache.kafka.raft;

import findings.Clock;
import findings.Steps;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Nodes with one clock and a network in which a request is delivered only when the finding says so. Everything runs in the
 * finding's thread. The directories of the nodes outlive their processes.
 */
public final class Quorum {
    static final ListenerName LISTENER = new ListenerName("CONTROLLER");

    final Clock clock = new Clock();
    private final Steps steps;
    private final Path directory;
    private final Map<Integer, RaftProcess<?>> processes = new HashMap<>();
    private final List<RaftProcess.Sent> network = new ArrayList<>();

    public Quorum(Steps steps) {
        this.steps = steps;
        this.directory = steps.directory("quorum");
    }

    Steps steps() {
        return steps;
    }

    static InetSocketAddress address(int id) {
        return InetSocketAddress.createUnresolved("node" + id, 9990 + id);
    }

    Path directory(int id) {
        return directory.resolve("node-" + id);
    }

    void started(RaftProcess<?> process) {
        RaftProcess<?> before = processes.put(process.id(), process);
        if (before != null && before.isUp()) {
            throw new IllegalStateException("node " + process.id() + " runs twice");
        }
        steps.closing(process);
    }

    void sent(RaftProcess.Sent request) {
        network.add(request);
    }

    public void advance(long ms) {
        clock.advance(ms);
    }

    /** Takes the requests of this node out of the network. */
    List<RaftProcess.Sent> take(RaftProcess<?> from, ApiKeys api) {
        List<RaftProcess.Sent> taken = network.stream().filter(sent -> sent.from() == from && sent.api() == api).toList();
        network.removeAll(taken);
        return taken;
    }

    /** Takes this node's latest request to that one out of the network; the earlier ones are lost. */
    RaftProcess.Sent take(RaftProcess<?> from, ApiKeys api, int to) {
        List<RaftProcess.Sent> taken =
            network.stream().filter(sent -> sent.from() == from && sent.api() == api && sent.to() == to).toList();
        if (taken.isEmpty()) {
            throw new IllegalStateException("node " + from.id() + " sent no " + api + " to " + to);
        }
        network.removeAll(taken);
        return taken.get(taken.size() - 1);
    }

    /** Delivers the request of one node to the other, and the answer. */
    void exchange(RaftProcess<?> from, ApiKeys api, RaftProcess<?> to) {
        take(from, api, to.id()).deliver(to);
        from.run();
    }

    /** Makes this node the leader: its election timeout expires, and the helper grants its pre-vote and its vote. */
    public void elect(RaftProcess<?> candidate, RaftProcess<?> helper) {
        while (!candidate.quorum().isProspective()) {
            advance(500);
            candidate.run();
        }
        exchange(candidate, ApiKeys.VOTE, helper);
        take(candidate, ApiKeys.VOTE, helper.id()).deliver(helper);
        candidate.run();
        if (!candidate.quorum().isLeader()) {
            throw new IllegalStateException("node " + candidate.id() + " is not elected: " + candidate.state());
        }
    }

    /** The nodes find their new leader and fetch from it until they have its log and its high watermark. */
    public void follow(RaftProcess<?> leader, RaftProcess<?>... followers) {
        for (RaftProcess<?> follower : followers) {
            if (!follower.quorum().isFollower()) {
                exchange(leader, ApiKeys.BEGIN_QUORUM_EPOCH, follower);
            }
        }
        for (int round = 0; round < 3; round++) {
            for (RaftProcess<?> follower : followers) {
                follower.run();
                take(follower, ApiKeys.FETCH).forEach(fetch -> {
                    fetch.deliver(leader);
                    follower.run();
                });
            }
        }
    }

    static Map<Integer, InetSocketAddress> addresses(Set<Integer> ids) {
        Map<Integer, InetSocketAddress> addresses = new HashMap<>();
        new TreeSet<>(ids).forEach(id -> addresses.put(id, address(id)));
        return addresses;
    }
}
