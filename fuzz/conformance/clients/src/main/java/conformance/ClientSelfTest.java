package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Falsifies one entry of a dialogue after the other, which must be noticed and called by its name. */
final class ClientSelfTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final IntNode WRONG = new IntNode(77);

    /** Falsifies a step, or says that there is nothing in it to falsify. */
    private record Falsification(String expected, Predicate<ObjectNode> apply) {
    }

    private static final List<Falsification> FALSIFICATIONS = List.of(
        new Falsification("request.FETCH", step -> set(step, "request", "FETCH", "fetchOffset", WRONG)),
        new Falsification("request.FETCH", step -> set(step, "request", "FETCH", "currentLeaderEpoch", WRONG)),
        new Falsification("request.FETCH.missing", step -> remove(step, "request", "FETCH")),
        new Falsification("request.FETCH.extra", step -> twice(step, "request", "FETCH")),
        new Falsification("request.LIST_OFFSETS", step -> set(step, "request", "LIST_OFFSETS", "timestamp", WRONG)),
        new Falsification("request.OFFSET_FOR_LEADER_EPOCH",
            step -> set(step, "request", "OFFSET_FOR_LEADER_EPOCH", "leaderEpoch", WRONG)),
        new Falsification("request.OFFSET_FOR_LEADER_EPOCH.missing", step -> remove(step, "request", "OFFSET_FOR_LEADER_EPOCH")),
        new Falsification("request.PRODUCE", step -> set(step, "request", "PRODUCE", "index", WRONG)),
        new Falsification("request.PRODUCE.missing", step -> remove(step, "request", "PRODUCE")),
        new Falsification("request.PRODUCE", step -> set(step, "send", "", "value", new TextNode("77"))),
        new Falsification("request.INIT_PRODUCER_ID.extra", step -> twice(step, "request", "INIT_PRODUCER_ID")),
        new Falsification("response.unexpected", step -> twice(step, "response", "FETCH")),
        new Falsification("output.record", step -> set(step, "record", "", "value", new TextNode("77"))),
        new Falsification("output.record", step -> remove(step, "record", "")),
        new Falsification("state.position", step -> set(step, "response", "LIST_OFFSETS", "offset", WRONG)),
        new Falsification("state.position", step -> set(step, "response", "OFFSET_FOR_LEADER_EPOCH", "endOffset", new IntNode(0))),
        new Falsification("state.leader", step -> set(step, "response", "METADATA", "leaderEpoch", WRONG)),
        new Falsification("state.nodes", step -> set(step, "response", "METADATA", "nodeId", WRONG)),
        new Falsification("state.session", step -> step.path("state").path("session").isArray()
            && set(step, "response", "INIT_PRODUCER_ID", "producerId", WRONG)),
        new Falsification("state.sequences", step -> set(step, "response", "PRODUCE", "errorCode", new IntNode(45))),
        new Falsification("metadata.topics", step -> set(step, "request", "METADATA", "name", new TextNode("other"))),
        new Falsification("state.update_requested", step -> step.path("state").path("update_requested").asBoolean()
            && ((ObjectNode) step.path("state")).set("update_requested", BooleanNode.FALSE) != null));

    private ClientSelfTest() {
    }

    /** True if all is well. */
    static boolean run(List<Path> files, Known known) throws IOException {
        Path falsified = Files.createTempFile("falsified", ".ndjson");
        boolean good = true;
        for (Falsification falsification : FALSIFICATIONS) {
            good &= isNoticed(falsification, files, falsified, known);
        }
        Files.delete(falsified);
        return good;
    }

    private static boolean isNoticed(Falsification falsification, List<Path> files, Path falsified, Known known)
        throws IOException {
        for (Path file : files) {
            List<String> lines = new ArrayList<>(Files.readAllLines(file));
            if (falsify(lines, falsification)) {
                Files.write(falsified, lines);
                Report report = new Report(known, 0);
                ClientLife.run(falsified, report);
                boolean noticed = report.classes().contains(falsification.expected);
                System.out.println((noticed ? "noticed  " : "MISSED   ") + falsification.expected
                    + (noticed ? "" : ", but found " + report.classes()));
                return noticed;
            }
        }
        System.out.println("MISSED   " + falsification.expected + ": nothing to falsify");
        return false;
    }

    private static boolean falsify(List<String> lines, Falsification falsification) throws IOException {
        for (int i = 1; i < lines.size(); i++) {
            ObjectNode line = (ObjectNode) JSON.readTree(lines.get(i));
            if (line.path("kind").asText().equals("step") && falsification.apply.test(line)) {
                lines.set(i, line.toString());
                return true;
            }
        }
        return false;
    }

    private static int find(ObjectNode step, String kind, String api) {
        for (int i = 0; i < step.path("entries").size(); i++) {
            JsonNode entry = step.path("entries").get(i);
            if (entry.has(kind) && (api.isEmpty() || entry.path(kind).path("api").asText().equals(api))) {
                return i;
            }
        }
        return -1;
    }

    private static boolean set(ObjectNode step, String kind, String api, String field, JsonNode value) {
        int found = find(step, kind, api);
        JsonNode parent = found < 0 ? null : step.path("entries").get(found).path(kind).findParent(field);
        if (parent == null || parent.path(field).asText().equals(value.asText())) {
            return false;
        }
        ((ObjectNode) parent).set(field, value);
        return true;
    }

    private static boolean remove(ObjectNode step, String kind, String api) {
        int found = find(step, kind, api);
        return found >= 0 && ((ArrayNode) step.path("entries")).remove(found) != null;
    }

    private static boolean twice(ObjectNode step, String kind, String api) {
        int found = find(step, kind, api);
        return found >= 0 && !((ArrayNode) step.path("entries")).add(step.path("entries").get(found)).isEmpty();
    }
}
