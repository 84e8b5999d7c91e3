package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The command. */
public final class Main {
    private static final String HELP = """
        Failovers of a real cluster: three controllers and three brokers on loopback, measured, and compared with the
        simulator's.

        run --trials FILE [OPTIONS] [FAULT=COUNT]...          measures
        run --compare FILE... [OPTIONS]                       compares
        run --self-test                                       does each part notice what it should?

        Faults are kill (SIGKILL), terminate (SIGTERM) and pause (SIGSTOP) of the active controller, of a broker that leads
        partitions, and of an inactive controller: controller-kill=60 broker-pause=20 inactive-kill=5. COUNT is how many the
        file has at the end: the same command continues after an interruption.

          --trials FILE      trials are appended to it, one JSON object per line
          --kills N, --terminates N, --pauses N   N of the active controller, and N of brokers
          --for TIME         start no further trial after this time, such as 30m or 90s
          --jvm OPTIONS      of the servers, separated by blanks (default %s)
          --no-archive       load classes from jars, without a class-data archive

          --compare FILE...  compares trials, all that are named, with simulated failovers
          --scenario FILE    the scenario (default failover.toml beside this script)
          --seeds N          of each of the two groups of simulated runs (default 300)
          --set KEY=VALUE    a field of the scenario, or a property
          --json FILE        the comparison as JSON
          --chart FILE.svg   both curves of each measure
          --jobs N           simulated runs at once (default: one per processor)

          --kraftsim PATH    the simulator (run builds it)
          --kafka VERSION    the release (default 4.4.0)
          --work DIRECTORY   where the servers' files are kept while it runs (default: in target, beside this script)

        Exit codes: 0 well; 1 a history of clients is not linearizable, a tolerance is exceeded, or a part of the
        self-test does not notice what it should; 2 bad input, or a fault of the harness.
        """.formatted(String.join(" ", RealCluster.DEFAULT_JVM));

    private static final String EQUAL_LATENCY = "35us";
    private static final int TEST_SEEDS = 8;

    private final Map<Fault, Integer> wanted = new LinkedHashMap<>();
    private final List<Path> compared = new ArrayList<>();
    private final List<String> set = new ArrayList<>();
    private final Path here = Path.of(System.getProperty("cluster.here"));
    private final Path target = Path.of(System.getProperty("cluster.target"));
    private Path command = Path.of("kraftsim");
    private Path trials;
    private Path scenario = here.resolve("failover.toml");
    private Path json;
    private Path chart;
    private int seeds = 300;
    private int jobs = Runtime.getRuntime().availableProcessors();
    private Duration limit = Duration.ofDays(1);
    private List<String> jvm = RealCluster.DEFAULT_JVM;
    private boolean usesArchive = true;
    private boolean testsItself;

    private Main() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new Main().run(arguments);
        } catch (BadInput | IOException e) {
            System.err.println("cluster: " + (e instanceof BadInput ? e.getMessage() : e.toString()));
            code = 2;
        } catch (InterruptedException e) {
            code = 2;
        }
        System.exit(code);
    }

    private int run(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length == 0 || List.of(arguments).contains("--help")) {
            System.out.print(HELP);
            return arguments.length == 0 ? 2 : 0;
        }
        parse(arguments);
        if (testsItself) {
            Path work = Path.of(System.getProperty("java.io.tmpdir"));
            Simulated runs = new Simulated(command, scenario, examples(), List.of("network.latency=" + EQUAL_LATENCY), TEST_SEEDS,
                jobs, work, Map.of());
            return new SelfTest(command, work, runs).run() ? 0 : 1;
        }
        if ((trials == null) == compared.isEmpty()) {
            throw new BadInput("either --trials, to measure, or --compare is needed");
        }
        if (trials == null) {
            return compare();
        }
        if (wanted.isEmpty()) {
            throw new BadInput("no faults are named, such as --kills 10 or controller-kill=10");
        }
        Path work = Path.of(System.getProperty("java.io.tmpdir"));
        RealCluster.Setup setup = new RealCluster.Setup(examples(), work,
            classPath(), jvm, usesArchive ? target.resolve("archives") : null, node -> List.of(),
            here.resolve("servers.properties"), RealCluster.anyPort());
        return new Campaign(setup, command, trials, wanted, limit).run() ? 0 : 1;
    }

    private int compare() throws IOException, InterruptedException {
        Samples real = new Samples();
        List<String> versions = new ArrayList<>();
        int count = 0;
        long clusters = 0;
        for (Path file : compared) {
            if (!Files.exists(file)) {
                throw new BadInput(file + " is not there");
            }
            List<JsonNode> trials = Trials.read(file);
            for (JsonNode trial : trials) {
                real.addTrial(trial);
                versions.add(trial.path("kafka").asText());
                count++;
            }
            clusters += trials.stream().map(it -> it.path("cluster").asInt()).distinct().count();
        }
        if (count == 0) {
            throw new BadInput("there are no trials to compare with");
        }
        Simulated runs = new Simulated(command, scenario, examples(), set, seeds, jobs,
            Path.of(System.getProperty("java.io.tmpdir")), real.watched());
        Samples simulated = runs.run();
        String of = "Kafka " + String.join(", ", new TreeSet<>(versions)) + ": " + count + " trials of " + clusters
            + " clusters; simulated: "
            + scenario.getFileName() + ", 2 x " + seeds + " seeds" + (set.isEmpty() ? "" : ", " + String.join(" ", set));
        System.out.println(of);
        Comparison comparison = new Comparison(real, simulated);
        boolean isWithin = comparison.print(System.out);
        if (json != null) {
            Files.writeString(json, Trials.JSON.writerWithDefaultPrettyPrinter()
                .writeValueAsString(comparison.json().put("of", of)) + "\n");
        }
        if (chart != null) {
            Files.writeString(chart, new Chart(real, simulated).draw(of));
        }
        return isWithin ? 0 : 1;
    }

    private Path examples() {
        return here.resolve("../../../scenarios/examples/isolated-3x3").normalize();
    }

    /** Jars only, in a fixed order: a class-data archive fits one class path. */
    private String classPath() throws IOException {
        try (var files = Files.list(target.resolve("libs"))) {
            return String.join(":", files.map(Path::toString).filter(file -> file.endsWith(".jar")).sorted().toList());
        }
    }

    private void parse(String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (argument.equals("--no-archive")) {
                usesArchive = false;
            } else if (argument.equals("--self-test")) {
                testsItself = true;
            } else if (!argument.startsWith("--")) {
                int equals = argument.indexOf('=');
                if (equals < 0) {
                    throw new BadInput(argument + " is no FAULT=COUNT");
                }
                wanted.put(Fault.parse(argument.substring(0, equals)), number(argument, argument.substring(equals + 1)));
            } else if (i + 1 == arguments.length) {
                throw new BadInput(argument + " needs a value");
            } else if (argument.equals("--compare")) {
                while (i + 1 < arguments.length && !arguments[i + 1].startsWith("--")) {
                    compared.add(Path.of(arguments[++i]));
                }
            } else {
                option(argument, arguments[++i]);
            }
        }
    }

    private void option(String name, String value) {
        switch (name) {
            case "--trials" -> trials = Path.of(value);
            case "--kills" -> both(Fault.Kind.KILL, number(name, value));
            case "--terminates" -> both(Fault.Kind.TERMINATE, number(name, value));
            case "--pauses" -> both(Fault.Kind.PAUSE, number(name, value));
            case "--for" -> limit = time(name, value);
            case "--jvm" -> jvm = List.of(value.trim().split(" +"));
            case "--kraftsim" -> command = Path.of(value).toAbsolutePath();
            case "--scenario" -> scenario = Path.of(value);
            case "--seeds" -> seeds = number(name, value);
            case "--jobs" -> jobs = number(name, value);
            case "--set" -> set.add(value);
            case "--json" -> json = Path.of(value);
            case "--chart" -> chart = Path.of(value);
            default -> throw new BadInput("unknown option " + name);
        }
    }

    private void both(Fault.Kind kind, int count) {
        wanted.put(new Fault(kind, Fault.Role.CONTROLLER), count);
        wanted.put(new Fault(kind, Fault.Role.BROKER), count);
    }

    private static int number(String name, String value) {
        try {
            int number = Integer.parseInt(value);
            if (number > 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new BadInput(name + " needs a number from 1, not " + value);
    }

    private static Duration time(String name, String value) {
        try {
            return Duration.parse("PT" + value);
        } catch (java.time.format.DateTimeParseException e) {
            throw new BadInput(name + " needs a time such as 30m or 90s, not " + value);
        }
    }
}
