package conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.raft.QuorumConfig;
import org.apache.kafka.raft.Setup;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A file with everything that one controller lived through, read line by line. */
final class Dialogue implements AutoCloseable {
    private static final String SCHEMA = "kraftsim.dialogue.v1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final BufferedReader reader;
    private final JsonNode header;
    private final Deque<Line> ahead = new ArrayDeque<>();
    private long lineNumber = 0;

    Dialogue(Path file) throws IOException {
        this.file = file;
        this.reader = Files.newBufferedReader(file);
        this.header = read();
        if (header == null || !header.path("schema").asText().equals(SCHEMA)) {
            reader.close();
            throw new BadDialogue(file + ": the first line is not a header of " + SCHEMA);
        }
        boolean knowsNobody = header.path("voters").isEmpty()
            && header.path("properties").path(QuorumConfig.QUORUM_BOOTSTRAP_SERVERS_CONFIG).asText().isBlank();
        if (knowsNobody || !header.has("node") || !header.has("cluster_id")) {
            reader.close();
            throw new BadDialogue(file + ": the header lacks node, cluster_id, or both voters and bootstrap servers");
        }
    }

    Path file() {
        return file;
    }

    /** The line that {@link #next()} gives next, or null at the end. */
    Line peek() throws IOException {
        return ahead.isEmpty() ? readAhead() : ahead.peekFirst();
    }

    Line next() throws IOException {
        Line line = peek();
        ahead.pollFirst();
        return line;
    }

    private Line readAhead() throws IOException {
        JsonNode json = read();
        if (json == null) {
            return null;
        }
        Line line = new Line(json);
        ahead.addLast(line);
        return line;
    }

    /** A directory id in the header is the one of every life, else each boot has its own. */
    String directoryId(Line boot) {
        String own = boot.field("directory_id").asText();
        String id = own.isEmpty() ? header.path("directory_id").asText() : own;
        if (id.isEmpty()) {
            throw new BadDialogue(file + ", step " + boot.step() + ": no directory_id");
        }
        return id;
    }

    /** The listener of this life, if it is another one than in the header. */
    Optional<InetSocketAddress> endpoint(Line boot) {
        JsonNode own = boot.field("endpoint");
        return own.isObject() ? Optional.of(address(own)) : Optional.empty();
    }

    Setup setup() {
        // QuorumConfig.parseVoterConnections: without bootstrap servers the capacity decides in which order voters take
        // their place.
        Map<Integer, InetSocketAddress> voters = new HashMap<>(header.path("voters").size());
        String listener = header.path("listener").asText();
        for (JsonNode voter : header.path("voters")) {
            voters.put(voter.path("id").asInt(), address(voter));
            listener = listener.isEmpty() ? voter.path("listener").asText() : listener;
        }
        int node = header.path("node").asInt();
        InetSocketAddress endpoint = header.path("endpoint").isObject() ? address(header.path("endpoint")) : voters.get(node);
        Map<String, String> properties = new HashMap<>();
        header.path("properties").properties().forEach(
            property -> properties.put(property.getKey(), property.getValue().asText()));
        List<String> raftListeners = new ArrayList<>();
        header.path("listeners").forEach(name -> raftListeners.add(name.asText()));
        return new Setup(node, header.path("cluster_id").asText(), listener.isEmpty() ? "CONTROLLER" : listener,
            header.path("kraft_version").asInt(), voters, endpoint, properties, raftListeners);
    }

    private static InetSocketAddress address(JsonNode endpoint) {
        return InetSocketAddress.createUnresolved(endpoint.path("host").asText(), endpoint.path("port").asInt());
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }

    private JsonNode read() throws IOException {
        String line = reader.readLine();
        lineNumber += 1;
        if (line == null) {
            return null;
        }
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw new BadDialogue(file + ":" + lineNumber + ": " + e.getOriginalMessage());
        }
    }
}
