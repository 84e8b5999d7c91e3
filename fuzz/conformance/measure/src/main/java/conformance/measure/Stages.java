package conformance.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Distributions by the ordinal of the call: first calls load classes and are interpreted. */
final class Stages {
    /** The calls from the ordinal {@code first} on; times in nanoseconds, sorted. */
    record Stage(int first, long[] nanos) {
        long quantile(int percent) {
            return nanos[(int) Math.round((nanos.length - 1) * percent / 100.0)];
        }
    }

    /** Fewer samples are no distribution of their own. */
    static final int ENOUGH = 20;
    private static final int ALIKE_PERCENT = 20;
    private static final int QUANTILES = 101;
    /** Of the part between the last two of them, if it has at least so many samples. */
    private static final int TAIL_QUANTILES = 11;

    private Stages() {
    }

    static List<Stage> of(List<Samples.Sample> samples) {
        List<Stage> stages = new ArrayList<>();
        int last = samples.stream().mapToInt(Samples.Sample::ordinal).max().orElse(0);
        for (int first = 1, next = 2; first <= last; first = next, next = first < 3 ? first + 1 : 2 * first - 1) {
            int from = first;
            int to = next;
            long[] nanos = samples.stream().filter(it -> it.ordinal() >= from && it.ordinal() < to)
                .mapToLong(Samples.Sample::nanos).sorted().toArray();
            if (nanos.length > 0) {
                stages.add(new Stage(first, nanos));
            }
        }
        merge(stages);
        if (!stages.isEmpty()) {
            stages.set(0, new Stage(1, stages.get(0).nanos));
        }
        return stages;
    }

    private static void merge(List<Stage> stages) {
        for (int i = 0; i + 1 < stages.size();) {
            Stage a = stages.get(i);
            Stage b = stages.get(i + 1);
            boolean areFew = a.nanos.length < ENOUGH || b.nanos.length < ENOUGH;
            if (areFew || areAlike(a.quantile(50), b.quantile(50))) {
                long[] both = Arrays.copyOf(a.nanos, a.nanos.length + b.nanos.length);
                System.arraycopy(b.nanos, 0, both, a.nanos.length, b.nanos.length);
                Arrays.sort(both);
                stages.set(i, new Stage(a.first, both));
                stages.remove(i + 1);
                i = Math.max(0, i - 1);
            } else {
                i++;
            }
        }
    }

    private static boolean areAlike(long a, long b) {
        return Math.abs(a - b) * 100 < ALIKE_PERCENT * Math.max(a, b) || Math.abs(a - b) < 1_000;
    }

    /** Equidistant quantiles in microseconds, from the minimum to the maximum. */
    static long[] quantiles(long[] sorted) {
        int n = sorted.length;
        long[] us = new long[Math.min(n, QUANTILES)];
        for (int i = 0; i < us.length; i++) {
            int at = n <= QUANTILES ? i : (int) Math.round((double) i * (n - 1) / (QUANTILES - 1));
            us[i] = Math.round(sorted[at] / 1000.0);
        }
        return us.length > 1 && us[0] == us[us.length - 1] ? new long[] {us[0]} : us;
    }

    /**
     * Equidistant quantiles between the last two of {@code quantiles}, those between the last two of these, and so on as long as
     * there are more samples than parts.
     */
    static List<long[]> tails(long[] sorted) {
        int n = sorted.length;
        List<long[]> tails = new ArrayList<>();
        if (quantiles(sorted).length == 1) {
            return tails;
        }
        int parts = (QUANTILES - 1) * (TAIL_QUANTILES - 1);
        while (n > parts) {
            long[] us = new long[TAIL_QUANTILES];
            for (int i = 0; i < us.length; i++) {
                int at = (int) Math.round((double) (parts - us.length + 1 + i) * (n - 1) / parts);
                us[i] = Math.round(sorted[at] / 1000.0);
            }
            tails.add(us);
            parts *= TAIL_QUANTILES - 1;
        }
        return tails;
    }
}
