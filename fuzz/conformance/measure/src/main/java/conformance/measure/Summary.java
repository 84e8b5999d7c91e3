package conformance.measure;

import java.io.PrintStream;
import java.util.List;

/** The profile as a table for people. */
final class Summary {
    private final PrintStream out;

    Summary(PrintStream out) {
        this.out = out;
    }

    void print(Measured measured) {
        out.printf("%-83s %7s %9s %9s %9s%n", "microseconds", "n", "p50", "p90", "max");
        row("link, one way", measured.link);
        measured.fsyncs.forEach((name, nanos) -> row("fsync by " + name, Measured.sorted(nanos)));
        row("fsync of files that the simulator has", measured.fsyncs(false));
        measured.starts.forEach((role, nanos) -> row("start of a " + role, Measured.sorted(nanos)));
        measured.stops.forEach((role, nanos) -> row("stop of a " + role, Measured.sorted(nanos)));
        row("pauses of at least 1 ms, one every", Measured.sorted(measured.pauses.every));
        row("pauses of at least 1 ms", Measured.sorted(measured.pauses.lasts));
        calls("connect", measured.connections);
        calls("work", measured.works);
        calls("send", measured.sends);
        calls("receive", measured.receives);
        out.println();
        measured.messages.doubts.forEach((doubt, n) -> out.printf("%-83s %7d%n", "messages " + doubt, n));
        if (measured.lost() > 0) {
            out.printf("%d JVMs had more events than their files hold%n", measured.lost());
        }
        if (measured.pauses.lived > 0) {
            out.printf("all safepoints took %.2f %% of the time%n",
                100.0 * measured.pauses.total / measured.pauses.lived);
        }
    }

    private void calls(String kind, Samples samples) {
        samples.byKey().forEach((key, all) -> {
            List<Stages.Stage> stages = Stages.of(all);
            for (int i = 0; i < stages.size(); i++) {
                String from = "call " + stages.get(i).first() + (i + 1 < stages.size() ? "" : " on");
                row(String.format("%-8s%-27s%-26s%-11s%s", kind, key.thread(), key.name(), key.role(), from), stages.get(i).nanos());
            }
        });
    }

    private void row(String name, long[] sorted) {
        if (sorted.length > 0) {
            out.printf("%-83s %7d %9d %9d %9d%n", name, sorted.length, us(sorted, 50), us(sorted, 90), us(sorted, 100));
        }
    }

    private static long us(long[] sorted, int percent) {
        return Math.round(sorted[(int) Math.round((sorted.length - 1) * percent / 100.0)] / 1000.0);
    }
}
