package conformance.cluster;

import org.apache.kafka.common.metadata.BrokerRegistrationChangeRecord;
import org.apache.kafka.common.metadata.FenceBrokerRecord;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.RegisterBrokerRecord;
import org.apache.kafka.common.metadata.RemoveTopicRecord;
import org.apache.kafka.common.metadata.UnfenceBrokerRecord;
import org.apache.kafka.common.metadata.UnregisterBrokerRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.FileLogInputStream;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.metadata.MetadataRecordSerde;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Reads what the metadata log says of brokers and partitions, batch by batch. */
final class MetadataLog {
    /** {@code PartitionChangeRecord.leader}: not changed. */
    private static final int NO_CHANGE = -2;

    private final Map<Event.Partition, Event.Led> led = new HashMap<>();
    private final Set<Integer> fenced = new HashSet<>();
    private long next;

    /** The batches from where the last reading ended to this offset, by the offset behind each; their time is still 0. */
    TreeMap<Long, Event.Metadata> read(Path directory, long end) throws IOException {
        TreeMap<Long, Event.Metadata> batches = new TreeMap<>();
        for (Path segment : segments(directory)) {
            try (FileRecords records = FileRecords.open(segment.toFile(), false)) {
                for (FileLogInputStream.FileChannelRecordBatch batch : records.batches()) {
                    if (batch.lastOffset() >= end) {
                        break;
                    }
                    if (batch.baseOffset() >= next) {
                        next = batch.nextOffset();
                        if (!batch.isControlBatch()) {
                            batches.put(next, replay(batch));
                        }
                    }
                }
            }
        }
        return batches;
    }

    /** Those that may have more than the last reading; names are base offsets. */
    private List<Path> segments(Path directory) throws IOException {
        List<Path> all;
        try (var files = Files.list(directory)) {
            all = files.filter(file -> file.toString().endsWith(".log")).sorted().toList();
        }
        int from = 0;
        while (from + 1 < all.size() && base(all.get(from + 1)) <= next) {
            from++;
        }
        return all.subList(from, all.size());
    }

    private static long base(Path segment) {
        return Long.parseLong(segment.getFileName().toString().replace(".log", ""));
    }

    private Event.Metadata replay(Iterable<Record> batch) {
        Set<Integer> touched = new HashSet<>();
        List<Event.Led> leaders = new ArrayList<>();
        Set<String> removed = new HashSet<>();
        for (Record record : batch) {
            ApiMessage message =
                MetadataRecordSerde.INSTANCE.read(new ByteBufferAccessor(record.value()), record.valueSize()).message();
            if (message instanceof RegisterBrokerRecord it) {
                fence(it.brokerId(), it.fenced(), touched);
            } else if (message instanceof UnregisterBrokerRecord it) {
                fence(it.brokerId(), true, touched);
            } else if (message instanceof FenceBrokerRecord it) {
                fence(it.id(), true, touched);
            } else if (message instanceof UnfenceBrokerRecord it) {
                fence(it.id(), false, touched);
            } else if (message instanceof BrokerRegistrationChangeRecord it && it.fenced() != 0) {
                fence(it.brokerId(), it.fenced() > 0, touched);
            } else if (message instanceof PartitionRecord it) {
                lead(new Event.Partition(it.topicId().toString(), it.partitionId()), it.leader(), it.leaderEpoch(), leaders);
            } else if (message instanceof PartitionChangeRecord it && it.leader() != NO_CHANGE) {
                Event.Partition of = new Event.Partition(it.topicId().toString(), it.partitionId());
                Event.Led before = led.get(of);
                lead(of, it.leader(), before == null ? 0 : before.epoch() + 1, leaders);
            } else if (message instanceof RemoveTopicRecord it) {
                removed.add(it.topicId().toString());
                led.keySet().removeIf(of -> of.topicId().equals(it.topicId().toString()));
            }
        }
        touched.retainAll(fenced);
        return new Event.Metadata(0, touched, leaders, removed);
    }

    private void fence(int broker, boolean isFenced, Set<Integer> touched) {
        touched.add(broker);
        if (isFenced) {
            fenced.add(broker);
        } else {
            fenced.remove(broker);
        }
    }

    private void lead(Event.Partition of, int leader, int epoch, List<Event.Led> leaders) {
        Event.Led now = new Event.Led(of, leader, epoch);
        led.put(of, now);
        leaders.add(now);
    }
}
