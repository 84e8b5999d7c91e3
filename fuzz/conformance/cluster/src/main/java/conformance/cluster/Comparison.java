package conformance.cluster;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Real and simulated times beside each other, and what may differ how far. */
final class Comparison {
    /** With fewer trials a quantile or a share says too little. */
    private static final int LEAST_FOR_MEDIAN = 5;
    private static final int LEAST_FOR_P90 = 10;
    private static final int LEAST_FOR_SHARE = 20;
    static final int MEDIAN = 50;
    private static final int P90 = 90;

    /** How far a quantile may differ, in percent of the real one; of split votes, in points. */
    record Tolerance(String fault, String measure, int percentile, double percent) {
        boolean isShare() {
            return percentile == 0;
        }

        String name() {
            return fault + " " + measure + (isShare() ? "" : " p" + percentile);
        }
    }

    /** The tolerances of the issue that this comparison answers; where it names no quantile, the median counts. */
    static final List<Tolerance> TOLERANCES = List.of(
        new Tolerance("controller-kill", "total", MEDIAN, 10),
        new Tolerance("controller-kill", "total", P90, 20),
        new Tolerance("controller-pause", "total", MEDIAN, 10),
        new Tolerance("controller-pause", "total", P90, 20),
        new Tolerance("controller-terminate", "total", MEDIAN, 25),
        new Tolerance("controller-kill", Samples.SPLIT, 0, 5),
        new Tolerance("controller-terminate", Samples.SPLIT, 0, 5),
        new Tolerance("controller-pause", Samples.SPLIT, 0, 5),
        new Tolerance("broker-kill", "fenced", MEDIAN, 3),
        new Tolerance("broker-pause", "fenced", MEDIAN, 3),
        new Tolerance("controller-kill", "produce gap", MEDIAN, 15),
        new Tolerance("controller-terminate", "produce gap", MEDIAN, 15),
        new Tolerance("controller-pause", "produce gap", MEDIAN, 15),
        new Tolerance("broker-kill", "produce gap", MEDIAN, 15),
        new Tolerance("broker-terminate", "produce gap", MEDIAN, 15),
        new Tolerance("broker-pause", "produce gap", MEDIAN, 15));

    private final Samples real;
    private final Samples simulated;

    Comparison(Samples real, Samples simulated) {
        this.real = real;
        this.simulated = simulated;
    }

    static List<Fault> faults() {
        List<Fault> faults = new ArrayList<>();
        for (Fault.Role role : List.of(Fault.Role.CONTROLLER, Fault.Role.BROKER)) {
            for (Fault.Kind kind : Fault.Kind.values()) {
                faults.add(new Fault(kind, role));
            }
        }
        return faults;
    }

    /** Prints everything, and returns whether all tolerances are kept. */
    boolean print(PrintStream out) {
        for (Fault fault : faults()) {
            if (real.of(fault.toString(), "total").length > 0) {
                print(fault, out);
            }
        }
        out.println("tolerances");
        for (Tolerance tolerance : TOLERANCES) {
            Double difference = difference(tolerance);
            if (difference == null) {
                out.printf("  %-38s not judged: too few trials%n", tolerance.name());
            } else {
                out.printf("  %-38s %+8.1f %s, at most %.0f: %s%n", tolerance.name(), difference,
                    tolerance.isShare() ? "points" : "%", tolerance.percent, isKept(tolerance, difference) ? "kept" : "EXCEEDED");
            }
        }
        return exceeded().isEmpty();
    }

    List<Tolerance> exceeded() {
        return TOLERANCES.stream().filter(it -> difference(it) != null && !isKept(it, difference(it))).toList();
    }

    private static boolean isKept(Tolerance tolerance, double difference) {
        return Math.abs(difference) <= tolerance.percent;
    }

    private void print(Fault fault, PrintStream out) {
        String name = fault.toString();
        out.printf("%s, ms%n  %-12s %-9s %5s", name, "", "", "n");
        for (int percent : Statistics.PERCENTS) {
            out.printf(" %9s", "p" + percent);
        }
        out.printf("  %s%n", "ratio p50  ratio p90  distance (95 % below)");
        for (String measure : Samples.measures(fault.role())) {
            double[] one = real.of(name, measure);
            double[] other = simulated.of(name, measure);
            row(out, measure, "real", one);
            row(out, "", "simulated", other);
            if (enough(one, other, LEAST_FOR_MEDIAN)) {
                out.printf("  %8.2f   %8s   %.2f (%.2f)", ratio(one, other, MEDIAN),
                    enough(one, other, LEAST_FOR_P90) ? String.format("%.2f", ratio(one, other, P90)) : "",
                    Statistics.distance(one, other), Statistics.distanceBound(one.length, other.length));
            }
            out.println();
        }
        if (fault.role() == Fault.Role.CONTROLLER) {
            out.printf("  %-12s real %.0f %% (%d of %d), simulated %.0f %% (%d of %d)%n", Samples.SPLIT, share(real, name),
                real.splits(name), real.of(name, "total").length, share(simulated, name), simulated.splits(name),
                simulated.of(name, "total").length);
        }
        out.printf("  %-12s real %d, simulated %d%n", "not ended", real.unended(name), simulated.unended(name));
    }

    private static void row(PrintStream out, String measure, String which, double[] sorted) {
        out.printf("%s  %-12s %-9s %5d", which.equals("real") ? "" : "\n", measure, which, sorted.length);
        for (int percent : Statistics.PERCENTS) {
            out.printf(" %9s", shows(sorted, percent) ? String.format("%,.1f", Statistics.quantile(sorted, percent)) : "");
        }
    }

    /** A quantile needs samples on both of its sides. */
    static boolean shows(double[] sorted, int percent) {
        int least = percent == 99 ? 100 : percent == P90 || percent == 10 ? LEAST_FOR_P90 : LEAST_FOR_MEDIAN;
        return sorted.length >= least;
    }

    private static boolean enough(double[] one, double[] other, int least) {
        return one.length >= least && other.length >= least;
    }

    private static double ratio(double[] one, double[] other, int percent) {
        return Statistics.quantile(other, percent) / Statistics.quantile(one, percent);
    }

    private static double share(Samples samples, String fault) {
        int all = samples.of(fault, "total").length;
        return all == 0 ? 0 : 100.0 * samples.splits(fault) / all;
    }

    /** The simulated value's difference, in percent of the real one, or in points; null: too few. */
    Double difference(Tolerance tolerance) {
        boolean isShare = tolerance.isShare();
        double[] one = real.of(tolerance.fault, isShare ? "total" : tolerance.measure);
        double[] other = simulated.of(tolerance.fault, isShare ? "total" : tolerance.measure);
        int least = isShare ? LEAST_FOR_SHARE : tolerance.percentile == P90 ? LEAST_FOR_P90 : LEAST_FOR_MEDIAN;
        if (!enough(one, other, least)) {
            return null;
        }
        return isShare ? share(simulated, tolerance.fault) - share(real, tolerance.fault)
            : 100 * (ratio(one, other, tolerance.percentile) - 1);
    }

    ObjectNode json() {
        ObjectNode all = Trials.JSON.createObjectNode().put("schema", "kraftsim.real-failovers.v1");
        ArrayNode rows = all.putArray("measures");
        for (Fault fault : faults()) {
            String name = fault.toString();
            for (String measure : Samples.measures(fault.role())) {
                double[] one = real.of(name, measure);
                double[] other = simulated.of(name, measure);
                ObjectNode row = rows.addObject().put("fault", name).put("measure", measure);
                quantiles(row.putObject("real_ms"), one);
                quantiles(row.putObject("simulated_ms"), other);
                if (one.length > 0 && other.length > 0) {
                    row.put("distance", Statistics.distance(one, other))
                        .put("distance_95", Statistics.distanceBound(one.length, other.length));
                }
            }
        }
        ArrayNode votes = all.putArray("split_votes");
        for (Fault fault : faults()) {
            if (fault.role() == Fault.Role.CONTROLLER) {
                String name = fault.toString();
                votes.addObject().put("fault", name).put("real", real.splits(name)).put("real_of", real.of(name, "total").length)
                    .put("simulated", simulated.splits(name)).put("simulated_of", simulated.of(name, "total").length);
            }
        }
        ArrayNode tolerances = all.putArray("tolerances");
        for (Tolerance it : TOLERANCES) {
            Double difference = difference(it);
            ObjectNode row = tolerances.addObject().put("fault", it.fault).put("measure", it.measure)
                .put("percentile", it.isShare() ? null : it.percentile).put("at_most", it.percent);
            row.put("difference", difference);
            row.put("kept", difference == null ? null : isKept(it, difference));
        }
        return all;
    }

    private static void quantiles(ObjectNode to, double[] sorted) {
        to.put("n", sorted.length);
        for (int percent : Statistics.PERCENTS) {
            if (shows(sorted, percent)) {
                to.put("p" + percent, Statistics.quantile(sorted, percent));
            }
        }
        ArrayNode values = to.putArray("sorted");
        for (double value : sorted) {
            values.add(value);
        }
    }
}
