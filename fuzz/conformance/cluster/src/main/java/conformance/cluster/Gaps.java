package conformance.cluster;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The longest time that clients went without a success around a fault, as {@code scenarios/src/failover/gaps.rs} defines it:
 * for each partition (of produce: all producers; of consume: for each consumer) from one success to the next, in whole.
 */
final class Gaps {
    /** A fault's effects may begin up to this time after it. */
    private static final long WINDOW_NS = 30_000_000_000L;

    /** A success of a client; the kind is produce, consume or admin, the series what makes one series of them. */
    record Success(long atNs, String kind, String series) {
    }

    private Gaps() {
    }

    /**
     * By kind, ns.
     *
     * @param successes of all clients, by time, from some time before the fault to the end of the trial
     */
    static Map<String, Long> of(long struckNs, List<Success> successes) {
        Map<String, Long> last = new HashMap<>();
        Map<String, Long> longest = new HashMap<>();
        for (Success success : successes) {
            Long before = last.put(success.series, success.atNs);
            if (before == null) {
                continue;
            }
            boolean fellIntoIt = before <= struckNs && struckNs < success.atNs;
            boolean cameBefore = struckNs < before && before <= struckNs + WINDOW_NS;
            if (fellIntoIt || cameBefore) {
                longest.merge(success.kind, success.atNs - before, Math::max);
            }
        }
        return longest;
    }
}
