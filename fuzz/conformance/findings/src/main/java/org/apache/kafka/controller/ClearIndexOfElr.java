package org.apache.kafka.controller;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.controller.errors.EventHandlerExceptionInfo;

import java.util.Map;
import java.util.OptionalInt;

/** A change of min.insync.replicas clears the ELRs, but not the index from brokers to them. */
public final class ClearIndexOfElr extends Finding {
    private static final int ATTEMPTS = 2;

    @Override
    public String summary() {
        return "A broker that was in a cleared ELR of a deleted topic cannot register: each attempt costs a failover.";
    }

    @Override
    public String trigger() {
        return "min.insync.replicas set to 1 while broker 2 is in the ELR";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        controller.start(1, 2);
        Uuid topic = controller.createTopic("t", Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, "2"), 1, 2);
        steps.say("controller", "creates topic t with min.insync.replicas=2: %s", controller.describe(topic));
        controller.fence(2);
        steps.say("controller", "the session of broker 2, which was killed, ends: %s", controller.describe(topic));
        if (triggered) {
            controller.alterMinInsyncReplicas("t", 1);
            steps.say("controller", "min.insync.replicas=1: %s", controller.describe(topic));
        }
        controller.deleteTopic(topic);
        steps.say("controller", "deletes topic t");
        int failovers = 0;
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            try {
                steps.say("controller", "registers broker 2 with broker epoch %d", controller.register(2, new Uuid(2, 2)));
                break;
            } catch (RuntimeException e) {
                // By this QuorumController decides what an exception of an event leads to.
                EventHandlerExceptionInfo handled = EventHandlerExceptionInfo.fromInternal(e, OptionalInt::empty);
                Errors answer = Errors.forException(handled.effectiveExternalException());
                steps.say("controller", "answers broker 2 with %s%s: %s", answer,
                    handled.causesFailover() ? " and renounces" : "", e.getMessage());
                failovers += handled.causesFailover() ? 1 : 0;
                controller = controller.successor();
                steps.say("controller", "the next one has replayed the same records");
            }
        }
        return failovers == ATTEMPTS;
    }
}
