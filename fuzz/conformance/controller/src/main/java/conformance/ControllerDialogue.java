package conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.controller.ControllerSetup;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A file with everything that one QuorumController lived through, read line by line. */
final class ControllerDialogue implements AutoCloseable {
    private static final String SCHEMA = "kraftsim.controller_dialogue.v1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final BufferedReader reader;
    private final JsonNode header;
    private long lineNumber = 0;

    ControllerDialogue(Path file) throws IOException {
        this.file = file;
        this.reader = Files.newBufferedReader(file);
        this.header = read();
        if (header == null || !header.path("schema").asText().equals(SCHEMA)) {
            reader.close();
            throw new BadDialogue(file + ": the first line is not a header of " + SCHEMA);
        }
    }

    ControllerSetup setup() {
        List<Integer> voters = new ArrayList<>();
        header.path("voters").forEach(voter -> voters.add(voter.asInt()));
        List<Map.Entry<String, Short>> bootstrap = new ArrayList<>();
        header.path("bootstrap").forEach(feature ->
            bootstrap.add(Map.entry(feature.path(0).asText(), (short) feature.path(1).asInt())));
        Map<String, String> properties = new HashMap<>();
        header.path("properties").properties().forEach(
            property -> properties.put(property.getKey(), property.getValue().asText()));
        return new ControllerSetup(header.path("node").asInt(), header.path("cluster_id").asText(), voters,
            header.path("kraft_version").asInt(), bootstrap, properties);
    }

    /** The next line, or null at the end. */
    Line next() throws IOException {
        JsonNode json = read();
        return json == null ? null : new Line(json);
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }

    private JsonNode read() throws IOException {
        String line = reader.readLine();
        lineNumber += 1;
        try {
            return line == null ? null : JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw new BadDialogue(file + ":" + lineNumber + ": " + e.getOriginalMessage());
        }
    }
}
