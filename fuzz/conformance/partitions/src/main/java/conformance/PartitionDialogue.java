package conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.common.TopicPartition;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** A file with everything that one replica lived through, read line by line. */
final class PartitionDialogue implements AutoCloseable {
    private static final String SCHEMA = "kraftsim.partition_dialogue.v1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final BufferedReader reader;
    private final JsonNode header;
    private long lineNumber = 0;

    PartitionDialogue(Path file) throws IOException {
        this.file = file;
        this.reader = Files.newBufferedReader(file);
        this.header = read();
        if (header == null || !header.path("schema").asText().equals(SCHEMA)) {
            reader.close();
            throw new BadDialogue(file + ": the first line is not a header of " + SCHEMA);
        }
    }

    int broker() {
        return header.path("node").asInt();
    }

    TopicPartition partition() {
        String name = header.path("partition").asText();
        int dash = name.lastIndexOf('-');
        return new TopicPartition(name.substring(0, dash), Integer.parseInt(name.substring(dash + 1)));
    }

    Map<String, String> properties() {
        Map<String, String> properties = new HashMap<>();
        header.path("properties").properties().forEach(
            property -> properties.put(property.getKey(), property.getValue().asText()));
        return properties;
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
