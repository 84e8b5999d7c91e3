package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The file of trials: a JSON object for each, one per line. */
final class Trials {
    static final ObjectMapper JSON = new ObjectMapper();

    private Trials() {
    }

    static List<JsonNode> read(Path file) throws IOException {
        List<JsonNode> trials = new ArrayList<>();
        if (!Files.exists(file)) {
            return trials;
        }
        List<String> lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).isBlank()) {
                continue;
            }
            try {
                trials.add(JSON.readTree(lines.get(i)));
            } catch (IOException e) {
                throw new BadInput(file + ", line " + (i + 1) + ": this is no JSON");
            }
        }
        return trials;
    }

    static long count(List<JsonNode> trials, Fault fault) {
        return trials.stream().filter(it -> of(it, fault)).count();
    }

    /** Clusters are numbered from 1. */
    static int lastCluster(List<JsonNode> trials) {
        return trials.stream().mapToInt(it -> it.path("cluster").asInt()).max().orElse(0);
    }

    static boolean of(JsonNode trial, Fault fault) {
        return trial.path("fault").asText().equals(fault.toString());
    }

    static void append(Path file, ObjectNode trial) throws IOException {
        Files.writeString(file, JSON.writeValueAsString(trial) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
