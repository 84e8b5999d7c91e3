package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs of one scenario, without fixes, of each of which one controller is recorded and replayed. */
record ControllerRuns(String scenario, long first, long end) {
    private static final Pattern RANGE = Pattern.compile("([^=]+)=(\\d+)\\.\\.(\\d+)");
    /** As most runs have, so that active controllers and standbys are recorded; of others the first. */
    private static final int CONTROLLERS = 3;

    /** SCENARIO=FIRST..END, without the last. */
    static ControllerRuns parse(String argument) {
        Matcher matcher = RANGE.matcher(argument);
        if (!matcher.matches()) {
            throw new BadDialogue(argument + ": not SCENARIO=FIRST..END, such as ci=0..10");
        }
        return new ControllerRuns(matcher.group(1), Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3)));
    }

    void replay(Path kraftsim, List<String> flags, Report report) throws IOException {
        Path directory = Files.createTempDirectory("dialogues");
        for (long seed = first; seed < end; seed++) {
            Path file = record(kraftsim, flags, seed, directory);
            ControllerLife.run(file, report);
            Files.delete(file);
            System.err.printf("%s %d of %d: %s%n", scenario, seed - first + 1, end - first, report.line());
        }
        Files.delete(directory);
    }

    /** Records only. */
    List<Path> record(Path kraftsim, List<String> flags, Path directory) throws IOException {
        List<Path> files = new ArrayList<>();
        for (long seed = first; seed < end; seed++) {
            files.add(record(kraftsim, flags, seed, directory));
        }
        return files;
    }

    private Path record(Path kraftsim, List<String> flags, long seed, Path directory) throws IOException {
        long node = seed % CONTROLLERS + 1;
        Path file = directory.resolve(scenario.replace('/', '_') + "-" + seed + "-" + node + ".ndjson");
        if (!record(kraftsim, flags, seed, node, file)) {
            record(kraftsim, flags, seed, 1, file);
        }
        return file;
    }

    /** False if the run has no such node. */
    private boolean record(Path kraftsim, List<String> flags, long seed, long node, Path file) throws IOException {
        List<String> command = new ArrayList<>(List.of(kraftsim.toString(), "replay", scenario, "--seed", "" + seed,
            "--controller-dialogue", "" + node, "-o", file.toString()));
        command.addAll(flags);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        try {
            // A claim may not hold (1, 3), as with a bug, and the run may say too little (4); 2 is bad input.
            int code = process.waitFor();
            if (code == 2 && node != 1) {
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
