package conformance;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Counts what agreed and what did not, over many files, and keeps the first example of each class of differences. */
final class Report {
    private final Known known;
    private final int contextSize;
    private final Tally total = new Tally();
    private final Map<String, Tally> byCause = new TreeMap<>();
    private final Map<String, Tally> byRole = new TreeMap<>();
    private final Map<String, Class> classes = new TreeMap<>();
    private final Map<String, KnownCount> knownCounts = new TreeMap<>();
    /** How often what is rare was compared. */
    private final Map<String, Long> ofSnapshots = new TreeMap<>();
    private final Map<String, Long> ofUpgrades = new TreeMap<>();
    private final Deque<Seen> context = new ArrayDeque<>();
    private Path file;
    private boolean isVoter;
    private int files = 0;
    private int lives = 0;
    /** The level of the step before in the same life. */
    private int kraftVersion = Integer.MAX_VALUE;
    private String fault = "";

    private static final class Tally {
        private long steps;
        private long agreed;
        private long known;
        private long differing;
        private long notCompared;

        ObjectNode toJson(ObjectMapper json) {
            return json.createObjectNode().put("steps", steps).put("agreed", agreed).put("known", known)
                .put("differing", differing).put("not_compared", notCompared);
        }
    }

    /** A class of differences that are not known. */
    private static final class Class {
        private long count;
        private long lives;
        private long partings;
        private String lastLife = "";
        private final Map<String, ByRole> roles = new TreeMap<>();
    }

    private static final class ByRole {
        private long count = 0;
        private final Example first;

        ByRole(Example first) {
            this.first = first;
        }
    }

    /** @param context the steps before, and the one itself, in a line each */
    private record Example(String at, Difference difference, List<String> context) {
    }

    private static final class KnownCount {
        private long count;
        private String reason;
    }

    /** A step as it went by, to be told if the next one differs. */
    private record Seen(Line line, List<Entry> kafka, List<Difference> differences) {
    }

    Report(Known known, int contextSize) {
        this.known = known;
        this.contextSize = contextSize;
    }

    void beginFile(Path file, boolean isVoter) {
        this.file = file;
        this.isVoter = isVoter;
        files += 1;
        context.clear();
    }

    /** The counts so far, in a line. */
    String line() {
        return total.steps + " steps, " + total.agreed + " agree, " + total.known + " differ as known, "
            + total.differing + " differ, " + total.notCompared + " not compared";
    }

    /** Remembers an exception of the released client, for the example of the difference that follows from it. */
    void fault(Exception e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        fault = text.toString();
    }

    void notCompared(Line step) {
        count(step, tally -> tally.notCompared += 1);
        remember(step, List.of(), List.of());
    }

    /** Takes in a compared step; true if the rest of this life is not worth comparing. */
    boolean compared(Line step, List<Entry> kafka, List<Difference> differences) {
        remember(step, kafka, differences);
        countRare(step);
        List<Difference> unknown = subtractKnown(step, differences);
        if (differences.isEmpty()) {
            count(step, tally -> tally.agreed += 1);
        } else if (unknown.isEmpty()) {
            count(step, tally -> tally.known += 1);
        } else {
            count(step, tally -> tally.differing += 1);
        }
        return record(step, unknown) || differences.stream().anyMatch(Difference::isParting);
    }

    /** Takes in what others did between steps: no step, but it may differ, too. */
    boolean aside(Line line, List<Entry> kafka, List<Difference> differences) {
        remember(line, kafka, differences);
        countRare(line);
        return record(line, subtractKnown(line, differences));
    }

    private void count(Line step, java.util.function.Consumer<Tally> what) {
        lives += step.is("boot") ? 1 : 0;
        String role = role(step);
        for (Tally tally : List.of(total, byCause.computeIfAbsent(step.cause(), cause -> new Tally()),
            byRole.computeIfAbsent(role, name -> new Tally()))) {
            tally.steps += 1;
            what.accept(tally);
        }
    }

    private String role(Line step) {
        String role = step.state().isObject() ? step.state().path("role").asText() : "none";
        return (isVoter ? "" : "observer ") + role;
    }

    private void countRare(Line line) {
        for (Entry entry : line.entries()) {
            if (entry.kind().contains("snapshot") || entry.kind().equals("log_replaced")) {
                ofSnapshots.merge(entry.kind(), 1L, Long::sum);
            } else if (entry.kind().equals("upgrade_kraft_version")) {
                boolean isAccepted = entry.body().path("error_code").asInt() == 0;
                ofUpgrades.merge(isAccepted ? "accepted" : "refused", 1L, Long::sum);
            }
        }
        int before = line.is("boot") ? Integer.MAX_VALUE : kraftVersion;
        kraftVersion = line.state().path("kraft_version").asInt(Integer.MAX_VALUE);
        if (before == 0 && kraftVersion == 1) {
            ofUpgrades.merge("read as " + role(line), 1L, Long::sum);
        }
    }

    private void remember(Line line, List<Entry> kafka, List<Difference> differences) {
        if (contextSize == 0) {
            return;
        }
        if (context.size() > contextSize) {
            context.removeFirst();
        }
        context.addLast(new Seen(line, List.copyOf(kafka), List.copyOf(differences)));
    }

    private List<Difference> subtractKnown(Line step, List<Difference> differences) {
        List<Difference> unknown = new ArrayList<>();
        for (Difference difference : differences) {
            Known.Rule rule = known.find(difference, step.cause(), role(step));
            if (rule == null) {
                unknown.add(difference);
            } else {
                KnownCount count = knownCounts.computeIfAbsent(rule.name(), name -> new KnownCount());
                count.count += 1;
                count.reason = rule.reason();
            }
        }
        return unknown;
    }

    private boolean record(Line step, List<Difference> unknown) {
        String life = file + " " + lives;
        boolean parted = false;
        for (Difference difference : unknown) {
            Class entry = classes.computeIfAbsent(difference.name(), name -> new Class());
            entry.count += 1;
            entry.roles.computeIfAbsent(role(step), role -> new ByRole(example(step, difference))).count += 1;
            entry.lives += entry.lastLife.equals(life) ? 0 : 1;
            entry.lastLife = life;
            if (difference.isParting() && !parted) {
                parted = true;
                entry.partings += 1;
            }
        }
        return parted;
    }

    private Example example(Line step, Difference difference) {
        List<String> lines =
            context.stream().map(seen -> Compact.step(seen.line, seen.kafka, seen.differences)).toList();
        Difference full = difference.name().startsWith("halt.")
            ? new Difference(difference.name(), difference.model(), difference.kafka() + "\n" + fault) : difference;
        return new Example(file + ":" + step.step(), full, lines);
    }

    Set<String> classes() {
        return classes.keySet();
    }

    boolean isClean() {
        return classes.isEmpty();
    }

    void print(PrintStream out, String kafka) {
        out.printf("Kafka %s, %d files, %d lives%n%n", kafka, files, lives);
        out.printf("%-16s %10s %10s %10s %10s %12s%n", "", "steps", "agreed", "known", "differing", "not compared");
        row(out, "all", total);
        out.println();
        byCause.forEach((cause, tally) -> row(out, cause, tally));
        out.println();
        byRole.forEach((role, tally) -> row(out, role, tally));
        printRare(out, "snapshots", ofSnapshots);
        printRare(out, "upgrades of kraft.version", ofUpgrades);
        if (!knownCounts.isEmpty()) {
            out.printf("%nKnown differences, subtracted:%n");
            knownCounts.forEach((name, count) -> out.printf("  %8d  %s: %s%n", count.count, name, count.reason));
        }
        if (classes.isEmpty()) {
            out.printf("%nNo other differences.%n");
            return;
        }
        out.printf("%nDifferences (count, lives with it, lives not compared further because of it):%n");
        sorted().forEach(entry -> {
            Class value = entry.getValue();
            out.printf("  %8d %6d %6d  %s%n", value.count, value.lives, value.partings, entry.getKey());
        });
        sorted().forEach(entry -> entry.getValue().roles.forEach((role, each) -> print(out, role, each)));
    }

    private static void printRare(PrintStream out, String what, Map<String, Long> counts) {
        if (!counts.isEmpty()) {
            out.printf("%nOf %s: %s%n", what, counts.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue()).collect(Collectors.joining(", ")));
        }
    }

    private static void row(PrintStream out, String name, Tally tally) {
        out.printf("%-16s %10d %10d %10d %10d %12d%n",
            name, tally.steps, tally.agreed, tally.known, tally.differing, tally.notCompared);
    }

    private List<Map.Entry<String, Class>> sorted() {
        return classes.entrySet().stream()
            .sorted(Comparator.comparingLong((Map.Entry<String, Class> entry) -> -entry.getValue().count)).toList();
    }

    private static void print(PrintStream out, String role, ByRole each) {
        Difference difference = each.first.difference;
        out.printf("%n%s, %d times as %s, first at %s%n  model: %s%n  kafka: %s%n", difference.name(), each.count, role,
            each.first.at, difference.model().isEmpty() ? "nothing" : difference.model(),
            difference.kafka().isEmpty() ? "nothing" : difference.kafka());
        each.first.context.forEach(line -> out.println("    " + line));
    }

    void write(Path path, String kafka) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root = json.createObjectNode().put("schema", "kraftsim.conformance.v1").put("kafka", kafka)
            .put("files", files).put("lives", lives);
        root.set("all", total.toJson(json));
        ObjectNode causes = root.putObject("by_cause");
        byCause.forEach((cause, tally) -> causes.set(cause, tally.toJson(json)));
        ObjectNode tallies = root.putObject("by_role");
        byRole.forEach((role, tally) -> tallies.set(role, tally.toJson(json)));
        ObjectNode snapshots = root.putObject("of_snapshots");
        ofSnapshots.forEach(snapshots::put);
        ObjectNode upgrades = root.putObject("of_upgrades");
        ofUpgrades.forEach(upgrades::put);
        var knownArray = root.putArray("known");
        knownCounts.forEach((name, count) ->
            knownArray.addObject().put("class", name).put("count", count.count).put("reason", count.reason));
        var differences = root.putArray("differences");
        sorted().forEach(entry -> {
            Class value = entry.getValue();
            ObjectNode node = differences.addObject().put("class", entry.getKey()).put("count", value.count)
                .put("lives", value.lives).put("lives_parted", value.partings);
            ObjectNode roles = node.putObject("by_role");
            value.roles.forEach((role, each) -> roles.set(role, toJson(json, each)));
        });
        json.writerWithDefaultPrettyPrinter().writeValue(path.toFile(), root);
    }

    private static ObjectNode toJson(ObjectMapper json, ByRole each) {
        ObjectNode node = json.createObjectNode().put("count", each.count).put("first", each.first.at)
            .put("model", each.first.difference.model()).put("kafka", each.first.difference.kafka());
        each.first.context.forEach(node.putArray("context")::add);
        return node;
    }
}
