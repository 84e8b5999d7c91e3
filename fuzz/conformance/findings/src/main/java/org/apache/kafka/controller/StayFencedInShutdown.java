package org.apache.kafka.controller;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;

import java.util.Map;

/** A heartbeat of before a broker's shutdown unfences it after that. */
public final class StayFencedInShutdown extends Finding {
    @Override
    public String summary() {
        return "A late heartbeat unfences a broker that has shut down, and a partition without a leader elects it.";
    }

    @Override
    public String trigger() {
        return "a heartbeat of before the shutdown, delayed until after it";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        long epoch = controller.register(1, new Uuid(1, 1));
        controller.heartbeat(1, epoch);
        Uuid topic = controller.createTopic("t", Map.of(), 1);
        steps.say("controller", "creates topic t: %s", controller.describe(topic));
        if (triggered) {
            steps.say("broker 1", "sends a heartbeat (no wantFence, no wantShutDown), which is delayed");
        }
        steps.say("controller", "heartbeat with wantShutDown: %s", controller.heartbeat(1, epoch, true));
        steps.say("controller", "heartbeat with wantShutDown: %s", controller.heartbeat(1, epoch, true));
        if (!controller.isFenced(1)) {
            clock.advance(ActiveController.SESSION_TIMEOUT_MS + 1);
            controller.fenceStaleBrokers();
            steps.say("controller", "its session ends: %s", controller.describe(topic));
        }
        steps.say("broker 1", "has ended; the controller has it as %s: %s", controller.isFenced(1) ? "fenced" : "unfenced",
            controller.describe(topic));
        if (triggered) {
            steps.say("controller", "the delayed heartbeat: %s; %s", controller.heartbeat(1, epoch), controller.describe(topic));
        }
        return !controller.isFenced(1) && controller.partition(topic).leader == 1;
    }
}
