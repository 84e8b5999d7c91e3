package conformance.cluster;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Measured times in ms, by fault and measure, and how many failovers of a fault had a split vote. */
final class Samples {
    static final String SPLIT = "split votes";
    /** In the order of a failover. */
    static final List<String> OF_CONTROLLERS =
        List.of("detect", "elect", "activate", "commit", "brokers", "total", "produce gap", "consume gap", "admin gap");
    static final List<String> OF_BROKERS =
        List.of("fenced", "elect", "led", "total", "produce gap", "consume gap", "admin gap");

    private static final List<String> PHASES = List.of("detect", "elect", "activate", "commit", "brokers", "led", "total");
    private static final double US_PER_MS = 1000;
    private static final long NS_PER_MS = 1_000_000;

    private final Map<String, Map<String, List<Double>>> times = new LinkedHashMap<>();
    private final Map<String, Integer> splits = new LinkedHashMap<>();
    private final Map<String, Integer> unended = new LinkedHashMap<>();
    private final Map<String, List<Watched>> watched = new LinkedHashMap<>();

    /** How long a fault lasted, and how long clients were watched after its end. */
    record Watched(long lastedNs, long afterwardsNs) {
    }

    static List<String> measures(Fault.Role role) {
        return role == Fault.Role.BROKER ? OF_BROKERS : OF_CONTROLLERS;
    }

    void add(String fault, String measure, double ms) {
        times.computeIfAbsent(fault, unused -> new LinkedHashMap<>()).computeIfAbsent(measure, unused -> new ArrayList<>())
            .add(ms);
    }

    void addSplit(String fault) {
        splits.merge(fault, 1, Integer::sum);
    }

    /** The failover had not ended when it was given up, or when the run was over. */
    void addUnended(String fault) {
        unended.merge(fault, 1, Integer::sum);
    }

    void addAll(Samples other) {
        other.times.forEach((fault, of) -> of.forEach((measure, all) -> all.forEach(ms -> add(fault, measure, ms))));
        other.splits.forEach((fault, count) -> splits.merge(fault, count, Integer::sum));
        other.unended.forEach((fault, count) -> unended.merge(fault, count, Integer::sum));
    }

    /** Sorted. */
    double[] of(String fault, String measure) {
        double[] all = times.getOrDefault(fault, Map.of()).getOrDefault(measure, List.of()).stream()
            .mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(all);
        return all;
    }

    int splits(String fault) {
        return splits.getOrDefault(fault, 0);
    }

    /** By fault, in the order of the trials. */
    Map<String, List<Watched>> watched() {
        return watched;
    }

    int unended(String fault) {
        return unended.getOrDefault(fault, 0);
    }

    /** A line of the file of trials. */
    void addTrial(JsonNode trial) {
        String fault = trial.path("fault").asText();
        boolean isBroker = trial.has("partition");
        JsonNode failover = trial.path(isBroker ? "partition" : "controller");
        if (failover.path("ended").asBoolean()) {
            for (String phase : PHASES) {
                if (failover.has(phase + "_us")) {
                    add(fault, named(phase, isBroker), failover.get(phase + "_us").asDouble() / US_PER_MS);
                }
            }
            if (failover.path("split").asBoolean()) {
                addSplit(fault);
            }
        } else if (!failover.isMissingNode()) {
            addUnended(fault);
        }
        if (!trial.has("clients_ms")) {
            // How long its clients were watched is not known, so its gaps cannot be compared.
            return;
        }
        long lastedMs = trial.path("lasted_ms").asLong();
        long afterwardsMs = trial.path("clients_ms").asLong() - lastedMs;
        watched.computeIfAbsent(fault, unused -> new ArrayList<>())
            .add(new Watched(lastedMs * NS_PER_MS, afterwardsMs * NS_PER_MS));
        for (String kind : List.of("produce", "consume", "admin")) {
            if (trial.path("gaps").has(kind + "_us")) {
                add(fault, kind + " gap", trial.get("gaps").get(kind + "_us").asDouble() / US_PER_MS);
            }
        }
    }

    /** What a failover of partitions detects is that the broker is fenced. */
    static String named(String phase, boolean isBroker) {
        return isBroker && phase.equals("detect") ? "fenced" : phase;
    }
}
