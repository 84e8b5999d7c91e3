package conformance.cluster;

import kafka.tools.StorageTool;
import org.apache.kafka.common.Uuid;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Three controllers and three brokers on loopback: a process {@code kafka.Kafka} for each. */
public final class RealCluster implements AutoCloseable {
    /** What every server is started with; it is part of what is measured. */
    public static final List<String> DEFAULT_JVM = List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private static final int CONTROLLERS = 3;
    private static final int BROKERS = 3;
    private static final int STOP_SECONDS = 90;
    private static final int LAST_LINES = 20;

    /**
     * How servers are started.
     *
     * @param examples  the directory of the nodes' {@code .properties}
     * @param work      all files of all nodes
     * @param classPath Kafka's jars
     * @param jvm       options of every server, such as {@link #DEFAULT_JVM}
     * @param archives  where class-data archives are kept; null: none are used
     * @param extra     more options, by node, such as {@code -javaagent}
     * @param log4j     the log4j2 configuration; it finds the file to write in the property {@code cluster.log}
     * @param firstPort of the node with id 0
     */
    public record Setup(Path examples, Path work, String classPath, List<String> jvm, Path archives,
                        Function<Node, List<String>> extra, Path log4j, int firstPort) {
    }

    private record Running(Process process, Instant since) {
    }

    private final Setup setup;
    private final Signals signals;
    private final Map<Integer, Node> nodes = new LinkedHashMap<>();
    private final Map<Integer, Running> running = new LinkedHashMap<>();

    public RealCluster(Setup setup) throws IOException {
        this.setup = setup;
        for (int id = 1; id <= CONTROLLERS; id++) {
            add(id, false);
        }
        for (int id = 101; id < 101 + BROKERS; id++) {
            add(id, true);
        }
        signals = new Signals();
        // However this process ends, no server outlives it.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> running.values().forEach(it -> it.process.destroyForcibly())));
    }

    private void add(int id, boolean isBroker) {
        Path home = setup.work().resolve((isBroker ? "broker-" : "controller-") + id);
        nodes.put(id, new Node(id, isBroker, setup.firstPort() + id, home));
    }

    public Node node(int id) {
        return nodes.get(id);
    }

    public List<Node> controllers() {
        return nodes.values().stream().filter(node -> !node.isBroker()).toList();
    }

    public List<Node> brokers() {
        return nodes.values().stream().filter(Node::isBroker).toList();
    }

    /** For {@code bootstrap.servers}. */
    public String bootstrapServers() {
        return String.join(",", brokers().stream().map(Node::address).toList());
    }

    /** Writes the properties of all nodes, and formats their directories ({@code kafka-storage format}). */
    public void format() throws IOException {
        String voters = String.join(",", controllers().stream().map(node -> node.id() + "@" + node.address()).toList());
        String clusterId = Uuid.randomUuid().toString();
        for (Node node : nodes.values()) {
            node.write(setup.examples().resolve(node.name() + ".properties"), voters);
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            String[] words = {"format", "-t", clusterId, "-c", node.properties().toString()};
            if (StorageTool.execute(words, new PrintStream(said)) != 0) {
                throw new BadInput("kafka-storage format of " + node.name() + ":\n" + said);
            }
        }
    }

    public void startAll() throws IOException {
        for (Node node : nodes.values()) {
            start(node);
        }
    }

    public void start(Node node) throws IOException {
        start(node, archiveOptions(node));
    }

    private void start(Node node, List<String> archive) throws IOException {
        List<String> words = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        words.addAll(setup.jvm());
        words.addAll(archive);
        words.addAll(setup.extra().apply(node));
        words.addAll(List.of("-Dcluster.log=" + node.log(), "-Dlog4j2.configurationFile=" + setup.log4j(), "-cp",
            setup.classPath(), "kafka.Kafka", node.properties().toString()));
        File output = node.output().toFile();
        Process process = new ProcessBuilder(words).redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(output)).start();
        running.put(node.id(), new Running(process, Instant.now()));
    }

    public boolean isRunning(Node node) {
        return running.containsKey(node.id());
    }

    /** When its process was started. */
    public Instant since(Node node) {
        return running.get(node.id()).since;
    }

    public long pid(Node node) {
        return running.get(node.id()).process.pid();
    }

    /** SIGKILL; returns the time of the signal. */
    public Instant kill(Node node) throws IOException {
        Running it = running.remove(node.id());
        Instant at = signals.send("KILL", it.process.pid());
        await(it.process);
        return at;
    }

    /** SIGTERM; returns the time of the signal. It is not waited for: {@link #awaitEnd}. */
    public Instant terminate(Node node) throws IOException {
        return signals.send("TERM", pid(node));
    }

    /** SIGSTOP, or SIGCONT; returns the time of the signal. */
    public Instant pause(Node node, boolean pauses) throws IOException {
        return signals.send(pauses ? "STOP" : "CONT", pid(node));
    }

    /** Waits for a node that was told to terminate, and kills it if it takes too long. */
    public void awaitEnd(Node node) throws InterruptedException {
        Running it = running.remove(node.id());
        if (!it.process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
            await(it.process.destroyForcibly());
        }
    }

    private static void await(Process process) {
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            throw new BadInput("interrupted");
        }
    }

    /** Brokers first: they hand their partitions over to the controllers. */
    public void stopAll() throws IOException, InterruptedException {
        for (List<Node> group : List.of(brokers(), controllers())) {
            List<Node> those = group.stream().filter(this::isRunning).toList();
            for (Node node : those) {
                terminate(node);
            }
            for (Node node : those) {
                awaitEnd(node);
            }
        }
    }

    /** Throws if a node that should be running has ended by itself. */
    public void checkAlive() {
        running.forEach((id, it) -> {
            if (!it.process.isAlive()) {
                throw new BadInput(nodes.get(id).name() + " has ended by itself:\n" + end(nodes.get(id).output()) + "\n"
                    + end(nodes.get(id).log()));
            }
        });
    }

    private static String end(Path file) {
        try {
            List<String> lines = Files.readAllLines(file);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /**
     * Makes the class-data archives of the two roles, if they are not there: a server that loads its classes from one starts
     * in half the time. The servers of a throw-away cluster write them when they end.
     */
    public void makeArchives() throws IOException, InterruptedException {
        if (setup.archives() == null || (Files.exists(archive(false)) && Files.exists(archive(true)))) {
            return;
        }
        Files.createDirectories(setup.archives());
        Path work = setup.work().resolve("archives");
        Setup plain = new Setup(setup.examples(), work, setup.classPath(), setup.jvm(), null, node -> List.of(),
            setup.log4j(), setup.firstPort());
        try (RealCluster cluster = new RealCluster(plain)) {
            cluster.format();
            for (Node node : cluster.nodes.values()) {
                boolean writes = node.id() == 1 || node.id() == 101;
                cluster.start(node, writes ? List.of("-XX:ArchiveClassesAtExit=" + archive(node.isBroker())) : List.of());
            }
            try (Health health = new Health(cluster)) {
                health.awaitWell(STOP_SECONDS);
            }
            cluster.stopAll();
        }
    }

    private List<String> archiveOptions(Node node) {
        return setup.archives() == null || !Files.exists(archive(node.isBroker())) ? List.of()
            : List.of("-XX:SharedArchiveFile=" + archive(node.isBroker()));
    }

    /**
     * An archive fits one JVM, its options, and one class path. A JVM ignores an archive without a word if a jar has another
     * size or time than when the archive was written: servers then start in twice the time.
     */
    private Path archive(boolean isBroker) {
        StringBuilder fits = new StringBuilder(System.getProperty("java.vm.version")).append(setup.jvm());
        for (String element : setup.classPath().split(File.pathSeparator)) {
            File file = new File(element);
            fits.append(element).append(file.length()).append(file.lastModified());
        }
        return setup.archives().resolve((isBroker ? "broker-" : "controller-") + Integer.toHexString(fits.toString().hashCode()) + ".jsa");
    }

    /** A port that no other run is likely to use. */
    public static int anyPort() {
        return 20_000 + 200 * ThreadLocalRandom.current().nextInt(50);
    }

    @Override
    public void close() {
        running.values().forEach(it -> await(it.process.destroyForcibly()));
        running.clear();
        signals.close();
    }
}
