package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The command. */
public final class Main {
    private static final String HELP = """
        Replays recorded dialogues of simulated KRaft controllers on the released KafkaRaftClient.

        run [OPTIONS] [SCENARIO[@NODE]=FIRST..END]...
                                            simulate, record a controller of each seed, replay and compare; with @NODE
                                            that node, which may be a broker
        run [OPTIONS] FILE|DIRECTORY...     replay dialogues (*.ndjson) and compare step by step
        run --record DIRECTORY [OPTIONS]    record dialogues of real raft clients among themselves
        run --self-test [OPTIONS]           record, replay, falsify and replay: does the harness see what it should?

        Without arguments: ten seeds each of quorum, partitions, power-loss, controller-failover, snapshots, membership and
        disk-replacement.

          --kraftsim PATH    the simulator (run builds it)
          --set KEY=VALUE    a setting of the scenario, such as nemesis.replace-disk.every="8s"
          --bug NAME         a mistake of the simulated controllers: the comparison must notice it

          --kafka VERSION    the release to compare with (default 4.4.0; 4.3.0 works, too)
          --context N        print the N steps before the first difference of each class (default 20)
          --json FILE        write the report for machines
          --known FILE       the table of known differences (default known.toml beside this script)
          --seed N           of the recording (default 2)
          --seconds N        how much simulated time to record (default 40)
          --heap SIZE        of the Java machine (default 512m)

        Exit codes: 0 all differences are known, 1 some are not, 2 bad input (or a fault of the harness).
        CONFORMANCE_LOG=debug prints the raft client's own log to standard error.
        """;

    private static final List<String> DEFAULT =
        List.of("quorum=0..10", "partitions=0..10", "power-loss=0..10", "controller-failover=0..10", "snapshots=0..10",
            "membership=0..10", "disk-replacement=0..10");

    private final List<Path> files = new ArrayList<>();
    private final List<Simulated> simulated = new ArrayList<>();
    private final List<String> bugs = new ArrayList<>();
    private final List<String> settings = new ArrayList<>();
    private Path kraftsim = Path.of("kraftsim");
    private Path known;
    private Path json;
    private Path record;
    private boolean selfTest = false;
    private int context = 20;
    /** In the recording of this one all falsifications of the self-test have their place. */
    private long seed = 2;
    private int seconds = 40;

    private Main() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new Main().run(arguments);
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
        parse(arguments);
        if (selfTest) {
            return SelfTest.run(seed, seconds, Known.read(known)) ? 0 : 1;
        }
        if (record != null) {
            Recording.record(record, seed, seconds);
            return 0;
        }
        if (files.isEmpty() && simulated.isEmpty()) {
            DEFAULT.forEach(range -> simulated.add(Simulated.parse(range)));
        }
        return replay();
    }

    private int replay() throws IOException {
        String kafka = System.getProperty("conformance.kafka", "");
        Report report = new Report(Known.read(known), context);
        for (Path file : files) {
            Replay.run(file, report);
        }
        for (Simulated range : simulated) {
            range.replay(kraftsim, bugs, settings, report);
        }
        report.print(System.out, kafka);
        if (json != null) {
            report.write(json, kafka);
        }
        return report.isClean() ? 0 : 1;
    }

    private void parse(String[] arguments) throws IOException {
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (!argument.startsWith("--")) {
                if (argument.contains("=")) {
                    simulated.add(Simulated.parse(argument));
                } else {
                    addFiles(Path.of(argument));
                }
                continue;
            }
            if (argument.equals("--self-test")) {
                selfTest = true;
                continue;
            }
            if (i + 1 == arguments.length) {
                throw new BadDialogue(argument + " needs a value");
            }
            option(argument, arguments[++i]);
        }
    }

    private void option(String name, String value) {
        switch (name) {
            case "--known" -> known = Path.of(value);
            case "--json" -> json = Path.of(value);
            case "--kraftsim" -> kraftsim = Path.of(value);
            case "--bug" -> bugs.add(value);
            case "--set" -> settings.add(value);
            case "--record" -> record = Path.of(value);
            case "--context" -> context = Integer.parseInt(value);
            case "--seed" -> seed = Long.decode(value);
            case "--seconds" -> seconds = Integer.parseInt(value);
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
