package org.apache.kafka.raft;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.raft.internals.StringSerde;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotReader;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A log that truncates committed records keeps the snapshots that contain them, and listeners load the newest one. */
public final class RemoveSnapshotsOfTruncatedRecords extends Finding {
    private static final long ROUND_MS = 1_000;

    @Override
    public String summary() {
        return "A broker loads its snapshot of records that it has truncated, and never has those that took their place.";
    }

    @Override
    public String trigger() {
        return "a snapshot of the broker before its leader loses a committed record";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Quorum world = new Quorum(steps);
        RaftProcess<String> leader = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1));
        RaftProcess<String> broker = broker(world);
        Image image = new Image();
        broker.client().register(image);
        leader.run();
        append(world, leader, "a");
        Path segment = RaftProcess.segment(world, 1);
        long durable = Files.size(segment);
        append(world, leader, "b");
        append(world, leader, "e");
        steps.say("node 1", "is %s", leader.state());
        steps.say("broker 2", "is %s, image %s", broker.state(), image.records);
        if (triggered) {
            OffsetAndEpoch end = new OffsetAndEpoch(broker.quorum().highWatermark().orElseThrow().offset(), broker.quorum().epoch());
            try (SnapshotWriter<String> writer = broker.client().createSnapshot(end, 0).orElseThrow()) {
                writer.append(List.copyOf(image.records));
                writer.freeze();
            }
            steps.say("broker 2", "writes a snapshot of %s up to offset %d", image.records, end.offset());
        }

        leader.kill();
        cut(segment, durable);
        steps.say("node 1", "loses its power before it has forced [b] and [e] (SingleVoterFlushFirst)");
        RaftProcess<String> again = new RaftProcess<>(world, RaftProcess.Setup.voter(1, 1));
        Image right = new Image();
        again.client().register(right);
        again.run();
        append(world, again, "c");
        steps.say("node 1", "boots, and appends [c]: %s, image %s", again.state(), right.records);
        try {
            world.pass(5 * ROUND_MS);
        } catch (KafkaException e) {
            steps.say("broker 2", "ends: %s", e.getMessage());
        }

        broker.kill();
        RaftProcess<String> restarted = broker(world);
        Image after = new Image();
        restarted.client().register(after);
        world.pass(5 * ROUND_MS);
        append(world, again, "d");
        world.pass(5 * ROUND_MS);
        steps.say("node 1", "appends [d]: %s, image %s", again.state(), right.records);
        steps.say("broker 2", "boots: %s, image %s", restarted.state(), after.records);
        return after.end == right.end && !after.records.equals(right.records);
    }

    private static RaftProcess<String> broker(Quorum world) throws IOException {
        return new RaftProcess<>(world, new RaftProcess.Setup<>(2, Set.of(1), List.of(), false, new StringSerde()));
    }

    private static void append(Quorum world, RaftProcess<String> leader, String record) {
        leader.client().prepareAppend(leader.quorum().epoch(), List.of(record));
        leader.client().schedulePreparedAppend();
        try {
            world.pass(ROUND_MS);
        } catch (KafkaException e) {
            world.steps().say("broker 2", "ends: %s", e.getMessage());
        }
    }

    private static void cut(Path segment, long size) throws IOException {
        try (FileChannel channel = new FileOutputStream(segment.toFile(), true).getChannel()) {
            channel.truncate(size);
        }
    }

    /** What a state machine has read. */
    private static final class Image implements RaftClient.Listener<String> {
        private final List<String> records = new ArrayList<>();
        private long end = 0;

        @Override
        public void handleCommit(BatchReader<String> reader) {
            try (reader) {
                while (reader.hasNext()) {
                    Batch<String> batch = reader.next();
                    records.addAll(batch.records());
                    end = batch.lastOffset() + 1;
                }
            }
        }

        @Override
        public void handleLoadSnapshot(SnapshotReader<String> reader) {
            try (reader) {
                records.clear();
                while (reader.hasNext()) {
                    records.addAll(reader.next().records());
                }
                end = reader.snapshotId().offset();
            }
        }

        @Override
        public void handleLoadBootstrap(SnapshotReader<String> reader) {
            reader.close();
        }
    }
}
