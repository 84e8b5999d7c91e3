package conformance.measure;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The machine profile, in TOML. */
final class Profile {
    private final StringBuilder text = new StringBuilder();

    String write(Measured measured, Map<String, String> how) {
        line("about = " + quoted("Kafka " + how.get("kafka") + " on " + how.get("java") + ", " + how.get("machine")));
        section("measured");
        how.forEach((key, value) -> line(key + " = " + quoted(value)));
        section("link");
        line("latency = " + distribution(measured.link));
        section("disk");
        line("fsync = " + distribution(measured.fsyncs(false)));
        if (measured.fsyncs(true).length > 0) {
            line("directory_fsync = " + distribution(measured.fsyncs(true)));
        }
        section("start");
        measured.starts.forEach((role, nanos) -> line(role + " = " + distribution(Measured.sorted(nanos))));
        section("stop");
        measured.stops.forEach((role, nanos) -> line(role + " = " + distribution(Measured.sorted(nanos))));
        section("pauses");
        if (!measured.pauses.lasts.isEmpty()) {
            line("every = " + distribution(Measured.sorted(measured.pauses.every)));
            line("lasts = " + distribution(Measured.sorted(measured.pauses.lasts)));
        }
        calls("connect", measured.connections, name -> true);
        calls("work", measured.works, Modelled::hasWork);
        calls("send", measured.sends, Modelled::hasMessage);
        calls("receive", measured.receives, Modelled::hasMessage);
        return text.toString();
    }

    private void calls(String kind, Samples samples, Predicate<String> isModelled) {
        samples.byKey().forEach((key, all) -> {
            if (!isModelled.test(key.name())) {
                return;
            }
            line("");
            line("[[" + kind + "]]");
            line("thread = " + quoted(key.thread()));
            if (!key.name().isEmpty()) {
                line("name = " + quoted(key.name()));
            }
            if (!key.role().isEmpty()) {
                line("role = " + quoted(key.role()));
            }
            List<Stages.Stage> stages = Stages.of(all);
            line("calls = [");
            for (Stages.Stage stage : stages) {
                String distribution = distribution(stage.nanos());
                line("  { first = " + stage.first() + ", " + distribution.substring(2) + ",");
            }
            line("]");
        });
    }

    static String distribution(long[] sorted) {
        String tails = Stages.tails(sorted).stream().map(Profile::list).collect(Collectors.joining(", "));
        return "{ n = " + sorted.length + ", us = " + list(Stages.quantiles(sorted))
            + (tails.isEmpty() ? "" : ", tails = [" + tails + "]") + " }";
    }

    private static String list(long[] us) {
        return "[" + Arrays.stream(us).mapToObj(Long::toString).collect(Collectors.joining(", ")) + "]";
    }

    private void section(String name) {
        line("");
        line("[" + name + "]");
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    private static String quoted(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
