package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Release;
import findings.Steps;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.AbortTransactionRecord;
import org.apache.kafka.common.metadata.BeginTransactionRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.image.loader.MetadataBatchLoader;
import org.apache.kafka.metadata.SupportedConfigChecker;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.raft.LeaderAndEpoch;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.util.Arrays;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;

/** The delta of an aborted transaction is published if a further record follows in the same commit. */
public final class DropAbortedTransaction extends Finding {
    private static final LeaderAndEpoch LEADER = new LeaderAndEpoch(OptionalInt.of(1), 1);

    @Override
    public String summary() {
        return "The records of an aborted metadata transaction are published if another record follows in the same commit.";
    }

    @Override
    public String trigger() {
        return "a record after the abort in the same commit (the control has it in the next)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        AtomicReference<TreeSet<String>> published = new AtomicReference<>(new TreeSet<>());
        MetadataBatchLoader loader = new MetadataBatchLoader(Release.logContext(), new Clock(),
            (message, cause) -> {
                throw new IllegalStateException(message, cause);
            },
            (delta, image, manifest) -> {
                published.set(new TreeSet<>(image.topics().topicsByName().keySet()));
                steps.say("loader", "publishes an image with the topics %s", published.get());
            }, SupportedConfigChecker.TRUE);
        steps.say("controller", "offsets 10..12: begins a transaction, creates topic \"aborted\", aborts the transaction");
        loader.loadBatch(batch(10, new BeginTransactionRecord().setName("x"), topic("aborted"),
            new AbortTransactionRecord().setReason("failover")), LEADER);
        if (!triggered) {
            steps.say("loader", "reaches the end of the commit");
            loader.maybeFlushBatches(LEADER, true);
        }
        steps.say("controller", "offset 13: creates topic \"later\"");
        loader.loadBatch(batch(13, topic("later")), LEADER);
        steps.say("loader", "reaches the end of the commit");
        loader.maybeFlushBatches(LEADER, true);
        return published.get().contains("aborted");
    }

    private static TopicRecord topic(String name) {
        return new TopicRecord().setName(name).setTopicId(Uuid.randomUuid());
    }

    private static Batch<ApiMessageAndVersion> batch(long offset, ApiMessage... records) {
        return Batch.data(offset, 1, 0, 10,
            Arrays.stream(records).map(record -> new ApiMessageAndVersion(record, (short) 0)).toList());
    }
}
