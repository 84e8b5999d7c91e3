package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.controller.ReleasedController;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Compares what the model's controller did in a step with what the released one did. */
final class ControllerComparison {
    /** Lists whose order is that of a hash map, or random, in Kafka. */
    private static final List<String> UNORDERED =
        List.of("responses", "results", "topics", "replicaElectionResults", "partitionResult");

    private final String cause;
    private final List<Difference> differences = new ArrayList<>();

    private ControllerComparison(String cause) {
        this.cause = cause;
    }

    static List<Difference> of(String cause, List<Entry> model, List<Entry> kafka) {
        ControllerComparison comparison = new ControllerComparison(cause);
        comparison.appends(of("append", model), of("append", kafka));
        comparison.answers(of("answer", model), of("answer", kafka));
        comparison.pairwise("resign", of("resign", model), of("resign", kafka));
        comparison.count("schedule", of("schedule", model).size(), of("schedule", kafka).size());
        comparison.count("halt", of("halt", model).size(), of("halt", kafka).size());
        comparison.count("draw", 0, of("draw", kafka).size());
        return comparison.differences;
    }

    private static List<Entry> of(String kind, List<Entry> entries) {
        return entries.stream().filter(entry -> entry.kind().equals(kind)).toList();
    }

    private void differ(String name, Object model, Object kafka) {
        differences.add(Difference.of(name, model, kafka));
    }

    private void count(String kind, int model, int kafka) {
        if (model != kafka) {
            differ(kind + (model > kafka ? ".extra" : ".missing"), model, kafka);
        }
    }

    private void pairwise(String kind, List<Entry> model, List<Entry> kafka) {
        count(kind, model.size(), kafka.size());
        for (int i = 0; i < Math.min(model.size(), kafka.size()); i++) {
            Json.Difference difference = Json.difference(model.get(i).body(), kafka.get(i).body());
            if (difference != null) {
                differ(kind + "." + difference.field(), difference.left(), difference.right());
            }
        }
    }

    private void appends(List<Entry> model, List<Entry> kafka) {
        for (int i = 0; i < Math.max(model.size(), kafka.size()); i++) {
            if (i >= kafka.size()) {
                differ("appended.extra." + cause, records(model.get(i)), "");
            } else if (i >= model.size()) {
                differ("appended.missing." + cause, "", records(kafka.get(i)));
            } else {
                append(model.get(i), kafka.get(i));
            }
        }
    }

    private void append(Entry model, Entry kafka) {
        if (model.body().path("epoch").asInt() != kafka.body().path("epoch").asInt()) {
            differ("appended.epoch", model.body().path("epoch"), kafka.body().path("epoch"));
        }
        if (model.body().path("records").equals(kafka.body().path("records"))) {
            return;
        }
        List<String> ours = inOrder(model);
        List<String> theirs = inOrder(kafka);
        if (cause.equals("registerBroker") && ours.removeIf(ReleasedController::assignsDirectories)) {
            differ("record.directories", records(model), records(kafka));
        }
        if (ours.size() < theirs.size() && ours.equals(theirs.stream().distinct().toList())) {
            differ("record.twice", records(model), records(kafka));
            return;
        }
        if (ours.size() != theirs.size()) {
            differ("record.count." + cause, records(model), records(kafka));
            return;
        }
        for (int i = 0; i < ours.size(); i++) {
            if (!ours.get(i).equals(theirs.get(i))) {
                record(ours.get(i), theirs.get(i));
            }
        }
    }

    /**
     * The records, where changes of partitions that follow each other are ordered by partition: Kafka's order is that of the
     * hash codes of topic ids. Changes of one partition stay in their order.
     */
    private static List<String> inOrder(Entry append) {
        List<String> result = new ArrayList<>();
        List<Map.Entry<String, String>> changes = new ArrayList<>();
        for (JsonNode record : append.body().path("records")) {
            String partition = ReleasedController.changedPartition(record.asText());
            if (partition == null) {
                flush(changes, result);
                result.add(record.asText());
            } else {
                changes.add(Map.entry(partition, record.asText()));
            }
        }
        flush(changes, result);
        return result;
    }

    private static void flush(List<Map.Entry<String, String>> changes, List<String> result) {
        changes.stream().sorted(Map.Entry.comparingByKey()).map(Map.Entry::getValue).forEach(result::add);
        changes.clear();
    }

    private void record(String model, String kafka) {
        JsonNode ours = ReleasedController.toJson(model);
        JsonNode theirs = ReleasedController.toJson(kafka);
        Json.Difference difference = Json.difference(ours, theirs);
        String field = difference == null ? "bytes" : difference.field();
        differ("record." + ours.path("type").asText() + "." + field, ours, theirs);
    }

    private static String records(Entry append) {
        List<String> records = new ArrayList<>();
        append.body().path("records").forEach(record -> records.add(ReleasedController.toJson(record.asText()).toString()));
        return String.join(" ", records);
    }

    private void answers(List<Entry> model, List<Entry> kafka) {
        Map<String, JsonNode> theirs = new LinkedHashMap<>();
        kafka.forEach(answer -> theirs.put(key(answer), answer.body()));
        for (Entry answer : model) {
            JsonNode other = theirs.remove(key(answer));
            String api = answer.text("api");
            if (other == null) {
                differ("answer." + api + ".extra", answer.body(), "");
            } else if (!api.equals(other.path("api").asText())) {
                differ("answer." + api + ".api", answer.body(), other);
            } else {
                answer(api, answer.body().path("body"), other.path("body"));
            }
        }
        theirs.values().forEach(answer -> differ("answer." + answer.path("api").asText() + ".missing", "", answer));
    }

    private void answer(String api, JsonNode model, JsonNode kafka) {
        JsonNode ours = ordered(model);
        JsonNode theirs = project(ordered(kafka), ours);
        Json.Difference difference = Json.difference(ours, theirs);
        if (difference != null) {
            differ("answer." + api + "." + difference.field(), ours, theirs);
        }
    }

    private static String key(Entry answer) {
        return answer.text("connection") + "#" + answer.text("correlation_id");
    }

    /** With sorted lists, where the order means nothing. */
    private static JsonNode ordered(JsonNode tree) {
        if (tree.isArray()) {
            ArrayNode result = JsonNodeFactory.instance.arrayNode();
            tree.forEach(element -> result.add(ordered(element)));
            return result;
        } else if (!tree.isObject()) {
            return tree;
        }
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        tree.properties().forEach(field -> {
            JsonNode value = ordered(field.getValue());
            if (value.isArray() && UNORDERED.contains(field.getKey())) {
                List<JsonNode> elements = new ArrayList<>();
                // Of ElectLeaders for all partitions: topics without a result; the model's answer is by partition.
                value.forEach(element -> {
                    if (!element.path("partitionResult").isArray() || !element.path("partitionResult").isEmpty()) {
                        elements.add(element);
                    }
                });
                elements.sort(Comparator.comparing(ControllerComparison::name));
                value = JsonNodeFactory.instance.arrayNode().addAll(elements);
            }
            result.set(field.getKey(), value);
        });
        return result;
    }

    private static String name(JsonNode element) {
        return element.path("name").asText() + " " + element.path("resourceType").asText() + " "
            + element.path("resourceName").asText() + " " + element.path("topicId").asText() + element.path("topic").asText()
            + String.format("%010d", element.path("partitionId").asInt());
    }

    /** The fields that the model's messages have, too. */
    private static JsonNode project(JsonNode kafka, JsonNode model) {
        if (kafka.isObject() && model.isObject()) {
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            kafka.properties().forEach(field -> {
                if (model.has(field.getKey())) {
                    result.set(field.getKey(), project(field.getValue(), model.path(field.getKey())));
                }
            });
            return result;
        } else if (kafka.isArray() && model.isArray()) {
            ArrayNode result = JsonNodeFactory.instance.arrayNode();
            for (int i = 0; i < kafka.size(); i++) {
                result.add(model.has(i) ? project(kafka.get(i), model.get(i)) : kafka.get(i));
            }
            return result;
        } else {
            return kafka;
        }
    }
}
