package org.apache.kafka.raft;

import findings.Steps;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/** A controller that is the only voter, and a broker that observes it: both with released raft clients. */
public final class MetadataLogs {
    public static final int CONTROLLER = 1;
    public static final int BROKER = 2;

    private final Quorum world;
    private final RaftProcess<ApiMessageAndVersion> controller;
    private RaftProcess<ApiMessageAndVersion> broker;

    public MetadataLogs(Steps steps) throws IOException {
        world = new Quorum(steps);
        controller = boot(CONTROLLER);
        controller.run();
    }

    private RaftProcess<ApiMessageAndVersion> boot(int id) throws IOException {
        return new RaftProcess<>(world,
            new RaftProcess.Setup<>(id, Set.of(CONTROLLER), List.of(), id == CONTROLLER, MetadataRecordSerde.INSTANCE));
    }

    /** Appends and commits a batch of its own. */
    public void append(List<ApiMessageAndVersion> records) {
        controller.client().prepareAppend(controller.quorum().epoch(), records);
        controller.client().schedulePreparedAppend();
        world.advance(100);
        controller.run();
    }

    public long end() {
        return controller.log().endOffset().offset();
    }

    public void bootBroker() throws IOException {
        broker = boot(BROKER);
        broker.run();
    }

    public void register(RaftClient.Listener<ApiMessageAndVersion> listener) {
        broker.client().register(listener);
        broker.run();
    }

    public OptionalLong brokerHighWatermark() {
        return broker.client().highWatermark();
    }

    public String brokerState() {
        return broker.state();
    }

    public boolean brokerHasAll() {
        return broker.log().endOffset().offset() == end()
            && broker.client().highWatermark().equals(OptionalLong.of(end()));
    }

    /** One Fetch of the broker, and its answer. */
    public void fetch() {
        world.exchange(broker, ApiKeys.FETCH, controller);
    }

    public void killBroker() {
        broker.kill();
    }

    /** The file of the broker's metadata log. */
    public Path brokerSegment() {
        return RaftProcess.segment(world, BROKER);
    }

    /** The broker loses power when only this many bytes of its metadata log are on disk. */
    public void losePower(long bytesOnDisk) throws IOException {
        killBroker();
        try (RandomAccessFile file = new RandomAccessFile(brokerSegment().toFile(), "rw")) {
            file.setLength(bytesOnDisk);
        }
    }
}
