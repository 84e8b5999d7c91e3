package conformance.measure;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Times in nanoseconds by thread and name, each with its ordinal in the life of its JVM. */
final class Samples {
    /** @param role of the server, or empty if servers of one role only have this thread */
    record Key(String thread, String name, String role) implements Comparable<Key> {
        Key(String thread, String name) {
            this(thread, name, "");
        }

        @Override
        public int compareTo(Key other) {
            return Comparator.comparing(Key::thread).thenComparing(Key::name).thenComparing(Key::role).compare(this, other);
        }
    }

    record Sample(int ordinal, long nanos) {
    }

    private final Map<Key, List<Sample>> byKey = new TreeMap<>();
    private Map<Key, Integer> ordinals = new HashMap<>();

    /** Ordinals begin at 1 again. */
    void nextJvm() {
        ordinals = new HashMap<>();
    }

    void add(String thread, String name, long nanos) {
        add(new Key(thread, name), nanos);
    }

    void add(Key key, long nanos) {
        byKey.computeIfAbsent(key, it -> new ArrayList<>()).add(new Sample(ordinal(key), Math.max(0, nanos)));
    }

    /** A call whose time is not known. */
    void skip(String thread, String name) {
        ordinal(new Key(thread, name));
    }

    private int ordinal(Key key) {
        return ordinals.merge(key, 1, Integer::sum);
    }

    Map<Key, List<Sample>> byKey() {
        return byKey;
    }

    long[] all(Key key) {
        return byKey.getOrDefault(key, List.of()).stream().mapToLong(Sample::nanos).sorted().toArray();
    }
}
