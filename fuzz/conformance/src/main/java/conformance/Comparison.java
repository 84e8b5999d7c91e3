package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.raft.Bodies;

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Compares what the model and the released client did in one step.
 *
 * <p>Outputs are compared per stream: what goes to one peer, to one listener or to the disk has an order, two different
 * streams have none. Only between the disk and what leaves the node there is one: what must be durable before it is
 * promised.
 */
final class Comparison {
    private final List<Difference> differences = new ArrayList<>();

    private record Placed(Entry entry, int disk) {
        /** What the alignment of two streams goes by. */
        String label() {
            return entry.body().has("api") ? entry.kind() + "." + entry.text("api") : entry.kind();
        }
    }

    private record Pair(Placed model, Placed kafka) {
    }

    static List<Difference> ofSteps(List<Entry> model, List<Entry> kafka, JsonNode modelState, JsonNode kafkaState) {
        Comparison comparison = new Comparison();
        if (comparison.onlyKafkaFailed(model, kafka)) {
            return comparison.differences;
        }
        comparison.outputs(model, kafka);
        if (kafkaState != null && modelState.isObject()) {
            comparison.states(modelState, kafkaState);
        }
        return comparison.differences;
    }

    /** What the released client did not come to do is no difference of its own. */
    private boolean onlyKafkaFailed(List<Entry> model, List<Entry> kafka) {
        Entry last = kafka.isEmpty() ? null : kafka.get(kafka.size() - 1);
        boolean failed = last != null && last.kind().equals("halt") && last.body().path("fatal").asBoolean();
        if (!failed || model.stream().anyMatch(entry -> entry.kind().equals("halt"))) {
            return false;
        }
        String exception = last.text("reason").replaceFirst(":.*", "");
        add("halt.missing." + exception.substring(exception.lastIndexOf('.') + 1), "", last.body());
        return true;
    }

    private void outputs(List<Entry> model, List<Entry> kafka) {
        Map<String, List<Placed>> modelStreams = streams(model);
        Map<String, List<Placed>> kafkaStreams = streams(kafka);
        Set<String> names = new LinkedHashSet<>(modelStreams.keySet());
        names.addAll(kafkaStreams.keySet());
        List<Pair> pairs = new ArrayList<>();
        boolean sameDisk = labels(modelStreams.get("disk")).equals(labels(kafkaStreams.get("disk")));
        for (String name : names) {
            List<Placed> left = modelStreams.getOrDefault(name, List.of());
            List<Placed> right = kafkaStreams.getOrDefault(name, List.of());
            pairs.addAll(align(left, right));
        }
        for (Pair pair : pairs) {
            compare(pair, sameDisk);
        }
    }

    private static Map<String, List<Placed>> streams(List<Entry> entries) {
        Map<String, List<Placed>> streams = new LinkedHashMap<>();
        int disk = 0;
        for (Entry entry : entries) {
            if (entry.kind().equals("appended")) {
                for (byte[] batch : entry.batches()) {
                    String text = Base64.getEncoder().encodeToString(batch);
                    put(streams, new Entry("appended", JsonNodeFactory.instance.objectNode().put("batch", text)), disk++);
                }
            } else if (!entry.isInput()) {
                put(streams, entry, disk);
                disk += entry.isDisk() ? 1 : 0;
            }
        }
        return streams;
    }

    private static void put(Map<String, List<Placed>> streams, Entry entry, int disk) {
        streams.computeIfAbsent(stream(entry), name -> new ArrayList<>()).add(new Placed(entry, disk));
    }

    private static String stream(Entry entry) {
        if (entry.isDisk()) {
            return "disk";
        }
        return switch (entry.kind()) {
            case "send" -> "send to " + entry.text("to");
            case "answer" -> "answer " + entry.text("connection") + ":" + entry.text("correlation_id");
            // A snapshot stands for commits.
            case "load_snapshot", "load_bootstrap" -> "commit " + entry.text("listener");
            case "commit", "leader_change" -> entry.kind() + " " + entry.text("listener");
            default -> entry.kind();
        };
    }

    private static List<String> labels(List<Placed> stream) {
        return stream == null ? List.of() : stream.stream().map(Placed::label).toList();
    }

    /** Pairs by the longest common sequence of labels; what is left on one side has no partner. */
    private static List<Pair> align(List<Placed> model, List<Placed> kafka) {
        List<Pair> pairs = new ArrayList<>();
        if (labels(model).equals(labels(kafka))) {
            for (int i = 0; i < model.size(); i++) {
                pairs.add(new Pair(model.get(i), kafka.get(i)));
            }
            return pairs;
        }
        int[][] common = commonLengths(model, kafka);
        int i = 0;
        int j = 0;
        while (i < model.size() || j < kafka.size()) {
            if (i < model.size() && j < kafka.size() && model.get(i).label().equals(kafka.get(j).label())) {
                pairs.add(new Pair(model.get(i++), kafka.get(j++)));
            } else if (j == kafka.size() || i < model.size() && common[i + 1][j] >= common[i][j + 1]) {
                pairs.add(new Pair(model.get(i++), null));
            } else {
                pairs.add(new Pair(null, kafka.get(j++)));
            }
        }
        return pairs;
    }

    private static int[][] commonLengths(List<Placed> model, List<Placed> kafka) {
        int[][] common = new int[model.size() + 1][kafka.size() + 1];
        for (int i = model.size() - 1; i >= 0; i--) {
            for (int j = kafka.size() - 1; j >= 0; j--) {
                common[i][j] = model.get(i).label().equals(kafka.get(j).label())
                    ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
            }
        }
        return common;
    }

    private void compare(Pair pair, boolean sameDisk) {
        if (pair.model == null) {
            add(pair.kafka.label() + ".missing", "", pair.kafka.entry.body());
        } else if (pair.kafka == null) {
            add(pair.model.label() + ".extra", pair.model.entry.body(), "");
        } else {
            compareBodies(pair.model.entry, pair.kafka.entry, pair.model.label());
            boolean leavesNode = pair.model.entry.kind().equals("send") || pair.model.entry.kind().equals("answer");
            if (sameDisk && leavesNode && pair.model.disk != pair.kafka.disk) {
                add("order." + pair.model.label(),
                    "after write " + pair.model.disk + " of this step", "after write " + pair.kafka.disk);
            }
        }
    }

    private void compareBodies(Entry model, Entry kafka, String label) {
        switch (model.kind()) {
            case "send", "answer" -> compareMessages(model, kafka, label);
            case "wait" -> compareWaits(model.body(), kafka.body());
            case "halt" -> {
                if (model.body().path("fatal").asBoolean() != kafka.body().path("fatal").asBoolean()) {
                    add("halt.fatal", model.body(), kafka.body());
                }
            }
            default -> compareTrees(label, model.body(), kafka.body());
        }
    }

    private void compareWaits(JsonNode model, JsonNode kafka) {
        long modelMs = model.path("ms").asLong();
        long kafkaMs = kafka.path("ms").asLong();
        if (modelMs != kafkaMs) {
            add("wait", modelMs, kafkaMs);
        }
    }

    private void compareMessages(Entry model, Entry kafka, String label) {
        JsonNode port = model.body().path("port");
        if (port.isInt() && port.asInt() != kafka.body().path("port").asInt()) {
            add(label + ".port", port, kafka.body().path("port"));
        }
        if (model.body().path("version").asInt() != kafka.body().path("version").asInt()) {
            add(label + ".version", model.body().path("version"), kafka.body().path("version"));
            return;
        }
        JsonNode modelBody = model.body().path("body");
        JsonNode kafkaBody = kafka.body().path("body");
        if (Json.difference(modelBody, kafkaBody) != null) {
            compareTrees(label, withDefaults(model), kafkaBody);
        }
    }

    /** The model may write out or leave out fields that have their defaults: Kafka's reader and writer even that out. */
    private static JsonNode withDefaults(Entry message) {
        ApiKeys api = ApiKeys.valueOf(message.text("api"));
        short version = (short) message.body().path("version").asInt();
        JsonNode body = message.body().path("body");
        return message.kind().equals("send")
            ? Bodies.writeRequest(api, version, Bodies.readRequest(api, version, body))
            : Bodies.writeResponse(api, version, Bodies.readResponse(api, version, body));
    }

    private void compareTrees(String label, JsonNode model, JsonNode kafka) {
        Json.Difference difference = Json.difference(model, kafka);
        if (difference != null) {
            add(label + "." + difference.field(), difference.path() + " " + difference.left() + " in " + model,
                difference.path() + " " + difference.right() + " in " + kafka);
        }
    }

    private void states(JsonNode model, JsonNode kafka) {
        for (var field : kafka.properties()) {
            JsonNode ours = model.path(field.getKey());
            // Older dialogues do not say it.
            boolean isNew = field.getKey().endsWith("_snapshot") || field.getKey().equals("kraft_version")
                || field.getKey().equals("voters");
            boolean said = !isNew || model.has(field.getKey());
            if (said && Json.difference(ours, field.getValue()) != null) {
                add("state." + field.getKey(), ours, field.getValue());
            }
        }
    }

    private void add(String name, Object model, Object kafka) {
        differences.add(Difference.of(name, model, kafka));
    }
}
