package org.apache.kafka.controller;

import findings.Finding;
import findings.Release;
import findings.Steps;
import org.apache.kafka.common.metadata.NoOpRecord;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.timeline.SnapshotRegistry;
import org.apache.kafka.timeline.TimelineHashMap;

import java.util.List;
import java.util.Set;

/** The end offset of a snapshot, which is exclusive, is taken for the last committed offset, which is inclusive. */
public final class CommittedOffsetOfSnapshot extends Finding {
    private static final long SNAPSHOT_END = 100;

    @Override
    public String summary() {
        return "A controller that loaded a snapshot and one more record loses that record from its state when it renounces.";
    }

    @Override
    public String trigger() {
        return "a snapshot as the start (the control has the same records from the log)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        SnapshotRegistry registry = new SnapshotRegistry(Release.logContext());
        OffsetControlManager offsets = new OffsetControlManager.Builder().setSnapshotRegistry(registry).build();
        TimelineHashMap<String, String> state = new TimelineHashMap<>(registry, 0);
        if (triggered) {
            offsets.beginLoadSnapshot(new OffsetAndEpoch(SNAPSHOT_END, 1));
            state.put("records 0..99", "");
            offsets.endLoadSnapshot(0);
            steps.say("controller", "loads a snapshot of the records 0..99: last committed offset %d",
                offsets.lastCommittedOffset());
        } else {
            state.put("records 0..99", "");
            offsets.handleCommitBatch(committed(SNAPSHOT_END - 1));
            steps.say("controller", "replays the records 0..99: last committed offset %d", offsets.lastCommittedOffset());
        }
        state.put("record 100", "");
        offsets.handleCommitBatch(committed(SNAPSHOT_END));
        steps.say("controller", "replays record 100: last committed offset %d, state %s", offsets.lastCommittedOffset(),
            state.keySet());
        offsets.activate(SNAPSHOT_END + 1);
        steps.say("controller", "is activated; its first write has offset %d", SNAPSHOT_END + 1);
        offsets.deactivate();
        steps.say("controller", "renounces before that is committed: state %s", state.keySet());
        return !state.keySet().equals(Set.of("records 0..99", "record 100"));
    }

    private static Batch<ApiMessageAndVersion> committed(long offset) {
        return Batch.data(offset, 1, 0, 10, List.of(new ApiMessageAndVersion(new NoOpRecord(), (short) 0)));
    }
}
