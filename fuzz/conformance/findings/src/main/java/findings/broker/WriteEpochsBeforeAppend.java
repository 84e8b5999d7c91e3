package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Logs;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** An epoch that was truncated is in the checkpoint until a scheduler's thread rewrites it, and survives a restart below later records. */
public final class WriteEpochsBeforeAppend extends Finding {
    private static final int EPOCH_OF_OTHER_LEADER = 2;

    @Override
    public String summary() {
        return "A process dies between a truncation and the rewriting of leader-epoch-checkpoint: the epoch that was truncated is back.";
    }

    @Override
    public String trigger() {
        return "records of an epoch that the cache has are appended meanwhile (the control appends those of a new one)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Uuid topic = Uuid.randomUuid();
        Path directory = steps.directory("t-0");
        UnifiedLog log = Logs.open(directory, clock, topic, Map.of(), 0, false);
        Logs.append(log, 1, 10);
        Logs.append(log, EPOCH_OF_OTHER_LEADER, 5);
        steps.say("replica", "has records of epoch 1 below 10 and of epoch 2 below 15");
        log.truncateTo(10);
        steps.say("replica", "truncates to 10; leader-epoch-checkpoint has %s", entries(directory));
        int epoch = triggered ? 1 : EPOCH_OF_OTHER_LEADER + 1;
        Logs.append(log, epoch, 8);
        steps.say("replica", "appends records of epoch %d below 18; leader-epoch-checkpoint has %s", epoch, entries(directory));
        log.close();
        steps.say("process", "dies");

        UnifiedLog loaded = steps.closing(Logs.open(directory, clock, topic, Map.of(), 0, false));
        List<Integer> epochs = new ArrayList<>();
        for (RecordBatch batch : Logs.read(loaded, 0).batches()) {
            if (!epochs.contains(batch.partitionLeaderEpoch())) {
                epochs.add(batch.partitionLeaderEpoch());
            }
        }
        steps.say("replica", "is loaded: records of epochs %s below %d; latest epoch %d, end of epoch 1 %d", epochs,
            loaded.logEndOffset(), loaded.latestEpoch().orElseThrow(), loaded.endOffsetForEpoch(1).orElseThrow().offset());
        return !epochs.contains(loaded.latestEpoch().orElseThrow());
    }

    private static List<String> entries(Path directory) throws Exception {
        List<String> lines = Files.readAllLines(directory.resolve("leader-epoch-checkpoint"));
        return lines.subList(2, lines.size());
    }
}
