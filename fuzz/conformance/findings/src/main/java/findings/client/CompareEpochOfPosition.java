package findings.client;

import findings.Clock;
import findings.Finding;
import findings.Logs;
import findings.Release;
import findings.Steps;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.consumer.internals.AutoOffsetResetStrategy;
import org.apache.kafka.clients.consumer.internals.SubscriptionState;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.storage.internals.log.UnifiedLog;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A consumer compares only the end offset of the answer to OffsetForLeaderEpoch, and not its epoch. */
public final class CompareEpochOfPosition extends Finding {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);

    @Override
    public String summary() {
        return "A consumer goes on at its position in the log of a leader that never had the epoch of that position.";
    }

    @Override
    public String trigger() {
        return "records of epoch 5 beyond the position in the new leader's log";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Uuid topic = Uuid.randomUuid();
        UnifiedLog one = steps.closing(Logs.open(steps.directory("t-0"), clock, topic, Map.of(), 0, true));
        UnifiedLog two = steps.closing(Logs.open(steps.directory("t-0"), clock, topic, Map.of(), 0, true));
        Logs.append(one, 5, 100);
        Logs.append(one, 6, 50);
        Logs.append(two, 5, triggered ? 200 : 100);
        two.assignEpochStartOffset(7, two.logEndOffset());
        steps.say("broker 1", "leads epoch 6: offsets 0..99 of epoch 5, 100..149 of epoch 6");
        steps.say("broker 2", "led epoch 5: offsets 0..%d of epoch 5; it is elected in epoch 7 (unclean)", two.logEndOffset() - 1);

        SubscriptionState consumer = new SubscriptionState(Release.logContext(), AutoOffsetResetStrategy.EARLIEST);
        consumer.assignFromUser(Set.of(PARTITION));
        Metadata.LeaderAndEpoch leader = new Metadata.LeaderAndEpoch(Optional.of(new Node(2, "broker2", 9092)), Optional.of(7));
        SubscriptionState.FetchPosition position = new SubscriptionState.FetchPosition(120, Optional.of(6), leader);
        consumer.seekUnvalidated(PARTITION, position);
        steps.say("consumer", "has read broker 1's log up to offset 119 of epoch 6; learns of epoch 7: awaits validation %s",
            consumer.awaitingValidation(PARTITION));
        var end = two.endOffsetForEpoch(6).orElseThrow();
        steps.say("broker 2", "OffsetForLeaderEpoch of epoch 6: epoch %d, end %d", end.epoch(), end.offset());
        consumer.maybeCompleteValidation(PARTITION, position, new OffsetForLeaderEpochResponseData.EpochEndOffset()
            .setPartition(0).setLeaderEpoch(end.epoch()).setEndOffset(end.offset()));
        if (consumer.awaitingValidation(PARTITION) || consumer.isOffsetResetNeeded(PARTITION)) {
            steps.say("consumer", "does not fetch before its position is found anew");
            return false;
        }
        long next = consumer.position(PARTITION).offset;
        steps.say("consumer", "fetches at position %d", next);
        // The logs agree up to offset 99.
        return next > 100;
    }
}
