package org.apache.kafka.controller;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.metadata.LeaderConstants;

import java.util.HashMap;
import java.util.Map;

/** The ELR of a partition without ISR is cleared by a change of min.insync.replicas. */
public final class KeepElrOfEmptyIsr extends Finding {
    @Override
    public String summary() {
        return "A change of min.insync.replicas clears the ELR of a partition with an empty ISR: no replica may lead any more.";
    }

    @Override
    public String trigger() {
        return "min.insync.replicas set to 1 while all replicas are fenced";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        Map<Integer, Long> epochs = new HashMap<>();
        for (int broker = 1; broker <= 3; broker++) {
            epochs.put(broker, controller.register(broker, new Uuid(1, broker)));
            controller.heartbeat(broker, epochs.get(broker));
        }
        Uuid topic = controller.createTopic("t", Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, "2"), 1, 2, 3);
        steps.say("controller", "creates topic t with min.insync.replicas=2: %s", controller.describe(topic));
        clock.advance(ActiveController.SESSION_TIMEOUT_MS + 1);
        controller.fenceStaleBrokers();
        steps.say("controller", "fences all brokers: %s", controller.describe(topic));
        if (triggered) {
            controller.alterMinInsyncReplicas("t", 1);
            steps.say("controller", "min.insync.replicas=1: %s", controller.describe(topic));
        }
        for (int broker = 1; broker <= 3; broker++) {
            controller.heartbeat(broker, epochs.get(broker));
            steps.say("controller", "broker %d is unfenced: %s", broker, controller.describe(topic));
        }
        return controller.partition(topic).leader == LeaderConstants.NO_LEADER;
    }
}
