package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The command. */
public final class PartitionMain {
    private static final String HELP = """
        Replays recorded dialogues of simulated replicas on the released Partition.

        run [OPTIONS] [SCENARIO=FIRST..END]...  simulate, record a replica of each broker of each seed, replay and compare
        run [OPTIONS] FILE|DIRECTORY...         replay dialogues (*.ndjson) and compare step by step

        run --self-test [OPTIONS]               record, falsify and replay: does the comparison see what it should?

        Without arguments: ten seeds each of ci and brokers.

          --kraftsim PATH    the simulator (run builds it)
          --bug NAME         a mistake of the simulated brokers: the comparison must notice it
          --set KEY=VALUE    of the scenario, such as cluster.metadata_version=12; may be repeated
          --context N        print the N steps before the first difference of each class (default 20)
          --keep DIRECTORY   keep the dialogues there
          --json FILE        write the report for machines
          --known FILE       the table of known differences (default known.toml beside this script)
          --kafka VERSION    the release to compare with (default 4.4.0)
          --heap SIZE        of the Java machine (default 512m)

        Exit codes: 0 all differences are known, 1 some are not, 2 bad input (or a fault of the harness).
        CONFORMANCE_LOG=debug prints the broker's own log to standard error.
        """;

    private static final List<String> DEFAULT = List.of("ci=0..10", "brokers=0..10");
    private static final List<String> OF_SELF_TEST = List.of("ci=5..6", "cluster-power-loss=0..2", "ci=0..3");

    private final List<Path> files = new ArrayList<>();
    private final List<PartitionRuns> runs = new ArrayList<>();
    /** Of the simulator: fixes are off, as released Kafka has none of them. */
    private final List<String> flags = new ArrayList<>(List.of("--set", "fixes=[]"));
    private Path kraftsim = Path.of("kraftsim");
    private Path known;
    private Path json;
    private Path kept;
    private boolean selfTest = false;
    private int context = 20;

    private PartitionMain() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new PartitionMain().run(arguments);
        } catch (BadDialogue | NumberFormatException | IOException e) {
            System.err.println("conformance: " + (e instanceof BadDialogue ? e.getMessage() : e.toString()));
            code = 2;
        } catch (AssertionError e) {
            // Of the harness itself, so it says nothing about the model.
            e.printStackTrace();
            code = 2;
        }
        System.exit(code);
    }

    private int run(String[] arguments) throws IOException {
        if (List.of(arguments).contains("--help")) {
            System.out.print(HELP);
            return 0;
        }
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--self-test")) {
                selfTest = true;
            } else if (arguments[i].startsWith("--")) {
                if (i + 1 == arguments.length) {
                    throw new BadDialogue(arguments[i] + " needs a value");
                }
                option(arguments[i], arguments[++i]);
            } else if (arguments[i].contains("=")) {
                runs.add(PartitionRuns.parse(arguments[i]));
            } else {
                addFiles(Path.of(arguments[i]));
            }
        }
        if (selfTest) {
            Path directory = Files.createTempDirectory("self-test");
            for (String range : OF_SELF_TEST) {
                PartitionRuns.parse(range).record(kraftsim, flags, directory, files::add);
            }
            return PartitionSelfTest.run(files, Known.read(known)) ? 0 : 1;
        }
        if (files.isEmpty() && runs.isEmpty()) {
            DEFAULT.forEach(range -> runs.add(PartitionRuns.parse(range)));
        }
        String kafka = System.getProperty("conformance.kafka", "");
        Report report = new Report(Known.read(known), context);
        for (Path file : files) {
            PartitionLife.run(file, report);
        }
        for (PartitionRuns range : runs) {
            range.replay(kraftsim, flags, kept, report);
        }
        report.print(System.out, kafka);
        if (json != null) {
            report.write(json, kafka);
        }
        return report.isClean() ? 0 : 1;
    }

    private void option(String name, String value) {
        switch (name) {
            case "--known" -> known = Path.of(value);
            case "--json" -> json = Path.of(value);
            case "--kraftsim" -> kraftsim = Path.of(value);
            case "--keep" -> kept = Path.of(value);
            case "--bug", "--set" -> flags.addAll(List.of(name, value));
            case "--context" -> context = Integer.parseInt(value);
            default -> throw new BadDialogue("unknown option " + name);
        }
    }

    private void addFiles(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            files.add(path);
            return;
        }
        try (Stream<Path> list = Files.list(path)) {
            list.filter(file -> file.toString().endsWith(".ndjson")).sorted().forEach(files::add);
        }
    }
}
