package org.apache.kafka.controller;

import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.NotControllerException;
import org.apache.kafka.common.message.BrokerHeartbeatRequestData;
import org.apache.kafka.metadata.BrokerHeartbeatReply;
import org.apache.kafka.metadata.bootstrap.BootstrapMetadata;
import org.apache.kafka.raft.ControllerQuorum;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.server.fault.FaultHandler;

import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An active controller that has been replaced answers heartbeats until its check quorum ends. */
public final class ConfirmLeadershipOfHeartbeats extends Finding {
    private static final int BROKER = 5;
    private static final int MOST_ROUNDS = 2_000;
    private static final long ROUND_MS = 10;
    private static final long CHECK_QUORUM_MS = 3_000;
    /** Listeners are not notified of a resignation, but of the next epoch, an election timeout later at most. */
    private static final long RESIGNED_MS = 2_000;

    @Override
    public String summary() {
        return "A controller that another one has replaced goes on answering heartbeats: the broker counts itself as unfenced.";
    }

    @Override
    public String trigger() {
        return "a heartbeat within 1.5 fetch timeouts and an election timeout of the cut (the control has it later)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        ControllerQuorum quorum = new ControllerQuorum(steps);
        QuorumController controller = steps.closing(controller(quorum));
        for (int round = 0; controller.curClaimEpoch() < 0 && round < MOST_ROUNDS; round++) {
            quorum.replicate();
            Thread.sleep(ROUND_MS);
        }
        steps.say("node 1", "is %s; its controller is active", quorum.firstState());
        long epoch = await(quorum, controller.registerBroker(ActiveController.context(),
            ActiveController.registration(BROKER, Uuid.randomUuid()))).epoch();
        BrokerHeartbeatReply reply = await(quorum, heartbeat(controller, epoch));
        steps.say("controller 1", "broker %d is registered: %s", BROKER, reply);
        quorum.electSecond();
        steps.say("node 1", "is cut off: %s", quorum.firstState());
        steps.say("node 2", "is %s", quorum.secondState());
        if (!triggered) {
            quorum.advance(CHECK_QUORUM_MS);
            steps.say("node 1", "%d ms later it is %s", CHECK_QUORUM_MS, quorum.firstState());
            quorum.advance(RESIGNED_MS);
            for (int round = 0; controller.curClaimEpoch() >= 0 && round < MOST_ROUNDS; round++) {
                Thread.sleep(ROUND_MS);
            }
            steps.say("node 1", "%d ms later it is %s", RESIGNED_MS, quorum.firstState());
        }
        try {
            steps.say("controller 1", "heartbeat: %s", heartbeat(controller, epoch).get(10, TimeUnit.SECONDS));
            return true;
        } catch (NotControllerException e) {
            steps.say("controller 1", "heartbeat: %s", e);
            return false;
        }
    }

    private static CompletableFuture<BrokerHeartbeatReply> heartbeat(QuorumController controller, long epoch) {
        return controller.processBrokerHeartbeat(ActiveController.context(), new BrokerHeartbeatRequestData()
            .setBrokerId(BROKER).setBrokerEpoch(epoch).setCurrentMetadataOffset(epoch));
    }

    private static QuorumController controller(ControllerQuorum quorum) throws Exception {
        FaultHandler faults = (message, cause) -> new IllegalStateException(message, cause);
        return new QuorumController.Builder(1, "cluster")
            .setTime(quorum.clock())
            .setRaftClient(quorum.leader())
            .setQuorumFeatures(new QuorumFeatures(1, QuorumFeatures.defaultSupportedFeatureMap(false), List.of(1, 2, 3)))
            .setBootstrapMetadata(BootstrapMetadata.fromVersion(MetadataVersion.latestProduction(), "finding"))
            .setConfigSchema(kafka.server.KafkaRaftServer.configSchema())
            .setLeaderImbalanceCheckIntervalNs(OptionalLong.empty())
            .setMaxIdleIntervalNs(OptionalLong.empty())
            .setFatalFaultHandler(faults)
            .setNonFatalFaultHandler(faults)
            .build();
    }

    /** Replicates until the controller, which has a thread of its own, answers. */
    private static <T> T await(ControllerQuorum quorum, CompletableFuture<T> answer) throws Exception {
        for (int round = 0; round < MOST_ROUNDS; round++) {
            quorum.replicate();
            try {
                return answer.get(ROUND_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // One more round.
            }
        }
        throw new IllegalStateException("the controller does not answer");
    }
}
