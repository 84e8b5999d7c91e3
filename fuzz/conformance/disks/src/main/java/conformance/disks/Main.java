package conformance.disks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The command. */
public final class Main {
    private static final String HELP = """
        Log directories in Kafka's formats, both ways: released Kafka and the simulator read the same ones, and must find the
        same in them.

        run [OPTIONS] [PART]... [SCENARIO=FIRST..END]...

        Parts (all, if none is named):
          read       what simulated runs wrote: DumpLogSegments, FileRecords, MetadataLoader and the readers of the state
                     files, against `kraftsim inspect log`
          recover    what simulated power losses left: LogManager and KafkaRaftLog, against the next simulated boot
          lead       real controllers boot from the directories of simulated ones, and lead from the same log end
          real       two real clusters on loopback, one with static voters, one dynamic with trimmed metadata logs, killed
                     and stopped: their directories, read both ways
          falsify    every comparison fails when a byte is changed or a batch is missing

          --kraftsim PATH    the simulator (run builds it)
          --kafka VERSION    the release (default 4.4.0)
          --set KEY=VALUE, --bug NAME   of the simulated runs
          --keep DIRECTORY   the directories of the real cluster are copied there
          --heap SIZE        of the Java machine (default 512m)

        Without scenarios: calm=0..3 ci=0..5 power-loss=0..5 cluster-power-loss=0..5.
        Exit codes: 0 all differences are known, 1 some are not, 2 bad input (or a fault of the harness).
        CONFORMANCE_LOG=info prints Kafka's own log to standard error.
        """;

    private static final List<String> DEFAULT =
        List.of("calm=0..3", "ci=0..5", "power-loss=0..5", "cluster-power-loss=0..5");
    private static final Set<String> PARTS = Set.of("read", "recover", "lead", "real", "falsify");

    private final Set<String> parts = new LinkedHashSet<>();
    private final List<SimulatedDisks> simulated = new ArrayList<>();
    private final List<String> flags = new ArrayList<>();
    private Path command = Path.of("kraftsim");
    private Path known;
    private Path keep;

    private Main() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new Main().run(arguments);
        } catch (BadInput | IOException e) {
            System.err.println("disks: " + (e instanceof BadInput ? e.getMessage() : e.toString()));
            code = 2;
        }
        System.exit(code);
    }

    private int run(String[] arguments) throws IOException {
        if (List.of(arguments).contains("--help")) {
            System.out.print(HELP);
            return 0;
        }
        parse(arguments);
        if (parts.isEmpty()) {
            parts.addAll(List.of("read", "recover", "lead", "real", "falsify"));
        }
        if (simulated.isEmpty()) {
            DEFAULT.forEach(range -> simulated.add(SimulatedDisks.parse(range)));
        }
        Kraftsim kraftsim = new Kraftsim(command, flags);
        boolean isClean = true;
        for (String part : parts) {
            Path work = Files.createTempDirectory(part);
            Report report = new Report(part.equals("falsify") ? Known.nothing() : Known.read(known));
            boolean isDone = true;
            switch (part) {
                case "read" -> {
                    for (SimulatedDisks range : simulated) {
                        range.read(kraftsim, work, report);
                    }
                }
                case "recover" -> {
                    for (SimulatedDisks range : simulated) {
                        range.recover(kraftsim, work, report);
                    }
                }
                case "lead" -> new Leaders(kraftsim, work, report).run(simulated);
                case "real" -> {
                    for (boolean isDynamic : List.of(false, true)) {
                        String name = isDynamic ? "dynamic" : "static";
                        Path directory = Files.createDirectory(work.resolve(name));
                        new RealCluster(kraftsim, directory, report, isDynamic)
                            .run(keep == null ? null : Files.createDirectories(keep.resolve(name)));
                    }
                }
                default -> isDone = new Falsify(kraftsim, work).run();
            }
            System.out.println(part + ", Kafka " + System.getProperty("disks.kafka", ""));
            report.print(System.out);
            Recovery.delete(work);
            isClean &= isDone && report.isClean();
        }
        return isClean ? 0 : 1;
    }

    private void parse(String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (PARTS.contains(argument)) {
                parts.add(argument);
            } else if (!argument.startsWith("--")) {
                simulated.add(SimulatedDisks.parse(argument));
            } else if (i + 1 == arguments.length) {
                throw new BadInput(argument + " needs a value");
            } else {
                option(argument, arguments[++i]);
            }
        }
    }

    private void option(String name, String value) {
        switch (name) {
            case "--known" -> known = Path.of(value);
            case "--kraftsim" -> command = Path.of(value).toAbsolutePath();
            case "--keep" -> keep = Path.of(value);
            case "--set", "--bug" -> flags.addAll(List.of(name, value));
            default -> throw new BadInput("unknown option " + name);
        }
    }
}
