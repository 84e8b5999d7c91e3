package org.apache.kafka.raft;

import findings.Clock;
import findings.Steps;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.AddRaftVoterResponseData;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;

/**
 * Nodes with one clock and a network in which a request is delivered only when the finding says so: each on its own, or all
 * of a time that passes. Everything runs in the finding's thread. The directories of the nodes outlive their processes.
 */
public final class Quorum {
    static final ListenerName LISTENER = new ListenerName("CONTROLLER");
    private static final ListenerName SECOND_LISTENER = new ListenerName("CONTROLLER_2");
    /** In time that passes, a message and its answer together take as long. */
    private static final long STEP_MS = 10;
    private static final String HOST = "node";
    private static final int MOVED_PORT = 10990;

    final Clock clock = new Clock();
    private final Steps steps;
    private final Path directory;
    private final Map<Integer, RaftProcess<?>> processes = new TreeMap<>();
    private final Map<Integer, Integer> replacedDisks = new HashMap<>();
    private final Set<Integer> extended = new TreeSet<>();
    /** Nodes that have moved, and whether their former addresses are silent. */
    private final Map<Integer, Boolean> moved = new HashMap<>();
    private final List<RaftProcess.Sent> network = new ArrayList<>();
    /** What arrived in time that passes, and is not answered. */
    private final List<RaftProcess.Sent> unanswered = new ArrayList<>();
    private BiPredicate<Integer, Integer> connected = (from, to) -> true;
    private BiConsumer<RaftProcess.Sent, ApiMessage> watch = (request, answer) -> { };

    public Quorum(Steps steps) {
        this.steps = steps;
        this.directory = steps.directory("quorum");
    }

    Steps steps() {
        return steps;
    }

    static InetSocketAddress address(int id) {
        return InetSocketAddress.createUnresolved(HOST + id, 9990 + id);
    }

    /** Where this node listens: at its address, or, once it has moved, on another port. */
    InetSocketAddress listener(int id) {
        return moved.containsKey(id) ? InetSocketAddress.createUnresolved(HOST + id, MOVED_PORT + id) : address(id);
    }

    /** Bootstrap servers have ids of their own, but the host says which node it is. */
    static int id(Node node) {
        return Integer.parseInt(node.host().substring(HOST.length()));
    }

    /** What a process of this node says of its listeners. */
    Endpoints endpoints(int id) {
        Map<ListenerName, InetSocketAddress> addresses = new HashMap<>(Map.of(LISTENER, listener(id)));
        if (extended.contains(id)) {
            addresses.put(SECOND_LISTENER, InetSocketAddress.createUnresolved(HOST + id, 10090 + id));
        }
        return Endpoints.fromInetSocketAddresses(addresses);
    }

    ReplicaKey key(int id) {
        return ReplicaKey.of(id, new Uuid(77 + replacedDisks.getOrDefault(id, 0), id));
    }

    Path directory(int id) {
        return directory.resolve("node-" + id + "-disk-" + replacedDisks.getOrDefault(id, 0));
    }

    /** The next process of this node has a new directory, with another directory id. */
    void replaceDisk(int id) {
        replacedDisks.merge(id, 1, Integer::sum);
    }

    /** The next process of this node has one more listener. */
    void extend(int id) {
        extended.add(id);
    }

    /** The next process of this node listens on another port. Its former address refuses connections, or is silent. */
    void move(int id, boolean isSilent) {
        moved.put(id, isSilent);
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

    /** In time that passes, messages arrive only between nodes that are connected; the others are lost without a notice. */
    void connect(BiPredicate<Integer, Integer> connected) {
        this.connected = connected;
    }

    /** Cuts these nodes off from the others. */
    void isolate(Set<Integer> side) {
        connect((from, to) -> side.contains(from) == side.contains(to));
    }

    /** AddRaftVoter of a node, and what its leader has answered after this time. */
    String addVoter(RaftProcess<?> leader, int id, long ms) {
        AtomicReference<String> answer = new AtomicReference<>("none");
        leader.handle(ApiKeys.ADD_RAFT_VOTER,
            RaftUtil.addVoterRequest("cluster", 1_000, key(id), endpoints(id), true), response ->
                answer.set(Errors.forCode(((AddRaftVoterResponseData) response).errorCode()).name()));
        pass(ms);
        return answer.get();
    }

    /** Of the first five nodes those that are voters by what this one knows. */
    List<Integer> voters(RaftProcess<?> node) {
        return IntStream.rangeClosed(1, 5).boxed().filter(id -> node.quorum().isVoter(key(id))).toList();
    }

    /** In time that passes, this is told each answer that arrives, before its receiver is. */
    void watch(BiConsumer<RaftProcess.Sent, ApiMessage> watch) {
        this.watch = watch;
    }

    /** Lets time pass in which all nodes run and all requests arrive, in the order in which they were sent. */
    void pass(long ms) {
        for (long passed = 0; passed < ms; passed += STEP_MS) {
            advance(STEP_MS);
            List<RaftProcess<?>> up = processes.values().stream().filter(RaftProcess::isUp).toList();
            up.forEach(RaftProcess::expire);
            up.forEach(RaftProcess::run);
            List<RaftProcess.Sent> requests = List.copyOf(network);
            network.clear();
            requests.forEach(this::arrive);
        }
    }

    private void arrive(RaftProcess.Sent request) {
        int from = request.from().id();
        RaftProcess<?> to = processes.get(request.to());
        boolean isFormer = request.port() != listener(request.to()).getPort();
        if (!connected.test(from, request.to()) || isFormer && moved.get(request.to())) {
            return;
        }
        if (to == null || !to.isUp() || isFormer) {
            answer(request, RaftUtil.errorResponse(request.api(), Errors.BROKER_NOT_AVAILABLE));
            return;
        }
        unanswered.add(request);
        request.deliver(to, answer -> {
            if (unanswered.remove(request) && connected.test(request.to(), from)) {
                answer(request, answer);
            }
        });
    }

    private void answer(RaftProcess.Sent request, ApiMessage answer) {
        watch.accept(request, answer);
        request.answer().accept(answer);
    }

    /** The connection between two nodes breaks: what the one has in flight fails at once. */
    void reset(RaftProcess<?> from, RaftProcess<?> to) {
        List<RaftProcess.Sent> failed =
            unanswered.stream().filter(sent -> sent.from() == from && sent.to() == to.id()).toList();
        unanswered.removeAll(failed);
        failed.forEach(sent -> sent.answer().accept(RaftUtil.errorResponse(sent.api(), Errors.BROKER_NOT_AVAILABLE)));
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
