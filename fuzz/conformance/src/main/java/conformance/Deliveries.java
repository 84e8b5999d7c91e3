package conformance;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the model delivers to its listeners, judged by itself: nothing beyond the released client's high watermark, and all
 * offsets in order, each once, or a snapshot in place of those before its end. So a known difference in how commits are cut into deliveries subtracts none of that.
 */
final class Deliveries {
    private final Map<String, Listener> listeners = new HashMap<>();
    private long highWatermark = 0;
    /** Where listeners have read a delivery or a snapshot to its end: what a state machine can say that it contains. */
    private final Set<Long> ends = new HashSet<>();

    private static final class Listener {
        private long ordinal = 0;
        /** Where the next delivery begins; null while the last one has not been read. */
        private Long next = 0L;
        /** Where a snapshot ends that was created while the last delivery was being read. */
        private Long snapshotEnd = null;
    }

    /** An output of the released client. */
    void output(Entry entry) {
        if (entry.kind().equals("high_watermark")) {
            highWatermark = Math.max(highWatermark, entry.body().path("offset").asLong());
        }
    }

    /** The model's outputs of one step. */
    void step(List<Entry> model, List<Difference> differences) {
        for (Entry entry : model) {
            if (entry.kind().equals("load_snapshot")) {
                Listener listener = listeners.computeIfAbsent(entry.text("listener"), name -> new Listener());
                listener.next = entry.body().path("end").asLong();
                ends.add(listener.next);
                within(listener.next, differences);
            } else if (entry.kind().equals("commit")) {
                Listener listener = listeners.computeIfAbsent(entry.text("listener"), name -> new Listener());
                long base = entry.body().path("base").asLong();
                if (listener.next != null && base != listener.next) {
                    differences.add(Difference.of("delivered.gap", base, listener.next));
                }
                listener.ordinal = entry.body().path("ordinal").asLong();
                listener.next = entry.body().path("end").isNull() ? null : entry.body().path("end").asLong();
                if (listener.next != null) {
                    within(listener.next, differences);
                }
            }
        }
    }

    /** A listener of the model has read a delivery to its end. */
    void read(Entry entry, List<Difference> differences) {
        long end = entry.body().path("end").asLong();
        Listener listener = listeners.get(entry.text("listener"));
        if (listener != null && listener.next == null && listener.ordinal == entry.body().path("ordinal").asLong()) {
            listener.next = end;
            if (listener.snapshotEnd != null && listener.snapshotEnd != end) {
                differences.add(Difference.of("snapshot.end", listener.snapshotEnd, end));
            }
            listener.snapshotEnd = null;
        }
        ends.add(end);
        within(end, differences);
    }

    /**
     * Whether a snapshot of the metadata loader may end there. The loader publishes the image of a delivery, and closes the
     * delivery behind that (MetadataLoader.handleCommit): if its end is not known yet, it is compared when it is.
     */
    boolean maySnapshotEndAt(long end) {
        Listener loader = listeners.get("metadata-loader");
        if (ends.contains(end) || loader == null) {
            return ends.contains(end);
        }
        if (loader.next == null) {
            loader.snapshotEnd = end;
            return true;
        }
        return loader.next == end;
    }

    private void within(long end, List<Difference> differences) {
        if (end > highWatermark) {
            differences.add(Difference.of("delivered.past_high_watermark", end, highWatermark));
        }
    }
}
