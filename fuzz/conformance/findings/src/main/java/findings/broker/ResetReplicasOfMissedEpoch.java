package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.controller.ActiveController;

import java.util.Map;

/** A leader that missed an epoch of another leader trusts what it knew of its followers before. */
public final class ResetReplicasOfMissedEpoch extends Finding {
    @Override
    public String summary() {
        return "A leader that missed another leader's epoch acknowledges records that its followers have truncated since.";
    }

    @Override
    public String trigger() {
        return "the metadata of two elections in one publication (the control has two)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        controller.start(1, 2, 3);
        // The preferred leader is broker 3.
        Uuid topic = controller.createTopic("t", Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, "2"), 3, 1, 2);
        BrokerReplica one = new BrokerReplica(steps, clock, controller, 1, topic, 2);
        BrokerReplica two = new BrokerReplica(steps, clock, controller, 2, topic, 2);
        BrokerReplica three = new BrokerReplica(steps, clock, controller, 3, topic, 2);
        controller.fence(3);
        one.metadata(controller.partition(topic));
        controller.heartbeat(3, controller.brokerEpoch(3));
        one.append(100);
        two.fetchAll(one);
        three.fetchAll(one);
        one.propose().run();
        one.metadata(controller.partition(topic));
        three.metadata(controller.partition(topic));
        steps.say("controller", "%s", controller.describe(topic));
        one.append(20);
        two.fetchAll(one);
        steps.say("broker 1", "leads, broker 2 has all records, broker 3 the first 100: %s", one.state());

        controller.electPreferredLeader("t");
        steps.say("controller", "elects the preferred leader: %s", controller.describe(topic));
        if (!triggered) {
            one.metadata(controller.partition(topic));
            steps.say("broker 1", "learns of it and follows");
        }
        three.metadata(controller.partition(topic));
        two.metadata(controller.partition(topic));
        two.truncateTo(three);
        steps.say("broker 2", "follows broker 3 and truncates to its log: log end %d", two.log().logEndOffset());
        controller.fence(3);
        steps.say("controller", "fences broker 3: %s", controller.describe(topic));
        one.metadata(controller.partition(topic));
        steps.say("broker 1", "learns that it leads in this epoch: %s", one.state());
        boolean acknowledged = one.isAcknowledged(120);
        steps.say("broker 1", "acks=all of offset 119 is %s; broker 2 has log end %d", acknowledged ? "answered" : "waiting",
            two.log().logEndOffset());
        return acknowledged && two.log().logEndOffset() < 120;
    }
}
