package conformance.cluster;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The phases of an active controller's failover, as {@code scenarios/src/failover/controller.rs} defines them.
 *
 * @param detectNs   from the fault until the later winner requested pre-votes for the first time
 * @param electNs    until it was elected
 * @param activateNs until it claimed to be active
 * @param commitNs   until it had committed a record that it appended after that
 * @param brokersNs  until all brokers that can had published that record
 * @param prospectiveNs when controllers requested pre-votes for the first time, from the fault, ascending, until then
 * @param candidates how many times a controller voted for itself until then; more than once: the vote was split
 */
record ControllerFailover(int winner, long detectNs, long electNs, long activateNs, long commitNs, long brokersNs,
                          List<Long> prospectiveNs, int candidates, int epochs) {
    long totalNs() {
        return detectNs + electNs + activateNs + commitNs + brokersNs;
    }

    boolean isSplit() {
        return candidates > 1 || epochs > 1;
    }

    private record Candidacy(int node, int epoch) {
    }

    /**
     * The failover after a fault, if it is over.
     *
     * @param leader  the active controller that the fault hit
     * @param epoch   its epoch
     * @param brokers those that the failover waits for
     * @param events  by time; earlier ones than the fault tell how far the log was committed
     */
    static Optional<ControllerFailover> of(long struckNs, int leader, int epoch, Set<Integer> brokers, List<Event> events) {
        Map<Integer, Long> prospectiveNs = new HashMap<>();
        Map<Integer, Long> published = new HashMap<>();
        Set<Candidacy> candidacies = new HashSet<>();
        Event.Elected winner = null;
        Set<Candidacy> untilElected = Set.of();
        List<Long> detected = List.of();
        long committed = -1;
        long activeNs = 0;
        long activeEnd = -1;
        long commitNs = 0;
        long commitEnd = -1;
        int newest = epoch;
        for (Event event : events) {
            if (event instanceof Event.Committed it) {
                committed = Math.max(committed, it.end());
            }
            if (event.atNs() < struckNs) {
                continue;
            }
            if (event instanceof Event.Prospective it) {
                prospectiveNs.putIfAbsent(it.node(), it.atNs());
            } else if (event instanceof Event.Candidate it) {
                candidacies.add(new Candidacy(it.node(), it.epoch()));
            } else if (event instanceof Event.Elected it && it.epoch() > newest) {
                newest = it.epoch();
                winner = it;
                untilElected = Set.copyOf(candidacies);
                detected = prospectiveNs.values().stream().map(at -> at - struckNs).sorted().toList();
                activeEnd = -1;
                commitEnd = -1;
            } else if (event instanceof Event.Activated it && winner != null && it.node() == winner.node()
                && it.epoch() == winner.epoch() && activeEnd < 0) {
                activeNs = it.atNs();
                activeEnd = committed;
            } else if (event instanceof Event.Committed it && winner != null && it.node() == winner.node()
                && activeEnd >= 0 && commitEnd < 0 && it.end() > activeEnd) {
                commitNs = it.atNs();
                commitEnd = it.end();
            } else if (event instanceof Event.Published it) {
                published.merge(it.node(), it.offset(), Math::max);
            }
            long end = commitEnd;
            if (end >= 0 && brokers.stream().allMatch(broker -> published.getOrDefault(broker, -1L) + 1 >= end)) {
                // A restarted candidate requests votes at once, without pre-votes.
                long detectedNs = prospectiveNs.getOrDefault(winner.node(), winner.atNs());
                return Optional.of(new ControllerFailover(winner.node(), detectedNs - struckNs, winner.atNs() - detectedNs,
                    activeNs - winner.atNs(), commitNs - activeNs, event.atNs() - commitNs, detected, untilElected.size(),
                    winner.epoch() - epoch));
            }
        }
        return Optional.empty();
    }
}
