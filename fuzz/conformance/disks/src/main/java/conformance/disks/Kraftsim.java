package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The simulator's command. */
final class Kraftsim {
    static final ObjectMapper JSON = new ObjectMapper();
    /** A claim may not hold (1, 3), and the run may say too little (4); 2 is bad input. */
    private static final int LAST_VERDICT = 4;

    /** A node that is down because its host lost power, at this time of the run. */
    record PowerLoss(String node, long atNs) {
    }

    private final Path command;
    private final List<String> flags;

    Kraftsim(Path command, List<String> flags) {
        this.command = command;
        this.flags = flags;
    }

    /** Writes the files of all nodes at the end of a run, or at a time of it. */
    JsonNode replay(String scenario, long seed, Long untilNs, Path out) throws IOException {
        List<String> words = replayWords(scenario, seed);
        words.addAll(List.of("--out", out.toString()));
        if (untilNs != null) {
            words.addAll(List.of("--until", untilNs + "ns"));
        }
        run(words, LAST_VERDICT);
        return JSON.readTree(out.resolve("kraftsim-disks.json").toFile());
    }

    /** The nodes of a run that lost power, by time. */
    List<PowerLoss> powerLosses(String scenario, long seed, Path file) throws IOException {
        List<String> words = replayWords(scenario, seed);
        words.addAll(List.of("--trace", file.toString()));
        run(words, LAST_VERDICT);
        List<PowerLoss> found = new ArrayList<>();
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.contains("\"kind\":\"down\"") && line.contains("\"how\":\"power lost\"")) {
                    JsonNode down = JSON.readTree(line);
                    found.add(new PowerLoss(down.get("node").asText(), down.get("time_ns").asLong()));
                }
            }
        }
        Files.delete(file);
        return found;
    }

    /** What the simulator reads from a log directory. */
    JsonNode inspect(Path directory) throws IOException {
        Path file = Files.createTempFile("inspect", ".json");
        // Damage is told by exit code 2, and the rest is written all the same.
        String said = run(List.of("inspect", "log", directory.toString(), "--json", file.toString()), 2);
        if (Files.size(file) == 0) {
            throw new BadInput("inspect log " + directory + " wrote nothing:\n" + said);
        }
        JsonNode json = JSON.readTree(file.toFile());
        Files.delete(file);
        return json;
    }

    private List<String> replayWords(String scenario, long seed) {
        List<String> words = new ArrayList<>(List.of("replay", scenario, "--seed", "" + seed));
        words.addAll(flags);
        return words;
    }

    private String run(List<String> words, int lastCode) throws IOException {
        List<String> all = new ArrayList<>(List.of(command.toString()));
        all.addAll(words);
        Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        try {
            int code = process.waitFor();
            if (code > lastCode || (code == 2 && lastCode != 2)) {
                throw new BadInput(String.join(" ", all) + " ended with " + code + ":\n" + said);
            }
            return said;
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}
