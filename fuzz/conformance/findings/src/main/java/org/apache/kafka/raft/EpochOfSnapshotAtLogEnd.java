package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.raft.internals.KafkaRaftLog;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.snapshot.RawSnapshotWriter;

/** A log that was truncated to the end of its snapshot has no epoch, if a restart has moved its start back to a segment. */
public final class EpochOfSnapshotAtLogEnd extends Finding {
    private static final int NODE = 2;
    private static final int EPOCH = 1;

    @Override
    public String summary() {
        return "A voter whose log starts in the middle of a segment restarts, and ends itself when it truncates to its snapshot.";
    }

    @Override
    public String trigger() {
        return "a restart before the truncation";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        KafkaRaftLog log = RaftProcess.createLog(world, NODE, scheduler);
        append(log, 10);
        log.updateHighWatermark(new LogOffsetMetadata(10));
        OffsetAndEpoch snapshot = new OffsetAndEpoch(10, EPOCH);
        try (RawSnapshotWriter writer = log.createNewSnapshot(snapshot).orElseThrow()) {
            writer.freeze();
        }
        log.deleteBeforeSnapshot(snapshot);
        append(log, 3);
        // Performs what is scheduled: leader-epoch-checkpoint has the epoch from the end of the snapshot on.
        scheduler.shutdown();
        say(steps, log, "has a snapshot of the committed records below 10, and three records that are not committed");
        if (triggered) {
            log.close();
            log = RaftProcess.createLog(world, NODE);
            say(steps, log, "restarts");
        }
        log.truncateToEndOffset(snapshot);
        try {
            say(steps, log, "truncates to 10, where the log of its leader diverges");
            steps.say("node 2", "KafkaRaftLog.lastFetchedEpoch: %d", log.lastFetchedEpoch());
            return false;
        } catch (KafkaException exception) {
            steps.say("node 2", "KafkaRaftLog.lastFetchedEpoch: %s", exception.getMessage());
            return true;
        } finally {
            log.close();
        }
    }

    private static void append(KafkaRaftLog log, int count) {
        for (int i = 0; i < count; i++) {
            log.appendAsFollower(MemoryRecords.withRecords(log.endOffset().offset(), Compression.NONE, EPOCH,
                new SimpleRecord("x".getBytes())), EPOCH);
        }
    }

    private static void say(Steps steps, KafkaRaftLog log, String what) {
        steps.say("node 2", "%s: log from %d to %d", what, log.startOffset(), log.endOffset().offset());
    }
}
