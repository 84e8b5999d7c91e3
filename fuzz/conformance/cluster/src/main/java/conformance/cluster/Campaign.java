package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Trials, one after the other, until the file has as many of each fault as are wanted. After some of them the next cluster
 * is made, with clients of its own: trials of one have much in common, such as when its brokers send heartbeats.
 */
final class Campaign {
    private static final int PER_CLUSTER = 12;
    /** No cluster is made for fewer seconds. */
    private static final int LEAST_SECONDS = 60;
    private static final int WELL_SECONDS = 120;
    /** Clients and servers run so long before the first trial. */
    private static final int WARM_UP_SECONDS = 10;
    private static final int END_SECONDS = 30;
    private static final int CHECK_SECONDS = 600;
    private static final String CLIENT_HEAP = "-Xmx512m";

    private final RealCluster.Setup setup;
    private final Path command;
    private final Path file;
    private final Map<Fault, Integer> wanted;
    private final Duration limit;
    private final Random random = new Random();
    private final long beganNs = System.nanoTime();

    Campaign(RealCluster.Setup setup, Path command, Path file, Map<Fault, Integer> wanted, Duration limit) {
        this.setup = setup;
        this.command = command;
        this.file = file;
        this.wanted = wanted;
        this.limit = limit;
    }

    /** Returns whether all histories of clients are linearizable. */
    boolean run() throws IOException, InterruptedException {
        if (left().isEmpty()) {
            System.err.println(file + " has all trials that are wanted");
            return true;
        }
        makeArchives();
        boolean isLinearizable = true;
        while (!left().isEmpty() && !isOver(LEAST_SECONDS)) {
            isLinearizable &= trials(Trials.lastCluster(Trials.read(file)) + 1);
        }
        return isLinearizable;
    }

    /** Is less time left than that? */
    private boolean isOver(int seconds) {
        return System.nanoTime() - beganNs + TimeUnit.SECONDS.toNanos(seconds) >= limit.toNanos();
    }

    private RealCluster.Setup in(Path work) {
        return new RealCluster.Setup(setup.examples(), work, setup.classPath(), setup.jvm(), setup.archives(), setup.extra(),
            setup.log4j(), setup.firstPort());
    }

    private void makeArchives() throws IOException, InterruptedException {
        try (RealCluster cluster = new RealCluster(setup)) {
            cluster.makeArchives();
        }
    }

    /** Trials on one fresh cluster; returns whether its clients' history is linearizable. */
    private boolean trials(int number) throws IOException, InterruptedException {
        Path work = Files.createDirectories(setup.work().resolve("cluster-" + number));
        Path history = work.resolve("history.edn");
        Path successes = work.resolve("successes");
        try (RealCluster cluster = new RealCluster(in(work))) {
            say("%d trials to go; cluster %d starts", left().size(), number);
            cluster.format();
            cluster.startAll();
            Process clients = null;
            try (Health health = new Health(cluster)) {
                health.awaitWell(WELL_SECONDS);
                clients = clients(cluster, work, history, successes);
                health.awaitWell(WELL_SECONDS, ClientMain.TOPIC);
                TimeUnit.SECONDS.sleep(WARM_UP_SECONDS);
                Observed observed = new Observed(cluster, successes);
                List<Fault> left = left();
                for (int done = 0; done < PER_CLUSTER && !left.isEmpty() && !isOver(0); done++, left = left()) {
                    Fault fault = left.get(random.nextInt(left.size()));
                    if (!clients.isAlive()) {
                        throw new BadInput("the clients have ended by themselves: " + work.resolve("clients.out"));
                    }
                    ObjectNode trial = new Trial(cluster, health, observed, random).run(fault);
                    trial.put("kafka", System.getProperty("cluster.kafka")).put("jvm", String.join(" ", setup.jvm()))
                        .put("cluster", number);
                    Trials.append(file, trial);
                    say("%d to go: %s", left.size() - 1, shown(trial));
                }
            } finally {
                end(clients);
            }
            cluster.stopAll();
        }
        boolean isLinearizable = isLinearizable(history, number);
        delete(work);
        return isLinearizable;
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /** A fault of each kind that lacks trials, as often as it lacks them. */
    private List<Fault> left() throws IOException {
        List<JsonNode> trials = Trials.read(file);
        List<Fault> left = new ArrayList<>();
        wanted.forEach((fault, count) -> {
            for (long i = Trials.count(trials, fault); i < count; i++) {
                left.add(fault);
            }
        });
        return left;
    }

    private Process clients(RealCluster cluster, Path work, Path history, Path successes) throws IOException {
        Path said = work.resolve("clients.out");
        List<String> words = List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), CLIENT_HEAP,
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"), "-cp",
            System.getProperty("java.class.path"), ClientMain.class.getName(), cluster.bootstrapServers(), history.toString(),
            successes.toString());
        Process process = new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(said.toFile()).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return process;
    }

    private static void end(Process clients) throws IOException, InterruptedException {
        if (clients != null) {
            clients.getOutputStream().close();
            if (!clients.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                clients.destroyForcibly();
            }
        }
    }

    private boolean isLinearizable(Path history, int number) throws IOException, InterruptedException {
        Process check = new ProcessBuilder(command.toString(), "check", history.toString(), "--for", CHECK_SECONDS + "s")
            .redirectErrorStream(true).start();
        String said = new String(check.getInputStream().readAllBytes()).trim();
        int code = check.waitFor();
        say("history of the clients of cluster %d: %s", number, said);
        if (code != 0) {
            Path kept = Path.of(file + "." + number + ".history.edn");
            Files.copy(history, kept, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            say("it is kept: %s", kept);
        }
        return code == 0;
    }

    private static String shown(JsonNode trial) {
        Map<String, String> parts = new LinkedHashMap<>();
        for (String of : List.of("controller", "partition")) {
            if (trial.has(of)) {
                parts.put(of, trial.get(of).path("ended").asBoolean() ? ms(trial.get(of).path("total_us"))
                    + (trial.get(of).path("split").asBoolean() ? " split" : "") : "not over");
            }
        }
        trial.path("gaps").fields().forEachRemaining(gap -> parts.put(gap.getKey().replace("_us", " gap"), ms(gap.getValue())));
        return String.format("%s of %s %s; load %.1f", trial.get("fault").asText(), trial.get("node").asText(),
            parts, trial.get("load").asDouble());
    }

    private static String ms(JsonNode us) {
        return String.format("%.0f ms", us.asDouble() / 1000);
    }

    private static void say(String format, Object... values) {
        System.err.printf(format + "%n", values);
    }
}
