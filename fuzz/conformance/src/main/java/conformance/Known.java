package conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The table of differences that are known: each is {@code [[known]]} with {@code class} (a name, {@code *} stands for
 * anything), {@code reason}, and optionally {@code cause} and {@code role} of the steps that it is limited to.
 */
final class Known {
    private static final Pattern VALUE = Pattern.compile("(\\w+)\\s*=\\s*\"(.*)\"");

    static final class Rule {
        private String name = "";
        private String reason = "";
        private String cause = "";
        private String role = "";
        private Pattern pattern;

        String name() {
            return name + (cause.isEmpty() ? "" : " at " + cause) + (role.isEmpty() ? "" : " as " + role);
        }

        String reason() {
            return reason;
        }

        private boolean covers(Difference difference, String stepCause, String stepRole) {
            return pattern.matcher(difference.name()).matches() && (cause.isEmpty() || cause.equals(stepCause))
                && (role.isEmpty() || role.equals(stepRole));
        }

        private void set(String key, String value) {
            switch (key) {
                case "class" -> {
                    name = value;
                    pattern = Pattern.compile(Pattern.quote(value).replace("*", "\\E.*\\Q"));
                }
                case "reason" -> reason = value;
                case "cause" -> cause = value;
                case "role" -> role = value;
                default -> throw new BadDialogue("known differences: unknown key " + key);
            }
        }
    }

    private final List<Rule> rules = new ArrayList<>();

    static Known read(Path file) throws IOException {
        Known known = new Known();
        for (String line : Files.readAllLines(file)) {
            known.line(line.strip());
        }
        for (Rule rule : known.rules) {
            if (rule.pattern == null || rule.reason.isEmpty()) {
                throw new BadDialogue(file + ": each known difference needs a class and a reason");
            }
        }
        return known;
    }

    /** The rule that covers this difference, or null. */
    Rule find(Difference difference, String cause, String role) {
        for (Rule rule : rules) {
            if (rule.covers(difference, cause, role)) {
                return rule;
            }
        }
        return null;
    }

    private void line(String line) {
        var value = VALUE.matcher(line);
        if (line.equals("[[known]]")) {
            rules.add(new Rule());
        } else if (value.matches() && !rules.isEmpty()) {
            rules.get(rules.size() - 1).set(value.group(1), value.group(2));
        } else if (!line.isEmpty() && !line.startsWith("#")) {
            throw new BadDialogue("known differences: cannot read " + line);
        }
    }
}
