package conformance.wire;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command. */
public final class Main {
    private static final String HELP = """
        Reads the captures of simulated runs with Kafka's own classes, and compares each message with that of the run's trace.

        run [OPTIONS] [SCENARIO=FIRST..END]...

          --kafka VERSION    the release (default 4.4.0)
          --set KEY=VALUE, --bug NAME   of the simulated runs

        Without scenarios: brokers=0..4 ci=0..4 combined=0..2. Each run is read in both choices of --pcap-versions.
        Exit codes: 0 no message differs, 1 some do, 2 bad input (or a fault of the harness).
        """;
    private static final List<String> DEFAULT = List.of("brokers=0..4", "ci=0..4", "combined=0..2");

    private final List<String> runs = new ArrayList<>();
    private final List<String> flags = new ArrayList<>();
    private Path work;
    private String kraftsim;

    private Main() {
    }

    public static void main(String[] arguments) {
        int code;
        try {
            code = new Main().run(List.of(arguments));
        } catch (BadInput | IOException e) {
            System.err.println("wire: " + (e instanceof BadInput ? e.getMessage() : e.toString()));
            code = 2;
        }
        System.exit(code);
    }

    private int run(List<String> arguments) throws IOException {
        for (int at = 0; at < arguments.size(); at++) {
            String word = arguments.get(at);
            switch (word) {
                case "--help" -> {
                    System.out.print(HELP);
                    return 0;
                }
                case "--work" -> work = Path.of(next(arguments, ++at));
                case "--kraftsim" -> kraftsim = next(arguments, ++at);
                case "--set", "--bug" -> flags.addAll(List.of(word, next(arguments, ++at)));
                default -> runs.add(word);
            }
        }
        boolean differs = false;
        for (String versions : List.of("kafka", "wireshark")) {
            Comparison comparison = new Comparison();
            for (String run : runs.isEmpty() ? DEFAULT : runs) {
                if (!run.matches("[a-z0-9/-]+=\\d+\\.\\.\\d+")) {
                    throw new BadInput(run + ": give SCENARIO=FIRST..END");
                }
                String scenario = run.substring(0, run.indexOf('='));
                String[] ends = run.substring(run.indexOf('=') + 1).split("\\.\\.");
                for (long seed = Long.parseLong(ends[0]); seed < Long.parseLong(ends[1]); seed++) {
                    simulated(scenario, seed, versions, comparison);
                }
            }
            differs |= report("--pcap-versions " + versions, comparison);
        }
        return differs ? 1 : 0;
    }

    private void simulated(String scenario, long seed, String versions, Comparison comparison) throws IOException {
        Path capture = work.resolve("run.pcapng");
        Path trace = work.resolve("run.ndjson");
        List<String> command = new ArrayList<>(List.of(kraftsim, "replay", scenario, "--seed", Long.toString(seed),
            "--pcap", capture.toString(), "--pcap-versions", versions, "--trace", trace.toString()));
        command.addAll(flags);
        // What a run before has written is not compared again.
        Files.deleteIfExists(capture);
        Files.deleteIfExists(trace);
        Path said = work.resolve("said");
        try {
            int code = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start().waitFor();
            // A violation is none of the capture.
            if (code == 2) {
                throw new BadInput(String.join(" ", command) + ": " + Files.readString(said));
            }
        } catch (InterruptedException e) {
            throw new BadInput("interrupted");
        }
        comparison.run(scenario + " " + seed, capture, trace);
    }

    private static boolean report(String name, Comparison of) {
        System.out.printf("%s: %,d messages (and %,d inside an Envelope), %d kinds of message, %,d values, %,d batches: %s%n",
            name, of.messages, of.enveloped, of.byApi.size(), of.values, of.batches,
            of.differences == 0 ? "none differs" : of.differences + " differences");
        of.withoutPlace.forEach((what, count) -> System.out.printf("  no place for %s (%,d)%n", what, count));
        return of.differences > 0;
    }

    private static String next(List<String> arguments, int at) {
        if (at >= arguments.size()) {
            throw new BadInput(arguments.get(at - 1) + " needs a value");
        }
        return arguments.get(at);
    }
}
