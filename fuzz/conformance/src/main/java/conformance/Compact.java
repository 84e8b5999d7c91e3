package conformance;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.StringJoiner;

/** A step in one line, for people. */
final class Compact {
    private static final Set<String> TOLD = Set.of(
        "leaderEpoch", "leaderId", "voteGranted", "preVote", "replicaEpoch", "lastOffset", "lastOffsetEpoch", "fetchOffset",
        "lastFetchedEpoch", "currentLeaderEpoch", "highWatermark", "epoch", "endOffset", "votedId", "candidateId");
    private static final Set<String> KEYS = Set.of("api", "to", "from", "connection", "correlation_id", "version", "body");

    private Compact() {
    }

    static String step(Line line, List<Entry> kafka, List<Difference> differences) {
        StringBuilder text = new StringBuilder("#" + line.step() + " " + line.cause() + " at " + line.wallMs());
        List<Entry> inputs = line.entries().stream().filter(Entry::isInput).toList();
        List<Entry> outputs = line.entries().stream().filter(entry -> !entry.isInput()).toList();
        text.append(" | ").append(entries(inputs)).append(" -> ").append(entries(outputs));
        JsonNode state = line.state();
        if (state.isObject()) {
            text.append(" | ").append(state.path("role").asText()).append(' ').append(leaves(state, true));
        }
        if (!differences.isEmpty()) {
            text.append("\n      kafka -> ").append(entries(kafka));
            for (Difference difference : differences) {
                text.append("\n      ").append(difference.name());
            }
        }
        return text.toString();
    }

    static String entries(List<Entry> entries) {
        StringJoiner text = new StringJoiner(", ");
        entries.forEach(entry -> text.add(entry(entry)));
        return text.length() == 0 ? "nothing" : text.toString();
    }

    private static String entry(Entry entry) {
        JsonNode body = entry.body();
        String at = switch (entry.kind()) {
            case "send" -> " " + entry.text("api") + ">" + entry.text("to") + "#" + entry.text("correlation_id");
            case "response", "failure" -> " " + entry.text("api") + "<" + entry.text("to") + "#"
                + entry.text("correlation_id");
            case "request", "answer" -> " " + entry.text("api") + " " + entry.text("connection") + "#"
                + entry.text("correlation_id");
            case "appended" -> " " + body.path("batches").size() + " batches";
            case "commit" -> body.has("batches") ? " of " + body.path("batches").size() + " from " + body.path("base") : "";
            case "append" -> " " + body.path("records").size() + " records at " + body.path("offset");
            default -> "";
        };
        boolean message = body.has("body");
        boolean binary = body.has("batches") || entry.kind().equals("append");
        String leaves = binary ? "" : leaves(message ? body.path("body") : body, !message);
        return entry.kind() + at + (leaves.isEmpty() ? "" : " (" + leaves + ")");
    }

    private static String leaves(JsonNode tree, boolean all) {
        List<String> leaves = new ArrayList<>();
        collect("", tree, all, leaves);
        return String.join(" ", leaves);
    }

    private static void collect(String name, JsonNode tree, boolean all, List<String> leaves) {
        if (tree.isObject()) {
            tree.properties().forEach(field -> collect(field.getKey(), field.getValue(), all, leaves));
        } else if (tree.isArray()) {
            tree.forEach(element -> collect(name, element, all, leaves));
        } else if (name.equals("records")) {
            if (!tree.asText().isEmpty()) {
                leaves.add("records " + tree.asText().length() * 3 / 4 + " bytes");
            }
        } else if (name.equals("errorCode")) {
            if (tree.asInt() != 0) {
                leaves.add("error " + tree.asInt());
            }
        } else if (TOLD.contains(name) || all && !KEYS.contains(name) && !name.equals("voterId") && !name.equals("directory_id")) {
            leaves.add(name + " " + tree.asText());
        }
    }
}
