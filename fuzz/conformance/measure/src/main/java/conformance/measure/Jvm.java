package conformance.measure;

import conformance.measure.recorder.Kind;
import conformance.measure.recorder.Store;
import org.apache.kafka.common.protocol.ApiKeys;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The events of one JVM, in the order of their ends. */
final class Jvm {
    /** What {@code recorder.Store} wrote into one slot. */
    record Event(int kind, int api, int thread, long begin, long end, long own, int identity, int correlation, int client,
                 int auxiliary, int parent, boolean isResponse) {
        String apiName() {
            return ApiKeys.hasId(api) ? ApiKeys.forId(api).name : "";
        }
    }

    /** After that many empty slots there are no more events. */
    private static final int GAP = 256;

    final List<Event> events;
    final Map<Integer, String> threads = new HashMap<>();
    final Map<Integer, String> names = new HashMap<>();
    long pid;
    boolean hasLost;
    /** Set by the run's list of actions. */
    String node = "";
    long started;

    Jvm(List<Event> events) {
        this.events = events;
    }

    static Jvm read(Path file) throws IOException {
        List<Event> events = new ArrayList<>();
        Jvm jvm = new Jvm(events);
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer names = channel.map(FileChannel.MapMode.READ_ONLY, 0, Store.NAMES);
            byte[] bytes = new byte[Store.NAMES];
            names.get(bytes);
            int length = 0;
            while (length < bytes.length && bytes[length] != 0) {
                length++;
            }
            for (String line : new String(bytes, 0, length, StandardCharsets.UTF_8).split("\n")) {
                jvm.line(line);
            }
            ByteBuffer slots = channel.map(FileChannel.MapMode.READ_ONLY, Store.NAMES, channel.size() - Store.NAMES);
            int empty = 0;
            for (int at = Store.SLOT; at + Store.SLOT <= slots.capacity() && empty < GAP; at += Store.SLOT) {
                int kind = slots.getShort(at);
                if (kind == 0) {
                    empty++;
                    continue;
                }
                empty = 0;
                if (kind == Kind.RAFT_WAIT
                    || kind == Kind.RAFT_POLL && slots.getLong(at + 16) - slots.getLong(at + 8) < Works.SHORTEST_POLL) {
                    continue;
                }
                events.add(new Event(kind, slots.getShort(at + 2), slots.getInt(at + 4), slots.getLong(at + 8),
                    slots.getLong(at + 16), slots.getLong(at + 24), slots.getInt(at + 32), slots.getInt(at + 36),
                    slots.getInt(at + 40), slots.getInt(at + 44), slots.getShort(at + 48), slots.getShort(at + 50) != 0));
            }
        }
        events.sort(Comparator.comparingLong(Event::end));
        return jvm;
    }

    private void line(String line) {
        String[] words = line.split(" ", 3);
        switch (words[0]) {
            case "P" -> pid = Long.parseLong(words[1]);
            case "T" -> threads.put(Integer.parseInt(words[1]), words[2]);
            case "N" -> names.put(Integer.parseInt(words[1]), words[2]);
            case "L" -> hasLost = true;
            default -> { }
        }
    }

    boolean isBroker() {
        return node.startsWith("broker");
    }

    String role() {
        return isBroker() ? "broker" : "controller";
    }

    String name(Event event) {
        return names.getOrDefault(event.auxiliary, "");
    }

    /** The model's thread for which a network thread works. */
    String channelOf(Event event) {
        String name = threads.getOrDefault(event.thread, "");
        if (name.contains("outbound-request")) {
            return Works.RAFT;
        }
        return name.contains("heartbeat") ? Works.LIFECYCLE : Works.HANDLER;
    }
}
