package org.apache.kafka.raft;

import findings.Clock;
import findings.Steps;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.io.IOException;
import java.util.List;
import java.util.Set;

/** Three voters, of which the first is elected and may then be cut off from the others. */
public final class ControllerQuorum {
    private final Quorum world;
    private final RaftProcess<ApiMessageAndVersion> one;
    private final RaftProcess<ApiMessageAndVersion> two;
    private final RaftProcess<ApiMessageAndVersion> three;

    public ControllerQuorum(Steps steps) throws IOException {
        world = new Quorum(steps);
        one = boot(1);
        two = boot(2);
        three = boot(3);
        world.elect(one, three);
        world.follow(one, two, three);
    }

    private RaftProcess<ApiMessageAndVersion> boot(int id) throws IOException {
        return new RaftProcess<>(world,
            new RaftProcess.Setup<>(id, Set.of(1, 2, 3), List.of(), true, MetadataRecordSerde.INSTANCE));
    }

    public RaftClient<ApiMessageAndVersion> leader() {
        return one.client();
    }

    /** The leader appends what it was given, and the others fetch it. */
    public void replicate() {
        world.advance(QuorumConfig.DEFAULT_QUORUM_LINGER_MS);
        one.run();
        world.follow(one, two, three);
        one.run();
    }

    /** The first node is cut off; the second one is elected, and commits in its epoch. */
    public void electSecond() {
        world.elect(two, three);
        world.follow(two, three);
        one.run();
    }

    public void advance(long ms) {
        world.advance(ms);
        one.run();
    }

    public Clock clock() {
        return world.clock;
    }

    public String firstState() {
        return one.state();
    }

    public String secondState() {
        return two.state();
    }
}
