package org.apache.kafka.controller;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.DuplicateBrokerRegistrationException;
import org.apache.kafka.common.errors.StaleBrokerEpochException;

/** A registration begins no session, so a late one of a former process replaces it. */
public final class SessionSinceRegistration extends Finding {
    private static final Uuid FORMER = new Uuid(1, 1);
    private static final Uuid LIVE = new Uuid(1, 2);

    @Override
    public String summary() {
        return "A late registration of a broker's former process replaces the live one: its heartbeats are refused for ever.";
    }

    @Override
    public String trigger() {
        return "the late registration before the live process's first heartbeat (the control has it after that)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        steps.say("broker 1", "process 1 sends BrokerRegistration, which is delayed; it ends, and process 2 starts");
        long epoch = controller.register(1, LIVE);
        steps.say("controller", "registers process 2 with broker epoch %d", epoch);
        if (!triggered) {
            steps.say("controller", "process 2: heartbeat answered with %s", controller.heartbeat(1, epoch));
        }
        try {
            steps.say("controller", "registers process 1 with broker epoch %d", controller.register(1, FORMER));
        } catch (DuplicateBrokerRegistrationException e) {
            steps.say("controller", "refuses process 1: %s", e.getMessage());
        }
        for (int i = 0; i < 3; i++) {
            clock.advance(ActiveController.SESSION_TIMEOUT_MS + 1);
            controller.fenceStaleBrokers();
            try {
                controller.heartbeat(1, epoch);
                steps.say("controller", "process 2: heartbeat accepted");
            } catch (StaleBrokerEpochException e) {
                steps.say("controller", "process 2: heartbeat refused, %s", e.getMessage());
            }
        }
        steps.say("controller", "broker 1 is %s", controller.isFenced(1) ? "fenced" : "unfenced");
        return controller.incarnation(1).equals(FORMER) && controller.isFenced(1);
    }
}
