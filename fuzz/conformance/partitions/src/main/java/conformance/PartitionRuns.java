package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs of one scenario, without fixes, of each of which one replica of each broker is recorded and replayed. */
record PartitionRuns(String scenario, long first, long end) {
    private static final Pattern RANGE = Pattern.compile("([^=]+)=(\\d+)\\.\\.(\\d+)");
    private static final Pattern BROKER = Pattern.compile("(?<![\\w-])broker-(\\d+)");
    /** A node with both roles has this name. */
    private static final Pattern CONTROLLER = Pattern.compile("(?<![\\w-])controller-(\\d+)");
    private static final Pattern REPLICAS = Pattern.compile("in this run; it has (.+)");
    /** There is none of this name, so that the simulator names those that there are. */
    private static final String NO_PARTITION = "none-0";
    private static final int ALL_IS_WELL = 0;
    private static final int BAD_INPUT = 2;
    private static final int TOO_LITTLE = 4;

    interface Recorded {
        void take(Path file) throws IOException;
    }

    /** SCENARIO=FIRST..END, without the last. */
    static PartitionRuns parse(String argument) {
        Matcher matcher = RANGE.matcher(argument);
        if (!matcher.matches()) {
            throw new BadDialogue(argument + ": not SCENARIO=FIRST..END, such as ci=0..10");
        }
        return new PartitionRuns(matcher.group(1), Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3)));
    }

    /** @param kept where the dialogues stay, or null */
    void replay(Path kraftsim, List<String> flags, Path kept, Report report) throws IOException {
        Path directory = kept == null ? Files.createTempDirectory("dialogues") : Files.createDirectories(kept);
        record(kraftsim, flags, directory, file -> {
            PartitionLife.run(file, report);
            if (kept == null) {
                Files.delete(file);
            }
            System.err.printf("%s: %s%n", file.getFileName(), report.line());
        });
    }

    /** Records only. */
    void record(Path kraftsim, List<String> flags, Path directory, Recorded recorded) throws IOException {
        List<String> brokers = brokers(kraftsim, flags);
        for (long seed = first; seed < end; seed++) {
            for (int i = 0; i < brokers.size(); i++) {
                List<String> replicas = replicas(kraftsim, flags, seed, brokers.get(i));
                if (!replicas.isEmpty()) {
                    int index = (int) ((seed + i) % replicas.size());
                    // Those of lasting topics are the last.
                    String replica = replicas.get(seed % 2 == 0 ? replicas.size() - 1 - index : index);
                    Path file = directory.resolve(scenario.replace('/', '_') + "-" + seed + "-" + brokers.get(i) + "-" + replica + ".ndjson");
                    String said = run(command(kraftsim, flags, seed, brokers.get(i), replica, file), false);
                    if (!Files.exists(file)) {
                        throw new BadDialogue("no dialogue was written:\n" + said);
                    }
                    recorded.take(file);
                }
            }
        }
    }

    /** The scenario's brokers, which the simulator names when it is asked for one that there is not. */
    private List<String> brokers(Path kraftsim, List<String> flags) throws IOException {
        String nodes = run(command(kraftsim, flags, first, "none", NO_PARTITION, Path.of("-")), true);
        List<String> brokers = BROKER.matcher(nodes).results().map(it -> it.group(1)).toList();
        if (brokers.isEmpty()) {
            brokers = CONTROLLER.matcher(nodes).results().map(it -> it.group(1)).toList();
        }
        if (brokers.isEmpty()) {
            throw new BadDialogue(scenario + " has no brokers");
        }
        return brokers;
    }

    /** The names of the broker's replicas; none if it has none in this run. */
    private List<String> replicas(Path kraftsim, List<String> flags, long seed, String broker) throws IOException {
        Matcher matcher = REPLICAS.matcher(
            run(command(kraftsim, flags, seed, broker, NO_PARTITION, Path.of("-")), true).replaceAll("\\s+", " "));
        if (!matcher.find() || matcher.group(1).strip().equals("none")) {
            return List.of();
        }
        return List.of(matcher.group(1).strip().split(", "));
    }

    private List<String> command(Path kraftsim, List<String> flags, long seed, String broker, String partition, Path file) {
        List<String> command = new ArrayList<>(List.of(kraftsim.toString(), "replay", scenario, "--seed", "" + seed,
            "--partition-dialogue", broker + ":" + partition, "-o", file.toString()));
        command.addAll(flags);
        return command;
    }

    /** What the simulator says; a claim may not hold (1, 3), as with a bug, and the run may say too little. */
    private static String run(List<String> command, boolean isQuestion) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        try {
            int code = process.waitFor();
            if (code < ALL_IS_WELL || code > TOO_LITTLE || code == BAD_INPUT && !isQuestion) {
                throw new BadDialogue(String.join(" ", command) + " ended with " + code + ":\n" + said);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return said;
    }
}
