package conformance;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.ArrayList;
import java.util.List;

/** One line of a dialogue after its header. */
final class Line {
    private final JsonNode json;
    private final String kind;
    private final List<Entry> entries = new ArrayList<>();

    Line(JsonNode json) {
        this.json = json;
        this.kind = json.path("kind").asText();
        for (JsonNode entry : json.path("entries")) {
            if (!entry.isNull()) {
                entries.add(Entry.of(entry));
            }
        }
    }

    String kind() {
        return kind;
    }

    boolean is(String kind) {
        return this.kind.equals(kind);
    }

    /** Whether the line is a step of the raft client's thread; booting is one. */
    boolean isStep() {
        return is("step") || is("boot");
    }

    String cause() {
        return is("step") ? json.path("cause").asText() : kind;
    }

    /** Whether the node ended here because its disk failed. The released client's disk does not. */
    boolean isDiskError() {
        return cause().equals("disk-error");
    }

    long step() {
        return json.path("step").asLong();
    }

    long wallMs() {
        return json.path("wall_ms").asLong();
    }

    long monoNs() {
        return json.path("mono_ns").asLong();
    }

    List<Entry> entries() {
        return entries;
    }

    JsonNode state() {
        return json.path("state");
    }

    JsonNode field(String name) {
        return json.path(name);
    }

    List<int[]> draws() {
        List<int[]> draws = new ArrayList<>();
        for (JsonNode draw : json.path("draws")) {
            // The raft client draws below an int: what does not fit is of somebody else.
            if (draw.path(0).canConvertToInt() && draw.path(1).canConvertToInt()) {
                draws.add(new int[] {draw.path(0).asInt(), draw.path(1).asInt()});
            }
        }
        return draws;
    }
}
