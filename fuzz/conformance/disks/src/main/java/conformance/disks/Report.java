package conformance.disks;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** How many things were compared, by kind, and the differences, by class. */
final class Report {
    private static final int LONGEST = 400;

    private static final class Count {
        private long compared;
        private long agreed;
    }

    private static final class Found {
        private long count;
        private String first;
        private String reason;
    }

    private final Known known;
    private final Map<String, Count> kinds = new LinkedHashMap<>();
    private final Map<String, Found> differences = new TreeMap<>();
    private final Map<String, Long> notes = new LinkedHashMap<>();

    /** What is said before the place of a difference, such as the run. */
    private String context = "";

    Report(Known known) {
        this.known = known;
    }

    /** Compares one thing of a kind; {@code where} is said of the first difference. */
    boolean same(String kind, String where, Object kafka, Object model) {
        boolean agrees = Objects.equals(kafka, model);
        return judge(kind, kind, agrees, where, () -> "Kafka " + kafka + ", model " + model);
    }

    boolean judge(String kind, String name, boolean agrees, String where, java.util.function.Supplier<String> what) {
        Count count = kinds.computeIfAbsent(kind, unused -> new Count());
        count.compared++;
        if (agrees) {
            count.agreed++;
            return true;
        }
        Found found = differences.computeIfAbsent(name, unused -> new Found());
        if (found.count++ == 0) {
            String text = context + where + ": " + what.get();
            found.first = text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
            found.reason = known.reason(name);
        }
        return false;
    }

    void of(String run) {
        context = run + ": ";
    }

    /** Counts something that is worth knowing and no comparison. */
    void note(String what, long more) {
        if (more > 0) {
            notes.merge(what, more, Long::sum);
        }
    }

    long compared() {
        return kinds.values().stream().mapToLong(count -> count.compared).sum();
    }

    long differing() {
        return differences.values().stream().mapToLong(found -> found.count).sum();
    }

    boolean isClean() {
        return differences.values().stream().allMatch(found -> found.reason != null);
    }

    void print(PrintStream out) {
        kinds.forEach((kind, count) ->
            out.printf("  %-44s %,9d compared, %,9d agree (%.2f %%)%n", kind, count.compared, count.agreed,
                100.0 * count.agreed / count.compared));
        notes.forEach((what, count) -> out.printf("  %-44s %,9d%n", what, count));
        differences.forEach((name, found) -> {
            out.printf("  %s %s: %,d%n", found.reason == null ? "DIFFERS" : "known", name, found.count);
            if (found.reason != null) {
                out.println("    " + found.reason);
            }
            out.println("    first: " + found.first);
        });
    }
}
