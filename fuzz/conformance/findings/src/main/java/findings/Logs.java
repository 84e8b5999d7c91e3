package findings;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Released logs in directories. Their background work does not run: the scheduler is not started. */
public final class Logs {
    private static final int EVERYTHING = Integer.MAX_VALUE;

    private Logs() {
    }

    /** Creates or loads the log in this directory, whose name is that of the partition. */
    public static UnifiedLog open(
        Path directory, Clock clock, Uuid topicId, Map<String, ?> config, long recoveryPoint, boolean cleanShutdown
    ) throws IOException {
        return UnifiedLog.create(directory.toFile(), new LogConfig(config), 0, recoveryPoint, new KafkaScheduler(1),
            new BrokerTopicStats(), clock, 3_600_000, new ProducerStateManagerConfig(3_600_000, false), 600_000,
            new LogDirFailureChannel(1), cleanShutdown, Optional.of(topicId));
    }

    /** Appends batches of one record each as a follower does: with this epoch, at the end of the log. */
    public static void append(UnifiedLog log, int epoch, int count) {
        for (int i = 0; i < count; i++) {
            log.appendAsFollower(MemoryRecords.withRecords(log.logEndOffset(), Compression.NONE, epoch,
                new SimpleRecord(1_767_225_600_000L, "x".getBytes())), epoch);
        }
    }

    /** What a follower that fetches from this offset gets, up to the end of a segment. */
    public static MemoryRecords read(UnifiedLog log, long offset) throws IOException {
        return inMemory((FileRecords) log.read(offset, EVERYTHING, FetchIsolation.LOG_END, true).records);
    }

    /** Records of a segment, as the network brings them. */
    public static MemoryRecords inMemory(FileRecords records) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(records.sizeInBytes());
        records.readInto(bytes, 0);
        return MemoryRecords.readableRecords(bytes);
    }

    /** The offsets of all batches that fetches from this offset on get. */
    public static List<Long> offsets(UnifiedLog log, long from) throws IOException {
        List<Long> offsets = new ArrayList<>();
        long next = from;
        while (next < log.logEndOffset()) {
            for (RecordBatch batch : read(log, next).batches()) {
                offsets.add(batch.baseOffset());
                next = batch.nextOffset();
            }
        }
        return offsets;
    }
}
