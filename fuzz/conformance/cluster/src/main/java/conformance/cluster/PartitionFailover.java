package conformance.cluster;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The phases of the failover of the partitions that a broker led, as {@code scenarios/src/failover/partitions.rs} defines
 * them; they are those of the partition that got a leader last.
 *
 * @param detectNs from the fault until the broker was fenced, or removed from a partition, in committed metadata
 * @param electNs  until the next leader was committed
 * @param ledNs    until that broker led
 */
record PartitionFailover(int partitions, long detectNs, long electNs, long ledNs) {
    long totalNs() {
        return detectNs + electNs + ledNs;
    }

    private record Next(int epoch, long committedNs, long ledNs) {
    }

    /**
     * The failover after a fault of a broker, if it led any partition and all are led again.
     *
     * @param before the partitions' leaders when the fault began; it is left as it is
     */
    static Optional<PartitionFailover> of(long struckNs, int broker, Map<Event.Partition, Event.Led> before,
                                          List<Event> events) {
        Map<Event.Partition, Event.Led> led = new HashMap<>(before);
        Map<Event.Partition, Next> awaited = new HashMap<>();
        led.forEach((of, it) -> {
            if (it.leader() == broker) {
                awaited.put(of, null);
            }
        });
        int partitions = awaited.size();
        long detectedNs = -1;
        for (Event event : events) {
            if (event.atNs() < struckNs || awaited.isEmpty()) {
                continue;
            }
            if (event instanceof Event.Metadata it) {
                boolean isGone = it.fenced().contains(broker);
                for (Event.Led now : it.led()) {
                    Event.Led was = led.put(now.of(), now);
                    if (was != null && was.epoch() != now.epoch()) {
                        isGone |= was.leader() == broker && now.leader() != broker;
                        if (awaited.containsKey(now.of())) {
                            awaited.put(now.of(), now.leader() < 0 ? null : new Next(now.epoch(), it.atNs(), -1));
                        }
                    }
                }
                led.keySet().removeIf(of -> it.removed().contains(of.topicId()));
                awaited.keySet().removeIf(of -> it.removed().contains(of.topicId()));
                if (isGone && detectedNs < 0) {
                    detectedNs = it.atNs();
                }
            } else if (event instanceof Event.BecameLeader it) {
                Next next = awaited.get(it.of());
                if (next != null && next.epoch == it.epoch() && next.ledNs < 0) {
                    awaited.put(it.of(), new Next(next.epoch, next.committedNs, it.atNs()));
                }
            }
            if (detectedNs >= 0 && !awaited.isEmpty() && awaited.values().stream().allMatch(it -> it != null && it.ledNs >= 0)) {
                Next last = awaited.values().stream()
                    .max(java.util.Comparator.comparingLong(Next::ledNs).thenComparingLong(Next::committedNs)).orElseThrow();
                long detected = Math.min(detectedNs, last.committedNs);
                return Optional.of(new PartitionFailover(partitions, detected - struckNs, last.committedNs - detected,
                    last.ledNs - last.committedNs));
            }
        }
        return Optional.empty();
    }
}
