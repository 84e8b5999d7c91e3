package conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A file with everything that one producer or consumer lived through, read line by line. */
final class ClientDialogue implements AutoCloseable {
    private static final String SCHEMA = "kraftsim.client_dialogue.v1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final BufferedReader reader;
    private final JsonNode header;
    private long lineNumber = 0;

    ClientDialogue(Path file) throws IOException {
        this.file = file;
        this.reader = Files.newBufferedReader(file);
        this.header = read();
        if (header == null || !header.path("schema").asText().equals(SCHEMA)) {
            reader.close();
            throw new BadDialogue(file + ": the first line is not a header of " + SCHEMA);
        }
    }

    boolean isOfProducer() {
        return header.path("role").asText().equals("producer");
    }

    List<String> topics() {
        List<String> topics = new ArrayList<>();
        header.path("topics").forEach(topic -> topics.add(topic.asText()));
        return topics;
    }

    /** Each is a host of its own; it gets the ids -1, -2, … as in the model. */
    List<InetSocketAddress> bootstrap() {
        List<InetSocketAddress> bootstrap = new ArrayList<>();
        header.path("bootstrap").forEach(id -> bootstrap.add(InetSocketAddress.createUnresolved(id.asText(), 9092)));
        return bootstrap;
    }

    Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>();
        header.path("properties").properties().forEach(
            property -> properties.put(property.getKey(), property.getValue().asText()));
        if (!properties.get("retry.backoff.ms").equals(properties.get("retry.backoff.max.ms"))) {
            throw new BadDialogue(file + ": retry.backoff.max.ms is not retry.backoff.ms, so the backoff has a jitter, which is"
                + " drawn elsewhere; record with --set clients.config.retry.backoff.max.ms=...");
        }
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
