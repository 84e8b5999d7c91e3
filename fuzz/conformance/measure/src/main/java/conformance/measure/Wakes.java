package conformance.measure;

import conformance.measure.Jvm.Event;
import conformance.measure.recorder.Kind;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** How long an idle thread took to begin with what was put into its queue: it has to be woken, and gets a processor. */
final class Wakes {
    /** When what has this identity was put into a queue. */
    private final Map<Integer, Long> queued = new HashMap<>();
    /** What each thread did, without what is a part of something else: begins and ends. */
    private final Map<Integer, Deque<long[]>> done = new HashMap<>();

    /** Wants all events of a JVM, in the order of their ends; ns, 0 for a thread that was busy, or if its queue is unknown. */
    long next(Event event) {
        switch (event.kind()) {
            case Kind.QUEUED_RAFT, Kind.QUEUED_EVENT, Kind.RECEIVED -> queued.put(event.identity(), event.end());
            // It waits in it.
            case Kind.RAFT_POLL, Kind.FETCHER_WAIT -> { }
            default -> {
                return event.begin() < event.end() && event.kind() != Kind.WRITTEN ? woken(event) : 0;
            }
        }
        return 0;
    }

    private long woken(Event event) {
        Deque<long[]> before = done.computeIfAbsent(event.thread(), it -> new ArrayDeque<>());
        while (!before.isEmpty() && before.peek()[0] >= event.begin()) {
            before.pop();
        }
        long free = before.isEmpty() ? 0 : before.peek()[1];
        before.push(new long[] {event.begin(), event.end()});
        return switch (event.kind()) {
            case Kind.RAFT_HANDLE, Kind.CONTROLLER_APIS, Kind.KAFKA_APIS, Kind.CONTROLLER_EVENT, Kind.LIFECYCLE -> {
                Long at = queued.remove(event.identity());
                yield at == null ? 0 : Math.max(0, event.begin() - Math.max(at, free));
            }
            default -> 0;
        };
    }
}
