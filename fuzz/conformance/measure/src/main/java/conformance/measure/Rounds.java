package conformance.measure;

import conformance.cluster.Health;
import conformance.cluster.Node;
import conformance.cluster.RealCluster;
import org.apache.kafka.clients.admin.QuorumInfo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A cluster whose servers are killed or stopped, and started again, one at a time. */
final class Rounds {
    /** The victims of ten rounds: what is rare otherwise happens in each of these. */
    private static final List<String> PLAN = List.of("kill active", "term broker", "term active", "kill broker", "kill standby",
        "kill active", "term broker", "term active", "kill active", "kill broker");
    private static final int WELL_SECONDS = 90;
    private static final int CONTROLLER_DOWN_MS = 5_500;
    private static final int BROKER_KILLED_MS = 10_500;
    private static final int BROKER_STOPPED_MS = 2_500;
    private static final int REST_MS = 2_500;

    private final Setup setup;
    private final Actions actions = new Actions();
    private RealCluster cluster;
    private int next;

    /**
     * @param work files of the servers, on the disk that is measured
     * @param events where the servers' events go; in memory, or their writing would be a part of the fsyncs
     * @param classPath woven classes and the recorder first; jars only, as class-data archives want
     */
    record Setup(Path examples, Path log4j, Path work, Path events, Path archives, String classPath, List<String> jvm) {
    }

    Rounds(Setup setup) {
        this.setup = setup;
    }

    /** At most so many rounds; none begins after so much time. */
    void run(int rounds, Duration time) throws IOException, InterruptedException, ExecutionException {
        Files.createDirectories(setup.events);
        long end = System.nanoTime() + time.toNanos();
        List<String> extra = List.of("-Dmeasure.events=" + setup.events, Pauses.option(setup.events));
        RealCluster made = new RealCluster(new RealCluster.Setup(setup.examples, setup.work, setup.classPath, setup.jvm,
            setup.archives, node -> extra, setup.log4j, RealCluster.anyPort()));
        cluster = made;
        try (made) {
            cluster.makeArchives();
            cluster.format();
            for (Node node : Stream.concat(cluster.controllers().stream(), cluster.brokers().stream()).toList()) {
                start(node);
            }
            try (Health health = new Health(cluster); Load load = new Load(cluster.bootstrapServers())) {
                health.awaitWell(WELL_SECONDS);
                load.start(health.admin());
                health.awaitWell(WELL_SECONDS, Load.TOPIC);
                // Under the load, since a processor that has nothing else to do answers at once.
                Link.measure(setup.events);
                for (int round = 0; round < rounds && System.nanoTime() < end; round++) {
                    QuorumInfo quorum = health.awaitWell(WELL_SECONDS, Load.TOPIC);
                    Thread.sleep(REST_MS);
                    round(PLAN.get(round % PLAN.size()), quorum.leaderId());
                    System.err.printf("measure: round %d of %d%n", round + 1, rounds);
                }
                health.awaitWell(WELL_SECONDS, Load.TOPIC);
            }
            for (Node node : Stream.concat(cluster.brokers().stream(), cluster.controllers().stream()).toList()) {
                terminate(node, "TERM");
            }
        } finally {
            actions.write(setup.events);
        }
    }

    private void start(Node node) throws IOException {
        long begin = System.nanoTime();
        cluster.start(node);
        actions.add("START", node.name(), cluster.pid(node), begin);
    }

    private void round(String plan, int active) throws IOException, InterruptedException {
        List<Node> standby = cluster.controllers().stream().filter(it -> it.id() != active).toList();
        boolean isActive = plan.endsWith("active");
        Node victim = isActive ? cluster.node(active) : plan.endsWith("broker") ? cluster.brokers().get(next++ % 3)
            : standby.get(next++ % 2);
        if (plan.startsWith("kill")) {
            long pid = cluster.pid(victim);
            long at = System.nanoTime();
            cluster.kill(victim);
            actions.add(isActive ? "KILL-ACTIVE" : "KILL", victim.name(), pid, at);
            Thread.sleep(victim.isBroker() ? BROKER_KILLED_MS : CONTROLLER_DOWN_MS);
        } else {
            terminate(victim, isActive ? "TERM-ACTIVE" : "TERM");
            Thread.sleep(victim.isBroker() ? BROKER_STOPPED_MS : CONTROLLER_DOWN_MS);
        }
        start(victim);
    }

    private void terminate(Node node, String what) throws IOException, InterruptedException {
        actions.add(what, node.name(), cluster.pid(node), System.nanoTime());
        cluster.terminate(node);
        cluster.awaitEnd(node);
    }

    /** How many JVMs of each role were measured. */
    static String processes(List<Jvm> jvms) {
        return jvms.size() + " JVMs: " + jvms.stream().collect(Collectors.groupingBy(
                it -> it.isBroker() ? "brokers" : "controllers", Collectors.counting())).entrySet().stream()
            .sorted((a, b) -> b.getKey().compareTo(a.getKey())).map(it -> it.getValue() + " " + it.getKey())
            .collect(Collectors.joining(", "));
    }
}
