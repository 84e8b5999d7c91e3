package conformance.measure;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Times in nanoseconds by thread and name, each with its ordinal in the life of its JVM. */
final class Samples {
    record Key(String thread, String name) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            int order = thread.compareTo(other.thread);
            return order != 0 ? order : name.compareTo(other.name);
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
        Key key = new Key(thread, name);
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

    long[] all(String thread, String name) {
        return byKey.getOrDefault(new Key(thread, name), List.of()).stream().mapToLong(Sample::nanos).sorted().toArray();
    }
}
