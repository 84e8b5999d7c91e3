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
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Compares the files that the model left with those of the released client. */
final class DiskComparison {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> KINDS = List.of(".log", ".checkpoint", ".checkpoint.part", ".checkpoint.deleted");
    private static final Pattern PARTIAL = Pattern.compile("(\\d{20}-\\d{10})-\\d+\\.checkpoint\\.part$");

    private DiskComparison() {
    }

    static List<Difference> of(JsonNode model, Map<String, byte[]> kafka) throws IOException {
        List<Difference> differences = new ArrayList<>();
        Map<String, byte[]> models = new TreeMap<>();
        for (var file : model.properties()) {
            models.put(file.getKey(), file.getValue().binaryValue());
        }
        Map<String, byte[]> ofModel = withoutNumbers(models);
        Map<String, byte[]> ofKafka = withoutNumbers(kafka);
        Set<String> names = new TreeSet<>(ofKafka.keySet());
        names.addAll(ofModel.keySet());
        for (String path : names) {
            String name = path.substring(path.indexOf('/') + 1);
            String kind = KINDS.stream().filter(name::endsWith).findFirst().orElse(name);
            if (!isCompared(kind)) {
                continue;
            }
            byte[] ours = ofModel.get(path);
            byte[] theirs = ofKafka.get(path);
            if (ours == null || theirs == null) {
                differences.add(Difference.of("disk." + label(kind) + (ours == null ? ".missing" : ".extra"), path, ""));
            } else if (!isSame(kind, ours, theirs)) {
                differences.add(Difference.of("disk." + label(kind), text(kind, path, ours), text(kind, path, theirs)));
            }
        }
        return differences;
    }

    /** What is written has a random number in its name. */
    private static Map<String, byte[]> withoutNumbers(Map<String, byte[]> files) {
        Map<String, byte[]> result = new TreeMap<>();
        for (var file : files.entrySet()) {
            String name = PARTIAL.matcher(file.getKey()).replaceFirst("$1.checkpoint.part");
            while (result.putIfAbsent(name, file.getValue()) != null) {
                name = "another " + name;
            }
        }
        return result;
    }

    private static String label(String kind) {
        return kind.startsWith(".") ? kind.substring(1) : kind;
    }

    private static boolean isCompared(String kind) {
        return KINDS.contains(kind) || kind.equals("leader-epoch-checkpoint") || kind.equals("quorum-state");
    }

    private static boolean isSame(String kind, byte[] ours, byte[] theirs) throws IOException {
        return kind.equals("quorum-state")
            ? Json.difference(JSON.readTree(ours), JSON.readTree(theirs)) == null : Arrays.equals(ours, theirs);
    }

    private static String text(String kind, String path, byte[] bytes) {
        return KINDS.contains(kind) ? path + " of " + bytes.length + " bytes"
            : new String(bytes, StandardCharsets.UTF_8).replace("\n", "|");
    }
}
