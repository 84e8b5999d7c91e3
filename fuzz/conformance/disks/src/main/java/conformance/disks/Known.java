package conformance.disks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The table of known differences: each is {@code [[known]]} with {@code class} and {@code reason}. */
final class Known {
    private static final Pattern VALUE = Pattern.compile("(class|reason)\\s*=\\s*\"(.*)\"");

    private final Map<Pattern, String> reasons = new LinkedHashMap<>();

    static Known read(Path file) throws IOException {
        Known known = new Known();
        Pattern name = null;
        for (String line : Files.readAllLines(file)) {
            Matcher value = VALUE.matcher(line.strip());
            if (value.matches() && value.group(1).equals("class")) {
                name = Pattern.compile(Pattern.quote(value.group(2)).replace("*", "\\E.*\\Q"));
            } else if (value.matches() && name != null) {
                known.reasons.put(name, value.group(2));
            } else if (!line.isBlank() && !line.startsWith("#") && !line.strip().equals("[[known]]")) {
                throw new BadInput(file + ": not a line of a known difference: " + line);
            }
        }
        return known;
    }

    static Known nothing() {
        return new Known();
    }

    /** Null if the class is not known. */
    String reason(String name) {
        return reasons.entrySet().stream().filter(entry -> entry.getKey().matcher(name).matches())
            .map(Map.Entry::getValue).findFirst().orElse(null);
    }
}
