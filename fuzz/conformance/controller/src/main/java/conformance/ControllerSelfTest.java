package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.apache.kafka.controller.ReleasedController;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Falsifies one entry of a dialogue after the other, which must be noticed and called by its name. */
final class ControllerSelfTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Falsifies a step, or says that there is nothing in it to falsify. */
    private record Falsification(String expected, Predicate<ObjectNode> apply) {
    }

    private static final List<Falsification> FALSIFICATIONS = List.of(
        new Falsification("record.TOPIC_RECORD.type", step -> swapNoOp(step, "AQIACHRvcGljLTAu34FhLp5CmqzpUjal7n91AA==")),
        new Falsification("record.PARTITION_RECORD.leader", step -> flip(step, "AQMC")),
        new Falsification("record.count.writeNoOpRecord", ControllerSelfTest::twice),
        new Falsification("appended.epoch", step -> set(step, "append", "", "epoch", new IntNode(77))),
        new Falsification("appended.missing.createTopics", step -> is(step, "createTopics") && remove(step, "append")),
        new Falsification("appended.missing.writeNoOpRecord", step -> is(step, "writeNoOpRecord") && remove(step, "append")),
        new Falsification("schedule.missing", step -> remove(step, "schedule")),
        new Falsification("resign.missing", step -> remove(step, "resign")),
        new Falsification("resign.epoch", step -> set(step, "resign", "", "epoch", new IntNode(77))),
        new Falsification("answer.BROKER_HEARTBEAT.isFenced",
            step -> set(step, "answer", "BROKER_HEARTBEAT", "isFenced", BooleanNode.TRUE)),
        new Falsification("answer.ALTER_PARTITION.errorCode",
            step -> set(step, "answer", "ALTER_PARTITION", "errorCode", new IntNode(77))),
        new Falsification("answer.CREATE_TOPICS.topicId",
            step -> set(step, "answer", "CREATE_TOPICS", "topicId", new TextNode("Lt_BYS6eQpqs6VI2pe5_dQ"))),
        new Falsification("answer.BROKER_REGISTRATION.brokerEpoch",
            step -> set(step, "answer", "BROKER_REGISTRATION", "brokerEpoch", new IntNode(7))),
        new Falsification("answer.INCREMENTAL_ALTER_CONFIGS.missing",
            step -> remove(step, "answer", "INCREMENTAL_ALTER_CONFIGS")),
        new Falsification("state.role", step -> setState(step, "role", new TextNode("observer"))),
        new Falsification("state.epoch", step -> setState(step, "epoch", new IntNode(77))),
        new Falsification("state.last_stable", step -> setState(step, "last_stable", new IntNode(99_999))),
        new Falsification("draw.missing", step -> step.path("draws").size() > 0 && is(step, "createTopics")
            && step.putArray("draws").isEmpty()),
        new Falsification("draw.extra", step -> is(step, "createTopics")
            && step.path("draws").size() > 0 && !step.withArray("draws").addArray().add(3).add(1).isEmpty()),
        // The request does not arrive, so the queue runs nothing, or something else.
        new Falsification("event.extra.incrementalAlterConfigs",
            step -> remove(step, "request", "INCREMENTAL_ALTER_CONFIGS")));

    private ControllerSelfTest() {
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
                ControllerLife.run(falsified, report);
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

    private static boolean is(ObjectNode step, String cause) {
        return step.path("cause").asText().equals(cause);
    }

    private static boolean is(JsonNode entry, String kind, String api) {
        return entry.has(kind) && (api.isEmpty() || entry.path(kind).path("api").asText().equals(api));
    }

    private static boolean set(ObjectNode step, String kind, String api, String field, JsonNode value) {
        for (JsonNode entry : step.path("entries")) {
            if (is(entry, kind, api)) {
                JsonNode parent = entry.path(kind).findParent(field);
                if (parent != null && !parent.path(field).asText().equals(value.asText())) {
                    ((ObjectNode) parent).set(field, value);
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean remove(ObjectNode step, String kind) {
        return remove(step, kind, "");
    }

    /** Removes the first entry of that kind, of any API if none is named: a step may have several answers. */
    private static boolean remove(ObjectNode step, String kind, String api) {
        ArrayNode entries = step.withArray("entries");
        for (int i = 0; i < entries.size(); i++) {
            if (is(entries.get(i), kind, api)) {
                entries.remove(i);
                return true;
            }
        }
        return false;
    }

    private static boolean setState(ObjectNode step, String field, JsonNode value) {
        ((ObjectNode) step.path("state")).set(field, value);
        return true;
    }

    private static ArrayNode records(ObjectNode step) {
        for (JsonNode entry : step.path("entries")) {
            if (entry.has("append")) {
                return (ArrayNode) entry.path("append").path("records");
            }
        }
        return JSON.createArrayNode();
    }

    private static boolean swapNoOp(ObjectNode step, String other) {
        ArrayNode records = records(step);
        if (!is(step, "writeNoOpRecord") || records.isEmpty()) {
            return false;
        }
        records.set(0, new TextNode(other));
        return true;
    }

    private static boolean twice(ObjectNode step) {
        ArrayNode records = records(step);
        return is(step, "writeNoOpRecord") && !records.isEmpty() && !records.add(records.get(0)).isEmpty();
    }

    /** Another leader in the first record that begins so. */
    private static boolean flip(ObjectNode step, String start) {
        ArrayNode records = records(step);
        for (int i = 0; i < records.size(); i++) {
            if (records.get(i).asText().startsWith(start)) {
                records.set(i, new TextNode(ReleasedController.withOtherLeader(records.get(i).asText())));
                return true;
            }
        }
        return false;
    }
}
