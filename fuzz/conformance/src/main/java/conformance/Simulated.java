package conformance;

import org.apache.kafka.raft.internals.UpdateVoterHandler;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs of one scenario, without fixes, of each of which one node is recorded and replayed.
 *
 * @param node its id; 0: of one run after the other another controller
 */
record Simulated(String scenario, long node, long first, long end) {
    private static final Pattern RANGE = Pattern.compile("([^=@]+)(?:@(\\d+))?=(\\d+)\\.\\.(\\d+)");
    /** As most runs have, so that followers and leaders are recorded; of others the first. */
    private static final int CONTROLLERS = 3;

    /** SCENARIO[@NODE]=FIRST..END, without the last. */
    static Simulated parse(String argument) {
        Matcher matcher = RANGE.matcher(argument);
        if (!matcher.matches()) {
            throw new BadDialogue(argument + ": not SCENARIO[@NODE]=FIRST..END, such as quorum=0..10");
        }
        return new Simulated(matcher.group(1), matcher.group(2) == null ? 0 : Long.parseLong(matcher.group(2)),
            Long.parseLong(matcher.group(3)), Long.parseLong(matcher.group(4)));
    }

    void replay(Path kraftsim, List<String> bugs, List<String> settings, Report report) throws IOException {
        Path directory = Files.createTempDirectory("dialogues");
        try {
            for (long seed = first; seed < end; seed++) {
                long recorded = node == 0 ? seed % CONTROLLERS + 1 : node;
                Path file = directory.resolve(scenario.replace('/', '_') + "-" + seed + "-" + recorded + ".ndjson");
                if (!record(kraftsim, bugs, settings, seed, recorded, file)) {
                    record(kraftsim, bugs, settings, seed, 1, file);
                }
                Replay.run(file, report);
                Files.delete(file);
                System.err.printf("%s %d of %d: %s%n", scenario, seed - first + 1, end - first, report.line());
            }
        } finally {
            Replay.delete(directory);
        }
    }

    /** What the model does as Kafka's trunk, and this release does not yet. */
    private static List<String> mistakesOfThisRelease() {
        boolean probes = Arrays.stream(UpdateVoterHandler.class.getMethods())
            .anyMatch(method -> method.getName().equals("handleApiVersionsResponse"));
        return probes ? List.of() : List.of("Kafka20661VoterUpdatedUnprobed");
    }

    /** False if the run has no such node. */
    private boolean record(
        Path kraftsim, List<String> bugs, List<String> settings, long seed, long node, Path file
    ) throws IOException {
        List<String> command = new ArrayList<>(List.of(kraftsim.toString(), "replay", scenario, "--seed", "" + seed,
            "--dialogue", "" + node, "-o", file.toString(), "--set", "fixes=[]"));
        settings.forEach(setting -> command.addAll(List.of("--set", setting)));
        bugs.forEach(bug -> command.addAll(List.of("--bug", bug)));
        mistakesOfThisRelease().forEach(bug -> command.addAll(List.of("--bug", bug)));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        try {
            // A claim may not hold (1, 3), as with a bug, and the run may say too little (4); 2 is bad input.
            int code = process.waitFor();
            if (code == 2 && node != 1 && this.node == 0) {
                return false;
            }
            if (code == 2 || code > 4 || !Files.exists(file)) {
                throw new BadDialogue(String.join(" ", command) + " ended with " + code + ":\n" + said);
            }
            return true;
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}
