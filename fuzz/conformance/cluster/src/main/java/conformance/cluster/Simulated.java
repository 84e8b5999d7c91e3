package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Simulated failovers: half of the runs have faults of controllers, half of brokers; a run is one {@code kraftsim replay}. */
final class Simulated {
    /** Verdicts; 2 and 5 are none. */
    private static final Set<Integer> VERDICTS = Set.of(0, 1, 3, 4);
    private static final Map<String, String> KINDS =
        Map.of("controller", "", "partition", "", "admin_gap", "admin gap");
    /** If there are no trials. */
    private static final long AFTERWARDS_NS = 10_000_000_000L;
    private static final long NS_PER_MS = 1_000_000;
    private static final long NS_PER_SECOND = 1_000_000_000;
    private static final Pattern VOTE =
        Pattern.compile("^\\s*(\\d+\\.\\d+)\\s+\\d+ controller-(\\d+) .*-> \\S+ Vote #.*replicaEpoch=(\\d+) .*preVote=false");
    private static final int EACH = 50;

    private final Path command;
    private final Path scenario;
    private final Path properties;
    private final List<String> set;
    private final int seeds;
    private final int jobs;
    private final Path work;
    private final Map<String, List<Samples.Watched>> watched;

    /** A failover of an active controller. */
    private record Elected(String fault, long atNs, double electMs, double electedMs) {
    }

    private record Gap(String fault, String kind, long ns) {
    }

    private record Run(Fault.Role role, long seed, JsonNode json, List<Gap> gaps) {
        List<Elected> elected() {
            List<Elected> all = new ArrayList<>();
            for (JsonNode it : json.path("failover").path("controller")) {
                if (it.path("ended").asBoolean()) {
                    double detect = it.path("phases").path("detect_ms").asDouble();
                    double elect = it.path("phases").path("elect_ms").asDouble();
                    all.add(new Elected("controller-" + it.path("cause").asText(), it.path("at_ns").asLong(), elect, detect + elect));
                }
            }
            return all;
        }
    }

    /** @param watched how long trials watched clients, by fault */
    Simulated(Path command, Path scenario, Path properties, List<String> set, int seeds, int jobs, Path work,
        Map<String, List<Samples.Watched>> watched) {
        this.command = command;
        this.scenario = scenario;
        this.properties = properties;
        this.set = set;
        this.seeds = seeds;
        this.jobs = jobs;
        this.work = work;
        this.watched = watched;
    }

    Samples run() throws IOException, InterruptedException {
        List<Callable<Run>> tasks = new ArrayList<>();
        for (long seed = 0; seed < seeds; seed++) {
            for (Fault.Role role : List.of(Fault.Role.CONTROLLER, Fault.Role.BROKER)) {
                long of = seed;
                tasks.add(() -> replay(role, of));
            }
        }
        List<Run> runs = all(tasks, "simulated runs");
        Samples samples = new Samples();
        runs.forEach(run -> add(run, samples));
        runs.forEach(run -> run.gaps.forEach(it -> samples.add(it.fault, it.kind, (double) it.ns / NS_PER_MS)));
        addSplits(runs, samples);
        return samples;
    }

    private static void add(Run run, Samples samples) {
        for (Map.Entry<String, String> kind : KINDS.entrySet()) {
            boolean isBroker = run.role == Fault.Role.BROKER;
            // A fault of a broker has no failover of a controller, and the reverse.
            if (kind.getKey().equals(isBroker ? "controller" : "partition")) {
                continue;
            }
            for (JsonNode it : run.json.path("failover").path(kind.getKey())) {
                String fault = run.role + "-" + it.path("cause").asText();
                boolean isGap = !kind.getValue().isEmpty();
                if (!it.path("ended").asBoolean()) {
                    if (!isGap) {
                        samples.addUnended(fault);
                    }
                    continue;
                }
                samples.add(fault, isGap ? kind.getValue() : "total", it.path("total_ms").asDouble());
                it.path("phases").fields().forEachRemaining(phase ->
                    samples.add(fault, Samples.named(phase.getKey().replace("_ms", ""), isBroker), phase.getValue().asDouble()));
            }
        }
    }

    /**
     * Clients are watched as long after the end of a fault as in the trial of the same fault that lasted most nearly as long:
     * a broker that comes back within its old session is registered when that has ended, so that the shorter a fault was, the
     * longer the cluster takes afterwards to be well.
     */
    private List<Gap> gaps(Fault.Role role, JsonNode json, List<Gaps.Success> successes) {
        List<Gap> gaps = new ArrayList<>();
        for (JsonNode it : json.path("failover").path("admin_gap")) {
            String fault = role + "-" + it.path("cause").asText();
            long struckNs = it.path("at_ns").asLong();
            long liftedNs = liftedNs(json, struckNs);
            long endNs = liftedNs + afterwardsNs(fault, liftedNs - struckNs);
            List<Gaps.Success> until = successes.stream().filter(success -> success.atNs() <= endNs).toList();
            Gaps.of(struckNs, until).forEach((kind, ns) -> gaps.add(new Gap(fault, kind + " gap", ns)));
        }
        return gaps;
    }

    private long afterwardsNs(String fault, long lastedNs) {
        return watched.getOrDefault(fault, List.of()).stream()
            .min(Comparator.comparingLong(trial -> Math.abs(trial.lastedNs() - lastedNs)))
            .map(Samples.Watched::afterwardsNs).orElse(AFTERWARDS_NS);
    }

    /** When the newest fault that began by then ends. */
    private static long liftedNs(JsonNode json, long struckNs) {
        long beganNs = 0;
        long liftedNs = struckNs;
        for (JsonNode fault : json.path("plan")) {
            long atNs = fault.path("at_ns").asLong();
            if (atNs <= struckNs && atNs >= beganNs) {
                beganNs = atNs;
                liftedNs = Math.max(struckNs, atNs + fault.path("lasts_ns").asLong());
            }
        }
        return liftedNs;
    }

    /**
     * The JSON of a run does not tell how often controllers voted for themselves, its log does, but takes five times as long to
     * write. So the log is read of runs in which two controllers were candidates of one epoch, or of which an election took
     * more than twice as long as usual: time for a second one.
     */
    private void addSplits(List<Run> runs, Samples samples) throws IOException, InterruptedException {
        double[] elects = runs.stream().flatMap(run -> run.elected().stream()).mapToDouble(Elected::electMs).sorted().toArray();
        if (elects.length == 0) {
            return;
        }
        double longMs = 2 * Statistics.quantile(elects, 50);
        List<Callable<List<String>>> tasks = new ArrayList<>();
        for (Run run : runs) {
            if (!run.elected().isEmpty() && (run.json.path("probes").path("split_vote").asBoolean()
                || run.elected().stream().anyMatch(it -> it.electMs > longMs))) {
                tasks.add(() -> splits(run));
            }
        }
        all(tasks, "logs of votes").forEach(of -> of.forEach(samples::addSplit));
    }

    /** The faults of a run after which controllers voted for themselves more than once until one was elected. */
    private List<String> splits(Run run) throws IOException {
        List<Elected> elected = run.elected();
        long end = elected.stream().mapToLong(Simulated::electedNs).max().orElseThrow();
        List<String> words = words(run.role, run.seed);
        words.addAll(List.of("--log", "--grep", "Vote", "--node", "1", "--node", "2", "--node", "3", "--until", end + 1 + "ns"));
        List<Set<String>> candidates = new ArrayList<>();
        elected.forEach(unused -> candidates.add(new HashSet<>()));
        for (String line : execute(words)) {
            Matcher vote = VOTE.matcher(line);
            if (vote.find()) {
                long ns = (long) (Double.parseDouble(vote.group(1)) * NS_PER_SECOND);
                for (int i = 0; i < elected.size(); i++) {
                    // The log has microseconds.
                    if (elected.get(i).atNs / 1000 <= ns / 1000 + 1 && ns <= electedNs(elected.get(i))) {
                        candidates.get(i).add(vote.group(2) + " " + vote.group(3));
                    }
                }
            }
        }
        List<String> splits = new ArrayList<>();
        for (int i = 0; i < elected.size(); i++) {
            // Whoever is elected has requested votes.
            if (candidates.get(i).isEmpty()) {
                throw new BadInput("the simulator's log is not understood, it has no votes: " + String.join(" ", words));
            }
            if (candidates.get(i).size() > 1) {
                splits.add(elected.get(i).fault);
            }
        }
        return splits;
    }

    private static long electedNs(Elected it) {
        return it.atNs + (long) (it.electedMs * NS_PER_MS);
    }

    private Run replay(Fault.Role role, long seed) throws IOException {
        Path file = Files.createTempFile(work, "run", ".json");
        Path history = Files.createTempFile(work, "run", ".edn");
        List<String> words = words(role, seed);
        words.addAll(List.of("--json", file.toString(), "--history", history.toString()));
        execute(words);
        JsonNode json = Trials.JSON.readTree(file.toFile());
        List<Gap> gaps = gaps(role, json, SimulatedHistory.successes(history));
        Files.delete(file);
        Files.delete(history);
        return new Run(role, seed, json, gaps);
    }

    private List<String> words(Fault.Role role, long seed) {
        List<String> words = new ArrayList<>(List.of(command.toString(), "replay", scenario.toString(), "--seed", "" + seed,
            "--cluster", properties.toString(), "--set", "nemesis.targets=" + role + "s"));
        set.forEach(it -> words.addAll(List.of("--set", it)));
        return words;
    }

    private List<String> execute(List<String> words) throws IOException {
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            reader.lines().forEach(lines::add);
        }
        try {
            int code = process.waitFor();
            if (!VERDICTS.contains(code)) {
                throw new BadInput(String.join(" ", words) + " ended with " + code + ":\n" + String.join("\n", lines));
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return lines;
    }

    private <T> List<T> all(List<Callable<T>> tasks, String what) throws IOException, InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(jobs);
        AtomicInteger done = new AtomicInteger();
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (Callable<T> task : tasks) {
                futures.add(threads.submit(() -> {
                    T result = task.call();
                    if (done.incrementAndGet() % EACH == 0) {
                        System.err.println(done + " of " + tasks.size() + " " + what);
                    }
                    return result;
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof BadInput bad) {
                throw bad;
            }
            throw new IOException(e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }
}
