package conformance.cluster;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What has been seen of the cluster: events of servers, committed metadata, successes of clients. */
final class Observed {
    /** Successes of clients are kept so long. */
    private static final long KEPT_NS = 60_000_000_000L;

    private final List<ServerLog> logs = new ArrayList<>();
    private final MetadataLog metadata = new MetadataLog();
    private final Path successesFile;
    private final List<Event> events = new ArrayList<>();
    private final List<Gaps.Success> successes = new ArrayList<>();
    /** The partitions' leaders when the events that are kept begin. */
    private final Map<Event.Partition, Event.Led> led = new HashMap<>();
    private long successesAt;

    Observed(RealCluster cluster, Path successes) {
        cluster.controllers().forEach(node -> logs.add(new ServerLog(node)));
        cluster.brokers().forEach(node -> logs.add(new ServerLog(node)));
        successesFile = successes;
    }

    /** Reads what servers have logged; events are in order of time after this. */
    List<Event> readLogs() throws IOException {
        for (ServerLog log : logs) {
            events.addAll(log.read());
        }
        events.sort(Comparator.comparingLong(Event::atNs));
        return events;
    }

    /**
     * Reads the metadata log of a node, as far as it is known to be committed: a batch is committed when the first leader's
     * high watermark is behind it.
     */
    void readMetadata(Node node) throws IOException {
        readLogs();
        TreeMap<Long, Long> committedNs = new TreeMap<>();
        long end = 0;
        for (Event event : events) {
            if (event instanceof Event.Committed it && it.end() > end) {
                end = it.end();
                committedNs.put(end, it.atNs());
            }
        }
        Path directory = node.metadataDirectory().resolve("__cluster_metadata-0");
        metadata.read(directory, end).forEach((behind, batch) -> events.add(batch.at(committedNs.ceilingEntry(behind).getValue())));
        events.sort(Comparator.comparingLong(Event::atNs));
    }

    List<Event> events() {
        return events;
    }

    /** The partitions' leaders in committed metadata at this time. */
    Map<Event.Partition, Event.Led> ledAt(long ns) {
        Map<Event.Partition, Event.Led> now = new HashMap<>(led);
        events.stream().filter(event -> event.atNs() < ns).forEach(event -> apply(event, now));
        return now;
    }

    private static void apply(Event event, Map<Event.Partition, Event.Led> led) {
        if (event instanceof Event.Metadata it) {
            it.led().forEach(now -> led.put(now.of(), now));
            led.keySet().removeIf(of -> it.removed().contains(of.topicId()));
        }
    }

    List<Gaps.Success> readSuccesses() throws IOException {
        if (Files.exists(successesFile)) {
            byte[] bytes;
            try (RandomAccessFile file = new RandomAccessFile(successesFile.toFile(), "r")) {
                bytes = new byte[(int) (file.length() - successesAt)];
                file.seek(successesAt);
                file.readFully(bytes);
            }
            int length = bytes.length;
            while (length > 0 && bytes[length - 1] != '\n') {
                length--;
            }
            successesAt += length;
            for (String line : new String(bytes, 0, length, StandardCharsets.UTF_8).split("\n")) {
                String[] words = line.split(" ");
                if (words.length == 3) {
                    successes.add(new Gaps.Success(Long.parseLong(words[0]), words[1], words[2]));
                }
            }
        }
        return successes;
    }

    /** Forgets what is of no use for faults after this time. */
    void forget(long ns) {
        // The newest high watermark tells the next failover how far the log was committed.
        Event newest = null;
        for (Event event : events) {
            newest = event instanceof Event.Committed && event.atNs() < ns ? event : newest;
            if (event.atNs() < ns) {
                apply(event, led);
            }
        }
        events.removeIf(event -> event.atNs() < ns);
        if (newest != null) {
            events.add(0, newest);
        }
        successes.removeIf(success -> success.atNs() < ns - KEPT_NS);
    }
}
