package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;

/** One input or output of a step, as the dialogue writes it: {@code {kind: body}}. */
public record Entry(String kind, JsonNode body) {
    /** The base offset of a batch and the length of what follows. */
    private static final int BATCH_HEAD = Long.BYTES + Integer.BYTES;
    private static final Set<String> INPUTS = Set.of(
        "request", "response", "failure", "expired", "append", "schedule", "resign", "upgrade_kraft_version", "read",
        "shutdown", "create_snapshot", "freeze_snapshot", "close_snapshot", "delete_snapshot");

    public boolean isInput() {
        return INPUTS.contains(kind);
    }

    /** Whether it is a write to, or a barrier of, the node's disk. */
    public boolean isDisk() {
        return switch (kind) {
            case "appended", "truncated", "flushed", "quorum_state", "snapshot_written", "snapshot_frozen", "snapshot_closed",
                 "snapshot_expired", "log_replaced" -> true;
            default -> false;
        };
    }

    public String text(String field) {
        return body.path(field).asText();
    }

    /** The batches of an {@code appended}, each by itself: one write may have several. */
    List<byte[]> batches() {
        List<byte[]> batches = new ArrayList<>();
        for (JsonNode write : body.path("batches")) {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(write.asText()));
            while (bytes.hasRemaining()) {
                int size = bytes.remaining() < BATCH_HEAD ? bytes.remaining()
                    : Math.min(bytes.remaining(), BATCH_HEAD + Math.max(0, bytes.getInt(bytes.position() + Long.BYTES)));
                byte[] batch = new byte[size];
                bytes.get(batch);
                batches.add(batch);
            }
        }
        return batches;
    }

    public ObjectNode toJson() {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.set(kind, body);
        return node;
    }

    static Entry of(JsonNode node) {
        if (node.size() != 1) {
            throw new BadDialogue("an entry has exactly one key: " + node);
        }
        var field = node.properties().iterator().next();
        return new Entry(field.getKey(), field.getValue());
    }
}
