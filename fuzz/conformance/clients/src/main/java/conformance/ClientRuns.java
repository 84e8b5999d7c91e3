package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs of one scenario, without fixes, of each of which one producer and one consumer are recorded and replayed. */
record ClientRuns(String scenario, long first, long end) {
    private static final Pattern RANGE = Pattern.compile("([^=]+)=(\\d+)\\.\\.(\\d+)");
    private static final Pattern CLIENT = Pattern.compile("(?<![\\w-])(producer|consumer)-\\d+");
    /** In the flags: producers send to all partitions, too. */
    static final String ALL_PARTITIONS = "--all-partitions";
    private static final int ALL_IS_WELL = 0;
    private static final int BAD_INPUT = 2;
    private static final int TOO_LITTLE = 4;

    /**
     * Of a producer. Which of several partitions is drained first for a node follows hash codes in Kafka
     * (Cluster.partitionsForNode), and the first that has to wait for its sequences ends the drain.
     */
    private static final List<String> ONE_PARTITION = List.of("--set", "clients.topics=1", "--set", "clients.partitions=1",
        "--set", "clients.produce_to_lasting_topics_only=true");

    /** SCENARIO=FIRST..END, without the last. */
    static ClientRuns parse(String argument) {
        Matcher matcher = RANGE.matcher(argument);
        if (!matcher.matches()) {
            throw new BadDialogue(argument + ": not SCENARIO=FIRST..END, such as ci=0..10");
        }
        return new ClientRuns(matcher.group(1), Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3)));
    }

    void replay(Path kraftsim, List<String> flags, List<String> roles, Report report) throws IOException {
        Path directory = Files.createTempDirectory("dialogues");
        List<String> clients = clients(kraftsim, flags);
        for (long seed = first; seed < end; seed++) {
            for (String role : roles) {
                Path file = record(kraftsim, flags, clients, role, seed, directory);
                ClientLife.run(file, report);
                Files.delete(file);
            }
            System.err.printf("%s %d of %d: %s%n", scenario, seed - first + 1, end - first, report.line());
        }
        Files.delete(directory);
    }

    /** The logs at the end of each run. */
    void replayLogs(Path kraftsim, List<String> flags, Report report) throws IOException {
        for (long seed = first; seed < end; seed++) {
            Path out = Files.createTempDirectory("disks").resolve(scenario + "-" + seed);
            List<String> command = new ArrayList<>(
                List.of(kraftsim.toString(), "replay", scenario, "--seed", "" + seed, "--out", out.toString()));
            command.addAll(flags);
            StringBuilder said = new StringBuilder();
            int code = run(command, said);
            if (code == BAD_INPUT || code < ALL_IS_WELL || code > TOO_LITTLE || !Files.exists(out)) {
                throw new BadDialogue(String.join(" ", command) + " ended with " + code + ":\n" + said);
            }
            LogReplay.run(out, report);
            LogReplay.delete(out);
            System.err.printf("%s %d of %d: %s%n", scenario, seed - first + 1, end - first, report.line());
        }
    }

    /** Records only. */
    List<Path> record(Path kraftsim, List<String> flags, List<String> roles, Path directory) throws IOException {
        List<Path> files = new ArrayList<>();
        List<String> clients = clients(kraftsim, flags);
        for (long seed = first; seed < end; seed++) {
            for (String role : roles) {
                files.add(record(kraftsim, flags, clients, role, seed, directory));
            }
        }
        return files;
    }

    private Path record(Path kraftsim, List<String> flags, List<String> clients, String role, long seed, Path directory)
        throws IOException {
        List<String> those = clients.stream().filter(name -> name.startsWith(role)).toList();
        if (those.isEmpty()) {
            throw new BadDialogue(scenario + " has no " + role);
        }
        String client = those.get((int) (seed % those.size()));
        Path file = directory.resolve(scenario.replace('/', '_') + "-" + seed + "-" + client + ".ndjson");
        List<String> command = command(kraftsim, flags, seed, client, file);
        if (role.equals("producer") && !flags.contains(ALL_PARTITIONS)) {
            command.addAll(ONE_PARTITION);
        }
        command.remove(ALL_PARTITIONS);
        StringBuilder said = new StringBuilder();
        int code = run(command, said);
        // A claim may not hold (1, 3), as with a bug, and the run may say too little.
        if (code == BAD_INPUT || code < ALL_IS_WELL || code > TOO_LITTLE || !Files.exists(file)) {
            throw new BadDialogue(String.join(" ", command) + " ended with " + code + ":\n" + said);
        }
        return file;
    }

    /** The scenario's clients, which the simulator names when it is asked for one that there is not. */
    private List<String> clients(Path kraftsim, List<String> flags) throws IOException {
        StringBuilder said = new StringBuilder();
        List<String> command = command(kraftsim, flags, first, "none", Path.of("-"));
        command.remove(ALL_PARTITIONS);
        run(command, said);
        List<String> clients = new ArrayList<>();
        Matcher matcher = CLIENT.matcher(said);
        while (matcher.find()) {
            clients.add(matcher.group());
        }
        return clients;
    }

    private List<String> command(Path kraftsim, List<String> flags, long seed, String client, Path file) {
        List<String> command = new ArrayList<>(List.of(kraftsim.toString(), "replay", scenario, "--seed", "" + seed,
            "--client-dialogue", client, "-o", file.toString()));
        command.addAll(flags);
        return command;
    }

    private static int run(List<String> command, StringBuilder said) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        said.append(new String(process.getInputStream().readAllBytes()));
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}
