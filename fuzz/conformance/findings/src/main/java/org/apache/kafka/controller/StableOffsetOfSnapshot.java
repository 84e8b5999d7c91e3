package org.apache.kafka.controller;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.NoOpRecord;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;

import java.util.List;
import java.util.Map;

/**
 * The end offset of a snapshot, which is exclusive, is taken for the last committed and stable offset, which is inclusive:
 * the state under that number lacks the record that has it.
 */
public final class StableOffsetOfSnapshot extends Finding {
    @Override
    public String summary() {
        return "A controller loses the record behind its snapshot when it renounces; what it writes later nobody can replay.";
    }

    @Override
    public String trigger() {
        return "a snapshot as the start (the control has the same records from the log)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController other = new ActiveController(clock);
        other.start(1);
        Uuid topic = other.createTopic("t", Map.of(), 1);
        long end = other.nextOffset();

        ActiveController controller = new ActiveController(clock);
        OffsetControlManager offsets = controller.offsets();
        if (triggered) {
            offsets.beginLoadSnapshot(new OffsetAndEpoch(end, 1));
            controller.replayLogOf(other);
            offsets.endLoadSnapshot(0);
            steps.say("controller", "loads a snapshot of the records below %d: last committed offset %d", end,
                offsets.lastCommittedOffset());
        } else {
            controller.replayLogOf(other);
            offsets.handleCommitBatch(committed(end - 1));
            steps.say("controller", "replays the records below %d: last committed offset %d", end,
                offsets.lastCommittedOffset());
        }

        other.deleteTopic(topic);
        controller.replayLogOf(other);
        offsets.handleCommitBatch(committed(end));
        steps.say("controller", "replays record %d, RemoveTopicRecord: topic t is %s, last stable offset %d", end,
            isThere(controller), offsets.lastStableOffset());

        offsets.activate(end + 1);
        steps.say("controller", "is activated; its first write has offset %d", end + 1);
        offsets.deactivate();
        boolean lost = isThere(controller).equals("there");
        steps.say("controller", "renounces before that is committed: topic t is %s", isThere(controller));

        offsets.handleCommitBatch(committed(end + 1));
        offsets.activate(end + 2);
        if (!lost) {
            steps.say("controller", "is active again, and has no topic t to delete");
            return false;
        }
        controller.deleteTopic(topic);
        steps.say("controller", "is active again, and deletes topic t");
        try {
            other.replayLastOf(controller);
            steps.say("other", "replays that");
            return false;
        } catch (RuntimeException e) {
            steps.say("other", "cannot replay that, which ends its process: %s", e);
            return true;
        }
    }

    private static String isThere(ActiveController controller) {
        return controller.hasTopic("t") ? "there" : "gone";
    }

    private static Batch<ApiMessageAndVersion> committed(long offset) {
        return Batch.data(offset, 1, 0, 10, List.of(new ApiMessageAndVersion(new NoOpRecord(), (short) 0)));
    }
}
