package conformance.cluster;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.clients.admin.QuorumInfo;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One fault, from a well cluster to a well cluster. */
final class Trial {
    private static final int WELL_SECONDS = 120;
    private static final long POLL_MS = 250;
    /** A failover that takes longer is given up. */
    private static final long LONGEST_MS = 60_000;
    /** A fault comes at most so long after the cluster is well: at any phase of what happens every 2 s. */
    private static final int MOST_WAIT_MS = 2_000;
    /** The clients' gaps are measured so much longer: the admin client moves leaders back to a broker that has returned. */
    private static final int AFTERWARDS_MS = 2_000;
    /** Earlier events say nothing of the fault but how far the log was committed. */
    private static final long BEFORE_NS = 10_000_000_000L;

    private final RealCluster cluster;
    private final Health health;
    private final Observed observed;
    private final Random random;

    Trial(RealCluster cluster, Health health, Observed observed, Random random) {
        this.cluster = cluster;
        this.health = health;
        this.observed = observed;
        this.random = random;
    }

    ObjectNode run(Fault fault) throws IOException, InterruptedException {
        health.awaitWell(WELL_SECONDS, ClientMain.TOPIC);
        Thread.sleep(random.nextInt(MOST_WAIT_MS));
        QuorumInfo quorum = health.awaitWell(WELL_SECONDS, ClientMain.TOPIC);
        Node active = cluster.node(quorum.leaderId());
        observed.readMetadata(active);
        Node struck = draw(fault.role(), active);
        Set<Integer> waitsFor = cluster.brokers().stream().map(Node::id).collect(Collectors.toCollection(HashSet::new));
        waitsFor.remove(struck.id());
        ObjectNode ages = Trials.JSON.createObjectNode();
        Instant now = Instant.now();
        Stream.concat(cluster.controllers().stream(), cluster.brokers().stream())
            .forEach(node -> ages.put(node.name(), Duration.between(cluster.since(node), now).toMillis()));
        Machine before = Machine.now();

        Instant at = strike(fault.kind(), struck);
        long ns = ServerLog.ns(at);
        long lastsMs = fault.kind().lastsMs(random);
        boolean isFailover = fault.role() == Fault.Role.CONTROLLER;
        int epoch = (int) quorum.leaderEpoch();
        while (Duration.between(at, Instant.now()).toMillis() < lastsMs) {
            Thread.sleep(POLL_MS);
        }
        await(at, () -> !isFailover || controller(ns, active, epoch, waitsFor).isPresent());
        await(at, () -> fault.role() != Fault.Role.BROKER || partitions(ns, struck).isPresent());
        long lastedMs = Duration.between(at, Instant.now()).toMillis();
        lift(fault.kind(), struck);
        Optional<ControllerFailover> controller = isFailover ? controller(ns, active, epoch, waitsFor) : Optional.empty();
        Optional<PartitionFailover> partitions =
            fault.role() == Fault.Role.BROKER ? partitions(ns, struck) : Optional.empty();
        Instant liftedAt = Instant.now();
        health.awaitWell(WELL_SECONDS, ClientMain.TOPIC);
        long wellAfterMs = Duration.between(liftedAt, Instant.now()).toMillis();
        Machine after = Machine.now();
        Thread.sleep(AFTERWARDS_MS);
        long clientsMs = Duration.between(at, Instant.now()).toMillis();

        ObjectNode line = Trials.JSON.createObjectNode();
        line.put("schema", "kraftsim.real-failover.v1").put("fault", fault.toString()).put("kind", fault.kind().toString())
            .put("role", fault.role().toString()).put("node", struck.name()).put("at", at.toString())
            .put("lasted_ms", lastedMs)
            .put("well_after_ms", wellAfterMs).put("clients_ms", clientsMs)
            .put("load", before.load()).put("steal", round(after.stolenSince(before))).put("busy", round(after.busySince(before)));
        line.set("jvm_ages_ms", ages);
        if (isFailover) {
            write(line.putObject("controller"), controller);
        }
        if (fault.role() == Fault.Role.BROKER) {
            writePartitions(line.putObject("partition"), partitions);
        }
        List<Gaps.Success> successes = observed.readSuccesses();
        // Faults of other controllers are no concern of clients.
        if (fault.role() != Fault.Role.INACTIVE) {
            ObjectNode gap = line.putObject("gaps");
            Gaps.of(ns, successes).forEach((kind, length) -> gap.put(kind + "_us", length / 1000));
        }
        observed.readMetadata(active(health.awaitWell(WELL_SECONDS)));
        observed.forget(ServerLog.ns(Instant.now()) - BEFORE_NS);
        return line;
    }

    private static double round(double share) {
        return Math.round(share * 10_000) / 10_000.0;
    }

    private Node active(QuorumInfo quorum) {
        return cluster.node(quorum.leaderId());
    }

    private Node draw(Fault.Role role, Node active) {
        List<Node> from = switch (role) {
            case CONTROLLER -> List.of(active);
            case INACTIVE -> cluster.controllers().stream().filter(node -> node != active).toList();
            case BROKER -> {
                Set<Integer> leaders = observed.ledAt(Long.MAX_VALUE).values().stream().map(Event.Led::leader)
                    .collect(Collectors.toSet());
                yield cluster.brokers().stream().filter(node -> leaders.contains(node.id())).toList();
            }
        };
        return from.get(random.nextInt(from.size()));
    }

    private Instant strike(Fault.Kind kind, Node node) throws IOException {
        return switch (kind) {
            case KILL -> cluster.kill(node);
            case TERMINATE -> cluster.terminate(node);
            case PAUSE -> cluster.pause(node, true);
        };
    }

    private void lift(Fault.Kind kind, Node node) throws IOException, InterruptedException {
        if (kind == Fault.Kind.PAUSE) {
            cluster.pause(node, false);
            return;
        }
        if (kind == Fault.Kind.TERMINATE) {
            cluster.awaitEnd(node);
        }
        cluster.start(node);
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(Instant since, Condition condition) throws IOException, InterruptedException {
        while (!condition.holds() && Duration.between(since, Instant.now()).toMillis() < LONGEST_MS) {
            Thread.sleep(POLL_MS);
        }
    }

    private Optional<ControllerFailover> controller(long ns, Node active, int epoch, Set<Integer> brokers) throws IOException {
        return ControllerFailover.of(ns, active.id(), epoch, brokers, observed.readLogs());
    }

    private Optional<PartitionFailover> partitions(long ns, Node struck) throws IOException {
        // Any controller's log has what is committed, unless it is behind: then the next reading finds it.
        Node newest = cluster.controllers().stream().filter(cluster::isRunning).findFirst().orElseThrow();
        observed.readMetadata(newest);
        return PartitionFailover.of(ns, struck.id(), observed.ledAt(ns), observed.events());
    }

    private static void write(ObjectNode to, Optional<ControllerFailover> failover) {
        to.put("ended", failover.isPresent());
        failover.ifPresent(it -> it.prospectiveNs().forEach(ns -> to.withArray("prospective_us").add(ns / 1000)));
        failover.ifPresent(it -> to.put("winner", it.winner()).put("detect_us", it.detectNs() / 1000)
            .put("elect_us", it.electNs() / 1000).put("activate_us", it.activateNs() / 1000)
            .put("commit_us", it.commitNs() / 1000).put("brokers_us", it.brokersNs() / 1000)
            .put("total_us", it.totalNs() / 1000).put("candidates", it.candidates()).put("epochs", it.epochs())
            .put("split", it.isSplit()));
    }

    private static void writePartitions(ObjectNode to, Optional<PartitionFailover> failover) {
        to.put("ended", failover.isPresent());
        failover.ifPresent(it -> to.put("partitions", it.partitions()).put("detect_us", it.detectNs() / 1000)
            .put("elect_us", it.electNs() / 1000).put("led_us", it.ledNs() / 1000).put("total_us", it.totalNs() / 1000));
    }
}
