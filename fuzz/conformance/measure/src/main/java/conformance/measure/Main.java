package conformance.measure;

import conformance.cluster.RealCluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;

/** The command. */
public final class Main {
    private static final String HELP = """
        Measures what Kafka and this machine take, and writes a machine profile for the simulator.

        run [OPTIONS]

        Three real controllers and three real brokers run on loopback under a light load of clients. In each round one of them
        is killed or stopped, and started again. What their threads do is recorded; the profile has the times of each piece of
        work, of messages, connections, starts, stops, fsyncs and pauses, as distributions.

          --out FILE          write the profile there (without: only the summary)
          --rounds N          default 60, of about 12 s each
          --for 30m           begin no round after that time (30s, 30m, 2h)
          --kafka VERSION     the release (default 4.4.0)
          --jvm OPTIONS       of the servers, in one word (default: "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1")
          --no-archives       without class-data archives; the first calls take longer
          --work DIRECTORY    the servers' files; its disk is measured (default: a directory that is removed)
          --keep DIRECTORY    keep what was recorded
          --analyse DIRECTORY do not run servers: analyse what was kept
          --heap SIZE         of this tool, not of the servers (default 6g)
          --self-test         check the analysis

        Exit codes: 0 done, 1 the self-test failed, 2 bad input (or a fault of the harness).
        """;

    private Path out;
    private int rounds = 60;
    private List<String> jvm = RealCluster.DEFAULT_JVM;
    private boolean hasArchives = true;
    private Path work;
    private Path keep;
    private Path analyse;
    private Duration time = Duration.ofDays(1);

    private Main() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new Main().run(arguments);
        } catch (BadInput | conformance.cluster.BadInput e) {
            System.err.println("measure: " + e.getMessage());
            code = 2;
        } catch (IOException | InterruptedException | ExecutionException e) {
            System.err.println("measure: " + e);
            code = 2;
        }
        System.exit(code);
    }

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private int run(String[] arguments) throws IOException, InterruptedException, ExecutionException {
        List<String> words = List.of(arguments);
        if (words.contains("--help")) {
            System.out.print(HELP);
            return 0;
        }
        if (words.contains("--self-test")) {
            return SelfTest.run(System.out) ? 0 : 1;
        }
        parse(words);
        Path here = Path.of(System.getProperty("measure.here"));
        Path events = analyse != null ? analyse : keep != null ? keep : Files.createTempDirectory(memory(), "measure");
        if (analyse == null) {
            Path target = here.resolve("target").resolve(System.getProperty("measure.kafka"));
            Path files = work != null ? work : Files.createTempDirectory("measure");
            Rounds.Setup setup = new Rounds.Setup(here.resolve("../../../scenarios/examples/isolated-3x3").normalize(),
                here.resolve("../cluster/servers.properties").normalize(), files, events,
                hasArchives ? target.resolve("archives") : null, Jars.classPath(target), jvm);
            new Rounds(setup).run(rounds, time);
            if (work == null) {
                delete(files);
            }
        }
        Measured measured = Measured.read(events, Link.read(events));
        new Summary(System.out).print(measured);
        if (out != null) {
            Files.writeString(out, new Profile().write(measured, how(measured, words)));
        }
        if (analyse == null && keep == null) {
            delete(events);
        }
        return 0;
    }

    /** Written there, the events do not go to the disk that is measured. */
    private static Path memory() {
        Path memory = Path.of("/dev/shm");
        return Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir"));
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(path);
            }
        }
    }

    private Map<String, String> how(Measured measured, List<String> words) throws IOException {
        Map<String, String> how = new LinkedHashMap<>();
        how.put("kafka", System.getProperty("measure.kafka"));
        how.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version") + ", "
            + String.join(" ", jvm) + (hasArchives ? ", class-data archives" : ""));
        how.put("machine", Runtime.getRuntime().availableProcessors() + " cores, "
            + Files.getFileStore(work != null ? work : Path.of(System.getProperty("java.io.tmpdir"))).type()
            + ", six servers on one host");
        how.put("date", LocalDate.now().toString());
        how.put("command", String.join(" ", Stream.concat(Stream.of("fuzz/conformance/measure/run"),
            words.stream()).toList()));
        how.put("processes", Rounds.processes(measured.jvms));
        return how;
    }

    private void parse(List<String> words) {
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            switch (word) {
                case "--no-archives" -> hasArchives = false;
                default -> {
                    if (i + 1 == words.size() && word.startsWith("--")) {
                        throw new BadInput(word + " needs a value, or is no option");
                    }
                    option(word, i + 1 < words.size() ? words.get(++i) : "");
                }
            }
        }
    }

    private void option(String name, String value) {
        switch (name) {
            case "--out" -> out = Path.of(value);
            case "--work" -> work = Path.of(value);
            case "--keep" -> keep = Path.of(value);
            case "--analyse" -> analyse = Path.of(value);
            case "--for" -> {
                if (!value.matches("[1-9][0-9]{0,4}[smh]")) {
                    throw new BadInput("--for needs a time such as 90s, 30m or 2h, not " + value);
                }
                time = Duration.parse("PT" + value.toUpperCase(Locale.ROOT));
            }
            case "--jvm" -> jvm = new ArrayList<>(List.of(value.split(" +")));
            case "--rounds" -> {
                if (!value.matches("[1-9][0-9]{0,4}")) {
                    throw new BadInput("--rounds needs a number from 1 to 99999, not " + value);
                }
                rounds = Integer.parseInt(value);
            }
            default -> throw new BadInput("unknown option " + name);
        }
    }
}
