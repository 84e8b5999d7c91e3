package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/** Falsifies one entry of a dialogue after the other, which must be noticed and called by its name. */
final class PartitionSelfTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final IntNode WRONG = new IntNode(77);

    /** Falsifies a step, or says that there is nothing in it to falsify. */
    private record Falsification(String expected, BiPredicate<ObjectNode, ObjectNode> apply) {
        Falsification(String expected, Predicate<ObjectNode> apply) {
            this(expected, (before, step) -> apply.test(step));
        }
    }

    private static final List<Falsification> FALSIFICATIONS = List.of(
        // Outputs of the model
        new Falsification("state.high_watermark", step -> inState(step, "high_watermark")),
        new Falsification("state.log_end", step -> inState(step, "log_end")),
        new Falsification("state.leader_epoch", step -> inState(step, "leader_epoch")),
        new Falsification("state.leader_epoch_start", step -> inState(step, "leader_epoch_start")),
        new Falsification("state.partition_epoch", step -> inState(step, "partition_epoch")),
        new Falsification("state.leader", step -> inState(step, "leader")),
        new Falsification("state.isr", step -> more(step.path("state").path("isr"))),
        new Falsification("state.proposed", step -> more(step.path("state").path("proposed"))),
        new Falsification("state.epochs", step -> set(step.path("state").path("epochs").path(0), 1)),
        new Falsification("state.replica", step -> set(step.path("state").path("replicas").path(0), "last_caught_up_ms")),
        new Falsification("state.replica", step -> set(step.path("state").path("replicas").path(0), "broker_epoch")),
        new Falsification("state.replicas", step -> less(step.path("state").path("replicas"))),
        new Falsification("result.append-as-leader", step -> of(step, "append-as-leader") && set(result(step), "first")),
        new Falsification("result.fetch", step -> of(step, "fetch") && set(result(step), "high_watermark")),
        new Falsification("result.fetch", step -> of(step, "fetch") && set(result(step), "last")),
        new Falsification("result.fetch", step -> of(step, "fetch") && set(result(step), "error")),
        new Falsification("result.check-reached", step -> of(step, "check-reached") && set(result(step), "error")),
        new Falsification("result.fetch-offset", step -> of(step, "fetch-offset") && set(result(step), "offset")),
        new Falsification("result.make-follower", step -> of(step, "make-follower")
            && flip(result(step), "new_epoch")),
        new Falsification("submit", step -> set(find(step, "submit"), "partition_epoch")),
        new Falsification("submit.missing", step -> remove(step, "submit")),
        new Falsification("submit.extra", step -> of(step, "maybe-shrink-isr") && step.path("entries").size() == 1
            && add(step, "{\"submit\": {\"leader_epoch\": 1, \"partition_epoch\": 1, \"isr\": [], \"accepted\": true}}")),
        // Inputs, which must lead elsewhere
        new Falsification("state.replica", step -> of(step, "fetch") && result(step).has("log_end")
            && call(step).path("replica_id").asInt() > 0 && set(call(step), "replica_epoch")),
        new Falsification("result.fetch", step -> of(step, "fetch") && set(call(step), "current_leader_epoch")),
        new Falsification("result.fetch", step -> of(step, "fetch") && result(step).path("bytes").asInt() > 0
            && set(call(step), "fetch_offset")),
        new Falsification("state.proposed", step -> flip(find(step, "submit"), "accepted")),
        // Unless the metadata log had told of the change before
        new Falsification("state.isr", (before, step) -> of(step, "alter-partition")
            && !before.path("state").path("isr").equals(step.path("state").path("isr")) && more(call(step).path("isr"))),
        new Falsification("state.partition_epoch", step -> of(step, "make-leader") && set(call(step), "partition_epoch")),
        new Falsification("state.high_watermark", step -> of(step, "append-as-follower")
            && call(step).path("high_watermark").asLong() > 0 && zero(call(step), "high_watermark")),
        new Falsification("state.log_end", step -> of(step, "append-as-follower") && less(call(step).path("records"))),
        new Falsification("state.log_end", step -> of(step, "truncate")
            && call(step).path("offset").asLong() > 0 && zero(call(step), "offset")));

    private PartitionSelfTest() {
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
                PartitionLife.run(falsified, report);
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
        ObjectNode before = JSON.createObjectNode();
        for (int i = 1; i < lines.size(); i++) {
            ObjectNode line = (ObjectNode) JSON.readTree(lines.get(i));
            if (line.path("kind").asText().equals("step") && falsification.apply.test(before, line)) {
                lines.set(i, line.toString());
                return true;
            }
            before = line;
        }
        return false;
    }

    private static boolean of(ObjectNode step, String cause) {
        return step.path("cause").asText().equals(cause);
    }

    private static JsonNode find(ObjectNode step, String kind) {
        for (JsonNode entry : step.path("entries")) {
            if (entry.has(kind)) {
                return entry.path(kind);
            }
        }
        return JSON.missingNode();
    }

    private static JsonNode call(ObjectNode step) {
        return find(step, "call");
    }

    private static JsonNode result(ObjectNode step) {
        return find(step, "result");
    }

    private static boolean inState(ObjectNode step, String field) {
        return set(step.path("state"), field);
    }

    private static boolean set(JsonNode object, String field) {
        return object.path(field).isNumber() && object.path(field).asInt() != WRONG.asInt()
            && ((ObjectNode) object).set(field, WRONG) != null;
    }

    private static boolean set(JsonNode array, int index) {
        return array.path(index).isNumber() && ((ArrayNode) array).set(index, WRONG) != null;
    }

    private static boolean zero(JsonNode object, String field) {
        return ((ObjectNode) object).put(field, 0) != null;
    }

    private static boolean flip(JsonNode object, String field) {
        return object.path(field).isBoolean()
            && ((ObjectNode) object).set(field, BooleanNode.valueOf(!object.path(field).asBoolean())) != null;
    }

    private static boolean more(JsonNode array) {
        return array.isArray() && ((ArrayNode) array).add(WRONG) != null;
    }

    private static boolean less(JsonNode array) {
        return array.size() > 0 && ((ArrayNode) array).remove(array.size() - 1) != null;
    }

    private static boolean remove(ObjectNode step, String kind) {
        for (int i = 0; i < step.path("entries").size(); i++) {
            if (step.path("entries").get(i).has(kind)) {
                return ((ArrayNode) step.path("entries")).remove(i) != null;
            }
        }
        return false;
    }

    private static boolean add(ObjectNode step, String entry) {
        try {
            return ((ArrayNode) step.path("entries")).insert(0, JSON.readTree(entry)) != null;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
