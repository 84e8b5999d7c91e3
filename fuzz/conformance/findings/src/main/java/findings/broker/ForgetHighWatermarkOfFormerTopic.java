package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.controller.ActiveController;

import java.util.List;
import java.util.Map;

/** The checkpoint of high watermarks keeps the line of a deleted topic, for the log of a new topic of that name. */
public final class ForgetHighWatermarkOfFormerTopic extends Finding {
    private static final String HIGH_WATERMARKS = "replication-offset-checkpoint";
    private static final String RECOVERY_POINTS = "recovery-point-offset-checkpoint";

    @Override
    public String summary() {
        return "After a crash a log has the high watermark of a deleted topic of the same name: uncommitted records are read.";
    }

    @Override
    public String trigger() {
        return "a crash before the next checkpoint of high watermarks (the control writes it when the new log exists)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        controller.start(1, 2, 3);
        BrokerProcess one = new BrokerProcess(steps, clock, controller, 1, steps.directory("data"));
        BrokerProcess two = new BrokerProcess(steps, clock, controller, 2, steps.directory("data"));
        BrokerProcess three = new BrokerProcess(steps, clock, controller, 3, steps.directory("data"));
        List<BrokerProcess> all = List.of(one, two, three);
        Uuid former = controller.createTopic("t", Map.of(), 1, 2, 3);
        all.forEach(BrokerProcess::publish);
        one.append(20);
        for (int round = 0; round < 2; round++) {
            two.fetch(one);
            three.fetch(one);
        }
        one.checkpointHighWatermarks();
        steps.say("broker 1", "leads t-0: %s; writes %s: %s", one.state(), HIGH_WATERMARKS, one.checkpoint(HIGH_WATERMARKS));

        controller.deleteTopic(former);
        all.forEach(BrokerProcess::publish);
        steps.say("controller", "topic t is deleted");
        steps.say("broker 1", "deletes the log: %s has %s, %s has %s", RECOVERY_POINTS, one.checkpoint(RECOVERY_POINTS),
            HIGH_WATERMARKS, one.checkpoint(HIGH_WATERMARKS));
        Uuid topic = controller.createTopic("t", Map.of(), 2, 1, 3);
        long created = clock.milliseconds();
        all.forEach(BrokerProcess::publish);
        steps.say("controller", "another topic t is created: %s", controller.describe(topic));
        if (!triggered) {
            one.checkpointHighWatermarks();
        }
        steps.say("broker 1", "follows: %s; %s has %s", one.state(), HIGH_WATERMARKS, one.checkpoint(HIGH_WATERMARKS));
        two.append(5);
        one.fetch(two);
        steps.say("broker 2", "appends 5 records, of which broker 3 fetches none: %s", two.state());
        steps.say("broker 1", "has fetched them: %s", one.state());

        BrokerProcess next = one.killed(steps);
        controller.fence(1);
        two.publish();
        three.publish();
        steps.say("broker 1", "is killed: %s", controller.describe(topic));
        controller.heartbeat(1, controller.register(1, new Uuid(2, 1)));
        two.publish();
        three.publish();
        next.publish();
        steps.say("broker 1", "starts again and follows: %s", next.state());
        two.maybeShrinkIsr();
        steps.say("broker 2", "broker 3 has not fetched for %d ms, which is less than replica.lag.time.max.ms: proposes %s",
            clock.milliseconds() - created, two.proposals().next());
        boolean answered = next.fetch(two);
        steps.say("broker 2", "gets a Fetch of broker 1 from offset 5, which %s; proposes %s",
            answered ? "it answers" : "waits for new records", two.proposals().next());
        two.proposals().propose(topic).run();
        steps.say("controller", "accepts: %s; high watermark of broker 2 %d", controller.describe(topic),
            two.log().highWatermark());

        controller.fence(2);
        next.publish();
        three.publish();
        steps.say("broker 2", "dies before it answers: %s", controller.describe(topic));
        steps.say("broker 1", "leads: %s", next.state());
        List<Long> offsets = next.consume();
        steps.say("consumer", "fetches from broker 1: offsets %s", offsets);
        steps.say("broker 3", "is in the ISR: %s", three.state());
        return !offsets.isEmpty() && three.log().logEndOffset() == 0;
    }
}
