package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Compares the files that the model left with those of the released client. */
final class DiskComparison {
    private static final ObjectMapper JSON = new ObjectMapper();

    private DiskComparison() {
    }

    static List<Difference> of(JsonNode model, Map<String, byte[]> kafka) throws IOException {
        List<Difference> differences = new ArrayList<>();
        Set<String> names = new TreeSet<>(kafka.keySet());
        model.fieldNames().forEachRemaining(names::add);
        for (String path : names) {
            String name = path.substring(path.indexOf('/') + 1);
            String kind = name.endsWith(".log") ? "log" : name;
            if (!isCompared(kind)) {
                continue;
            }
            byte[] ours = model.has(path) ? model.path(path).binaryValue() : null;
            byte[] theirs = kafka.get(path);
            if (ours == null || theirs == null) {
                differences.add(Difference.of("disk." + kind + (ours == null ? ".missing" : ".extra"), path, ""));
            } else if (!isSame(kind, ours, theirs)) {
                differences.add(Difference.of("disk." + kind, text(kind, path, ours), text(kind, path, theirs)));
            }
        }
        return differences;
    }

    private static boolean isCompared(String kind) {
        return kind.equals("log") || kind.equals("leader-epoch-checkpoint") || kind.equals("quorum-state");
    }

    private static boolean isSame(String kind, byte[] ours, byte[] theirs) throws IOException {
        return kind.equals("quorum-state")
            ? Json.difference(JSON.readTree(ours), JSON.readTree(theirs)) == null : Arrays.equals(ours, theirs);
    }

    private static String text(String kind, String path, byte[] bytes) {
        return kind.equals("log") ? path + " of " + bytes.length + " bytes"
            : new String(bytes, StandardCharsets.UTF_8).replace("\n", "|");
    }
}
