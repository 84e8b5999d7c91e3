package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.controller.ActiveController;

import java.util.Map;

/** A leader uses a new ISR at once, and the min.insync.replicas by which the controller made its ELR later. */
public final class AwaitMetadataOfIsr extends Finding {
    @Override
    public String summary() {
        return "A leader acknowledges without a replica that the controller has put into the ELR, which is then elected.";
    }

    @Override
    public String trigger() {
        return "metadata of the raised min.insync.replicas that reaches the leader after the answer to its AlterPartition";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        ActiveController controller = new ActiveController(clock);
        controller.start(1, 2);
        Uuid topic = controller.createTopic("t", Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, "1"), 1, 2);
        steps.say("controller", "creates topic t with min.insync.replicas=1: %s", controller.describe(topic));
        BrokerReplica leader = new BrokerReplica(steps, clock, controller, 1, topic, 1);
        BrokerReplica two = new BrokerReplica(steps, clock, controller, 2, topic, 1);
        leader.metadata(controller.partition(topic));
        leader.append(10);
        two.fetchAll(leader);
        steps.say("broker 1", "leads, broker 2 has all records: %s", leader.state());

        controller.alterMinInsyncReplicas("t", 2);
        steps.say("controller", "min.insync.replicas=2: %s", controller.describe(topic));
        if (!triggered) {
            leader.minInsyncReplicas(2);
            steps.say("broker 1", "its metadata says min.insync.replicas=2");
        }
        leader.append(1);
        clock.advance(BrokerReplica.REPLICA_LAG_TIME_MAX_MS + 1);
        controller.heartbeat(1, controller.brokerEpoch(1));
        controller.heartbeat(2, controller.brokerEpoch(2));
        leader.maybeShrinkIsr();
        steps.say("broker 1", "appends 1 record; broker 2 does not fetch for a while: proposes %s", leader.proposedIsr());
        Runnable answer = leader.propose();
        steps.say("controller", "accepts: %s", controller.describe(topic));
        answer.run();
        steps.say("broker 1", "gets the answer: %s", leader.state());
        boolean acknowledged = leader.isAcknowledged(11);
        steps.say("broker 1", "acks=all of offset 10 is %s", acknowledged ? "answered" : "not answered with success");
        controller.fence(1);
        steps.say("controller", "fences broker 1: %s", controller.describe(topic));
        steps.say("broker 2", "log end %d", two.log().logEndOffset());
        return acknowledged && controller.partition(topic).leader == 2 && two.log().logEndOffset() < 11;
    }
}
