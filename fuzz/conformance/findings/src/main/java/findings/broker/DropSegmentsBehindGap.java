package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Logs;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** Recovery keeps the segments behind one that lost whole batches at its end. */
public final class DropSegmentsBehindGap extends Finding {
    private static final int RECORDS = 30;
    private static final int BATCH_BYTES = 69;
    private static final int BATCHES_PER_SEGMENT = 10;

    @Override
    public String summary() {
        return "Recovery keeps the segments behind one that lost its last batches: the log has a hole below its end.";
    }

    @Override
    public String trigger() {
        return "a cut at the end of a batch (the control cuts the middle of one)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Uuid topic = Uuid.randomUuid();
        Path directory = steps.directory("t-0");
        Map<String, ?> config = Map.of(
            LogConfig.INTERNAL_SEGMENT_BYTES_CONFIG, BATCHES_PER_SEGMENT * BATCH_BYTES, TopicConfig.INDEX_INTERVAL_BYTES_CONFIG, 1);
        UnifiedLog log = Logs.open(directory, clock, topic, config, 0, false);
        Logs.append(log, 0, RECORDS);
        steps.say("broker", "appends %d records: %d segments, recovery point %d", RECORDS, log.numberOfSegments(),
            log.recoveryPoint());
        log.close();
        Path segment = directory.resolve("00000000000000000010.log");
        long bytes = Files.size(segment) - BATCH_BYTES * 3 + (triggered ? 0 : BATCH_BYTES / 2);
        try (RandomAccessFile file = new RandomAccessFile(segment.toFile(), "rw")) {
            file.setLength(bytes);
        }
        steps.say("power", "is lost; on disk are %d of %d bytes of the segment from offset 10, and the segment from offset 20",
            bytes, BATCHES_PER_SEGMENT * BATCH_BYTES);

        UnifiedLog loaded = steps.closing(Logs.open(directory, clock, topic, config, 0, false));
        List<Long> offsets = Logs.offsets(loaded, 0);
        steps.say("broker", "recovers: log start %d, log end %d, %d segments", loaded.logStartOffset(), loaded.logEndOffset(),
            loaded.numberOfSegments());
        steps.say("consumer", "reads the offsets %s", offsets);
        return !offsets.equals(LongStream.range(0, loaded.logEndOffset()).boxed().toList());
    }
}
