package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** Trials, one after the other, on one cluster with its clients, until the file has as many of each fault as are wanted. */
final class Campaign {
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

    Campaign(RealCluster.Setup setup, Path command, Path file, Map<Fault, Integer> wanted, Duration limit) {
        this.setup = setup;
        this.command = command;
        this.file = file;
        this.wanted = wanted;
        this.limit = limit;
    }

    /** Returns whether the clients' history is linearizable. */
    boolean run() throws IOException, InterruptedException {
        long beganNs = System.nanoTime();
        List<Fault> left = left();
        if (left.isEmpty()) {
            System.err.println(file + " has all trials that are wanted");
            return true;
        }
        Path history = setup.work().resolve("history.edn");
        Path successes = setup.work().resolve("successes");
        try (RealCluster cluster = new RealCluster(setup)) {
            say("%d trials to go; the cluster starts", left.size());
            cluster.makeArchives();
            cluster.format();
            cluster.startAll();
            Process clients = null;
            try (Health health = new Health(cluster)) {
                health.awaitWell(WELL_SECONDS);
                clients = clients(cluster, history, successes);
                health.awaitWell(WELL_SECONDS, ClientMain.TOPIC);
                TimeUnit.SECONDS.sleep(WARM_UP_SECONDS);
                Observed observed = new Observed(cluster, successes);
                for (int done = 0; !left.isEmpty() && System.nanoTime() - beganNs < limit.toNanos(); left = left()) {
                    Fault fault = left.get(random.nextInt(left.size()));
                    if (!clients.isAlive()) {
                        throw new BadInput("the clients have ended by themselves: " + setup.work().resolve("clients.out"));
                    }
                    ObjectNode trial = new Trial(cluster, health, observed, random).run(fault);
                    trial.put("kafka", System.getProperty("cluster.kafka")).put("jvm", String.join(" ", setup.jvm()));
                    Trials.append(file, trial);
                    done++;
                    say("%d done, %d to go: %s", done, left.size() - 1, shown(trial, (System.nanoTime() - beganNs) / 1e9 / done));
                }
            } finally {
                end(clients);
            }
            cluster.stopAll();
        }
        return isLinearizable(history);
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

    private Process clients(RealCluster cluster, Path history, Path successes) throws IOException {
        Path said = setup.work().resolve("clients.out");
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

    private boolean isLinearizable(Path history) throws IOException, InterruptedException {
        Process check = new ProcessBuilder(command.toString(), "check", history.toString(), "--for", CHECK_SECONDS + "s")
            .redirectErrorStream(true).start();
        String said = new String(check.getInputStream().readAllBytes()).trim();
        int code = check.waitFor();
        say("clients' history: %s", said);
        if (code != 0) {
            Path kept = Path.of(file + ".history.edn");
            Files.copy(history, kept, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            say("it is kept: %s", kept);
        }
        return code == 0;
    }

    private static String shown(JsonNode trial, double seconds) {
        Map<String, String> parts = new LinkedHashMap<>();
        for (String of : List.of("controller", "partition")) {
            if (trial.has(of)) {
                parts.put(of, trial.get(of).path("ended").asBoolean() ? ms(trial.get(of).path("total_us"))
                    + (trial.get(of).path("split").asBoolean() ? " split" : "") : "not over");
            }
        }
        trial.path("gaps").fields().forEachRemaining(gap -> parts.put(gap.getKey().replace("_us", " gap"), ms(gap.getValue())));
        return String.format("%s of %s %s; load %.1f, %.0f s each", trial.get("fault").asText(), trial.get("node").asText(),
            parts, trial.get("load").asDouble(), seconds);
    }

    private static String ms(JsonNode us) {
        return String.format("%.0f ms", us.asDouble() / 1000);
    }

    private static void say(String format, Object... values) {
        System.err.printf(format + "%n", values);
    }
}
