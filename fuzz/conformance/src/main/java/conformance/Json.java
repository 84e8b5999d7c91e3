package conformance;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.HashSet;
import java.util.Set;

/** Where two JSON trees differ first. Numbers are compared by value, whatever their types; missing is not null. */
final class Json {
    /** @param field the innermost name on the way, which is what people call the difference */
    record Difference(String path, String field, JsonNode left, JsonNode right) {
        Difference within(String step, String name) {
            return new Difference(step + path, field.isEmpty() ? name : field, left, right);
        }
    }

    private Json() {
    }

    /** The first difference, or null if there is none. */
    static Difference difference(JsonNode left, JsonNode right) {
        if (left.isObject() && right.isObject()) {
            return objects(left, right);
        } else if (left.isArray() && right.isArray()) {
            return arrays(left, right);
        } else if (left.isIntegralNumber() && right.isIntegralNumber()) {
            return left.longValue() == right.longValue() ? null : here(left, right);
        } else {
            return left.equals(right) ? null : here(left, right);
        }
    }

    private static Difference objects(JsonNode left, JsonNode right) {
        Set<String> names = new HashSet<>();
        for (var field : left.properties()) {
            names.add(field.getKey());
            Difference difference = difference(field.getValue(), right.path(field.getKey()));
            if (difference != null) {
                return difference.within("." + field.getKey(), field.getKey());
            }
        }
        for (var field : right.properties()) {
            if (!names.contains(field.getKey())) {
                return here(left.path(field.getKey()), field.getValue()).within("." + field.getKey(), field.getKey());
            }
        }
        return null;
    }

    private static Difference arrays(JsonNode left, JsonNode right) {
        for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
            Difference difference = difference(left.path(i), right.path(i));
            if (difference != null) {
                return difference.within("[" + i + "]", "");
            }
        }
        return null;
    }

    private static Difference here(JsonNode left, JsonNode right) {
        return new Difference("", "", left, right);
    }
}
