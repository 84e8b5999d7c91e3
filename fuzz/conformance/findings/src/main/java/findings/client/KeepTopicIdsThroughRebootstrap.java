package findings.client;

import findings.Clock;
import findings.Finding;
import findings.Logs;
import findings.Release;
import findings.Steps;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.consumer.internals.AutoOffsetResetStrategy;
import org.apache.kafka.clients.consumer.internals.SubscriptionState;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.requests.MetadataResponse;
import org.apache.kafka.common.requests.OffsetsForLeaderEpochResponse;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** After a rebootstrap a client takes a topic that it knows for a new one, and believes older leader epochs. */
public final class KeepTopicIdsThroughRebootstrap extends Finding {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final short METADATA_VERSION = 12;

    @Override
    public String summary() {
        return "After a rebootstrap a consumer believes an older leader epoch and resets its position, though no record is lost.";
    }

    @Override
    public String trigger() {
        return "a rebootstrap before the answer of a broker with old metadata";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Uuid topic = Uuid.randomUuid();
        UnifiedLog deposed = steps.closing(Logs.open(steps.directory("t-0"), clock, topic, Map.of(), 0, true));
        UnifiedLog current = steps.closing(Logs.open(steps.directory("t-0"), clock, topic, Map.of(), 0, true));
        Logs.append(deposed, 5, 100);
        Logs.append(current, 5, 100);
        Logs.append(current, 7, 50);
        steps.say("broker 1", "led epoch 5: offsets 0..99 of epoch 5; its metadata is old");
        steps.say("broker 2", "leads epoch 7: offsets 0..99 of epoch 5, 100..149 of epoch 7");

        Metadata metadata = new Metadata(100, 100, 300_000, Release.logContext(), new ClusterResourceListeners());
        metadata.bootstrap(List.of(new InetSocketAddress("localhost", 9092)));
        metadata.updateWithCurrentRequestVersion(metadataOf(2, 7, topic), false, clock.milliseconds());
        SubscriptionState consumer = new SubscriptionState(Release.logContext(), AutoOffsetResetStrategy.LATEST);
        consumer.assignFromUser(Set.of(PARTITION));
        consumer.seekValidated(PARTITION, new SubscriptionState.FetchPosition(
            150, Optional.of(7), metadata.currentLeader(PARTITION)));
        steps.say("consumer", "has read broker 2's log up to offset 149 of epoch 7");
        if (triggered) {
            metadata.rebootstrap();
            steps.say("consumer", "reaches no broker and starts anew from its bootstrap servers");
        }
        metadata.updateWithCurrentRequestVersion(metadataOf(1, 5, topic), false, clock.milliseconds());
        var leader = metadata.currentLeader(PARTITION);
        int leaderId = leader.leader.map(Node::id).orElse(-1);
        steps.say("consumer", "broker 1 answers Metadata with leader 1, epoch 5: the consumer believes leader %d, epoch %d",
            leaderId, leader.epoch.orElse(-1));

        consumer.maybeValidatePositionForCurrentLeader(new ApiVersions(), PARTITION, leader);
        if (leaderId >= 0 && consumer.awaitingValidation(PARTITION)) {
            UnifiedLog asked = leaderId == 1 ? deposed : current;
            OffsetForLeaderEpochResponseData.EpochEndOffset end = asked.endOffsetForEpoch(7)
                .map(found -> new OffsetForLeaderEpochResponseData.EpochEndOffset()
                    .setLeaderEpoch(found.epoch()).setEndOffset(found.offset()))
                .orElse(new OffsetForLeaderEpochResponseData.EpochEndOffset()
                    .setLeaderEpoch(OffsetsForLeaderEpochResponse.UNDEFINED_EPOCH)
                    .setEndOffset(OffsetsForLeaderEpochResponse.UNDEFINED_EPOCH_OFFSET));
            steps.say("broker " + leaderId, "OffsetForLeaderEpoch of epoch 7: epoch %d, end %d",
                end.leaderEpoch(), end.endOffset());
            consumer.maybeCompleteValidation(PARTITION, consumer.position(PARTITION), end);
        }
        steps.say("consumer", "asks for a reset of its position: %s", consumer.isOffsetResetNeeded(PARTITION));
        return consumer.isOffsetResetNeeded(PARTITION);
    }

    private static MetadataResponse metadataOf(int leader, int epoch, Uuid topicId) {
        var partition = new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(0)
            .setLeaderId(leader).setLeaderEpoch(epoch).setReplicaNodes(List.of(1, 2)).setIsrNodes(List.of(1, 2));
        MetadataResponseData response = new MetadataResponseData().setClusterId("cluster");
        response.topics().add(new MetadataResponseData.MetadataResponseTopic()
            .setName(PARTITION.topic()).setTopicId(topicId).setPartitions(List.of(partition)));
        for (int id = 1; id <= 2; id++) {
            response.brokers().add(
                new MetadataResponseData.MetadataResponseBroker().setNodeId(id).setHost("broker" + id).setPort(9092));
        }
        return new MetadataResponse(response, METADATA_VERSION);
    }
}
