package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.controller.ActiveController;
import org.apache.kafka.metadata.PartitionRegistration;

import java.util.Map;

/** Metadata of an ISR that the leader uses already makes it forget its next proposal. */
public final class KeepProposalOfSameEpoch extends Finding {
    @Override
    public String summary() {
        return "A leader forgets a proposed ISR member that the controller accepts, and commits without it.";
    }

    @Override
    public String trigger() {
        return "metadata of the leader's current partition epoch, while its next proposal is in flight";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        controller.start(1, 2, 3);
        // Broker 3 comes before 2, so that the controller elects it first.
        Uuid topic = controller.createTopic("t", Map.of(), 1, 3, 2);
        controller.fence(2);
        controller.fence(3);
        controller.heartbeat(2, controller.brokerEpoch(2));
        controller.heartbeat(3, controller.brokerEpoch(3));
        BrokerReplica leader = new BrokerReplica(steps, clock, controller, 1, topic, 1);
        BrokerReplica two = new BrokerReplica(steps, clock, controller, 2, topic, 1);
        BrokerReplica three = new BrokerReplica(steps, clock, controller, 3, topic, 1);
        leader.metadata(controller.partition(topic));
        leader.append(10);
        steps.say("broker 1", "appends 10 records: %s", leader.state());

        two.fetchAll(leader);
        steps.say("broker 1", "broker 2 has caught up: proposes %s", leader.proposedIsr());
        Runnable firstAnswer = leader.propose();
        PartitionRegistration first = controller.partition(topic);
        steps.say("controller", "accepts: %s", controller.describe(topic));
        firstAnswer.run();
        three.fetchAll(leader);
        steps.say("broker 1", "gets the answer; broker 3 has caught up: proposes %s", leader.proposedIsr());
        if (triggered) {
            leader.metadata(first);
            steps.say("broker 1", "metadata of partition epoch %d arrives: %s", first.partitionEpoch, leader.state());
        }
        Runnable secondAnswer = leader.propose();
        steps.say("controller", "accepts: %s", controller.describe(topic));
        secondAnswer.run();
        steps.say("broker 1", "gets the answer: %s", leader.state());

        clock.advance(BrokerReplica.REPLICA_LAG_TIME_MAX_MS + 1);
        for (int broker = 1; broker <= 3; broker++) {
            controller.heartbeat(broker, controller.brokerEpoch(broker));
        }
        leader.append(5);
        two.fetchAll(leader);
        steps.say("broker 1", "%d ms without a fetch of broker 3 later, appends 5 records; broker 2 fetches them: %s",
            BrokerReplica.REPLICA_LAG_TIME_MAX_MS + 1, leader.state());
        boolean acknowledged = leader.isAcknowledged(15);
        steps.say("broker 1", "acks=all of offset 14 is %s", acknowledged ? "answered" : "waiting");
        controller.fence(1);
        steps.say("controller", "fences broker 1: %s", controller.describe(topic));
        boolean elected = controller.partition(topic).leader == 3;
        steps.say("broker 3", "log end %d", three.log().logEndOffset());
        return acknowledged && elected && three.log().logEndOffset() < 15;
    }
}
