package conformance.wire;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.protocol.Errors;

/**
 * The values of a message by the names of their fields, in order. Absent ones (null, -1, the zero UUID, an empty text) are left
 * out: a trace and Kafka's converter write them differently.
 */
final class Values {
    private static final Set<String> ABSENT = Set.of("null", "-1", "AAAAAAAAAAAAAAAAAAAAAA", "");
    /** Compared otherwise. */
    private static final Set<String> APART = Set.of("records", "cutBatch", "requestData", "responseData", "supported");

    final Map<String, List<String>> byName = new LinkedHashMap<>();

    /** Of a message in a trace, by Kafka's names. */
    static Values ofTrace(String message, JsonNode fields) {
        Values values = new Values();
        values.add(message, null, fields, true);
        return values;
    }

    /** Of a message in the JSON of Kafka's converter. */
    static Values ofKafka(JsonNode fields) {
        Values values = new Values();
        values.add("", null, fields, false);
        return values;
    }

    private void add(String message, String name, JsonNode value, boolean isTrace) {
        if (value.isObject()) {
            value.fields().forEachRemaining(field -> {
                String own = isTrace ? kafkas(message, field.getKey()) : field.getKey();
                if (!APART.contains(own) && !(isTrace && own.equals("type"))) {
                    byName.computeIfAbsent(own, ignored -> new ArrayList<>());
                    add(message, own, field.getValue(), isTrace);
                }
            });
        } else if (value.isArray()) {
            value.forEach(entry -> add(message, name, entry, isTrace));
        } else {
            String text = isTrace && name.equals("errorCode") ? code(value.asText()) : value.asText();
            List<String> values = byName.get(name);
            // Kafka groups the partitions of a topic.
            boolean isSameTopic = isTrace && isOfTopic(message, name) && !values.isEmpty()
                && values.get(values.size() - 1).equals(text);
            if (!ABSENT.contains(text) && !isSameTopic) {
                values.add(text);
            }
        }
    }

    private static boolean isOfTopic(String message, String name) {
        return name.equals("topicId") || name.equals("topic") && message.equals("ElectLeaders response");
    }

    private static String code(String error) {
        return Short.toString(Errors.valueOf(error).code());
    }

    private static String kafkas(String message, String name) {
        return switch (name) {
            case "partitionErrorCode" -> "errorCode";
            case "partitionIndex" -> switch (message) {
                case "Produce request", "Produce response" -> "index";
                case "Fetch request", "OffsetForLeaderEpoch request", "OffsetForLeaderEpoch response" -> "partition";
                case "ElectLeaders response" -> "partitionId";
                default -> name;
            };
            case "topics" -> message.equals("Metadata request") ? "name" : name;
            default -> name;
        };
    }
}
