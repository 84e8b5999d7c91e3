package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.ScriptedClient;
import org.apache.kafka.clients.StandingTime;
import org.apache.kafka.clients.consumer.internals.ReleasedConsumer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.MetadataResponse;

import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Findings, reproduced on the released consumer with its defaults. */
final class ClientFindings {
    private static final String NAME = "RetryAssignedOnly";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TOPIC = "t";
    private static final int BROKER = 1;
    private static final short METADATA_VERSION = 13;
    private static final long START_MS = 1_000_000;
    private static final long GIVE_UP_MS = 60_000;

    private final PrintStream out;
    private final StandingTime time = new StandingTime();
    private final Uuid topicId = Uuid.randomUuid();
    private final ReleasedConsumer consumer;
    private long nowMs = START_MS;

    private ClientFindings(PrintStream out) {
        this.out = out;
        Map<String, Object> properties = new HashMap<>(Map.of("auto.offset.reset", "earliest"));
        time.set(nowMs * 1_000_000);
        consumer = new ReleasedConsumer(properties, List.of(TOPIC),
            List.of(InetSocketAddress.createUnresolved("localhost", 9092)), time);
    }

    /** True if it is shown, and its control is not. */
    static boolean run(String name, PrintStream out) throws IOException {
        if (!name.equals(NAME) && !name.equals("all")) {
            throw new BadDialogue("no finding " + name + "; there is " + NAME);
        }
        out.println(NAME + ": the answer to OffsetForLeaderEpoch is lost if it has an error for a partition that has been"
            + " unassigned");
        out.println("\nboth partitions stay assigned:");
        long control = new ClientFindings(out).validated(false);
        out.println("\npartition 1 is unassigned while the request is under way:");
        long triggered = new ClientFindings(out).validated(true);
        boolean shown = control == 0 && triggered > 1_000;
        out.println("\n" + (shown ? "SHOWN" : "NOT SHOWN"));
        return shown;
    }

    /** After how many ms partition 0, whose position the broker has found valid, is fetched again. */
    private long validated(boolean unassigns) throws IOException {
        assign("[[0,0],[0,1]]");
        metadata(0);
        consumer.network().opened(BROKER);
        settle();
        var listed = new ListOffsetsResponseData();
        listed.topics().add(new ListOffsetsResponseData.ListOffsetsTopicResponse().setName(TOPIC).setPartitions(List.of(
            new ListOffsetsResponseData.ListOffsetsPartitionResponse().setPartitionIndex(0).setOffset(0).setLeaderEpoch(0),
            new ListOffsetsResponseData.ListOffsetsPartitionResponse().setPartitionIndex(1).setOffset(0).setLeaderEpoch(0))));
        consumer.network().answer(BROKER, ApiKeys.LIST_OFFSETS, listed, nowMs);
        settle();
        consumer.network().answer(BROKER, ApiKeys.FETCH, new FetchResponseData().setResponses(List.of(
            new FetchResponseData.FetchableTopicResponse().setTopicId(topicId).setPartitions(List.of(fetched(0), fetched(1))))),
            nowMs);
        settle();
        metadata(1);
        settle();
        say("has read up to epoch 0 and learns of epoch 1");
        consumer.network().takeSent();
        if (unassigns) {
            assign("[[0,0]]");
        }
        var ends = new OffsetForLeaderEpochResponseData();
        ends.topics().add(new OffsetForLeaderEpochResponseData.OffsetForLeaderTopicResult().setTopic(TOPIC).setPartitions(List.of(
            new OffsetForLeaderEpochResponseData.EpochEndOffset().setPartition(0).setLeaderEpoch(0).setEndOffset(1),
            new OffsetForLeaderEpochResponseData.EpochEndOffset().setPartition(1)
                .setErrorCode(Errors.FENCED_LEADER_EPOCH.code()))));
        consumer.network().answer(BROKER, ApiKeys.OFFSET_FOR_LEADER_EPOCH, ends, nowMs);
        settle();
        say("the broker has answered: epoch 0 ends at 1 in partition 0, FENCED_LEADER_EPOCH for partition 1");
        long answeredMs = nowMs;
        while (!state(0).startsWith("FETCHING") && nowMs - answeredMs < GIVE_UP_MS) {
            advance(100);
            settle();
            for (ScriptedClient.Sent sent : consumer.network().takeSent()) {
                if (sent.api() == ApiKeys.OFFSET_FOR_LEADER_EPOCH) {
                    say("asks again");
                    ends.topics().find(TOPIC).setPartitions(List.of(new OffsetForLeaderEpochResponseData.EpochEndOffset()
                        .setPartition(0).setLeaderEpoch(0).setEndOffset(1)));
                    consumer.network().answer(BROKER, ApiKeys.OFFSET_FOR_LEADER_EPOCH, ends, nowMs);
                    settle();
                }
            }
        }
        out.printf("  partition 0 is fetched again %d ms after the answer%n", nowMs - answeredMs);
        return nowMs - answeredMs;
    }

    private void settle() {
        consumer.settle(nowMs);
    }

    private void advance(long ms) {
        nowMs += ms;
        time.set(nowMs * 1_000_000);
    }

    private String state(int partition) {
        return consumer.state("position", JSON.createObjectNode().set("partition", JSON.createArrayNode().add(0).add(partition)));
    }

    private void say(String what) {
        out.printf("  %6d ms  %s%n             partition 0: %s; partition 1: %s%n", nowMs - START_MS, what, state(0), state(1));
    }

    private void assign(String partitions) throws IOException {
        JsonNode body = JSON.createObjectNode().set("partitions", JSON.readTree(partitions));
        consumer.call("assign", body, nowMs);
    }

    private FetchResponseData.PartitionData fetched(int partition) {
        return new FetchResponseData.PartitionData().setPartitionIndex(partition).setHighWatermark(1).setLastStableOffset(1)
            .setLogStartOffset(0).setRecords(MemoryRecords.withRecords(0L, Compression.NONE, 0,
                new SimpleRecord(0L, new byte[Long.BYTES])));
    }

    /** Broker 1 leads both partitions in this epoch. */
    private void metadata(int epoch) {
        List<MetadataResponseData.MetadataResponsePartition> partitions = new ArrayList<>();
        for (int partition = 0; partition < 2; partition++) {
            partitions.add(new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(partition).setLeaderId(BROKER)
                .setLeaderEpoch(epoch).setReplicaNodes(List.of(BROKER)).setIsrNodes(List.of(BROKER)));
        }
        MetadataResponseData response = new MetadataResponseData().setClusterId("cluster");
        response.topics().add(
            new MetadataResponseData.MetadataResponseTopic().setName(TOPIC).setTopicId(topicId).setPartitions(partitions));
        response.brokers().add(
            new MetadataResponseData.MetadataResponseBroker().setNodeId(BROKER).setHost("" + BROKER).setPort(9092));
        consumer.metadata().updateWithCurrentRequestVersion(new MetadataResponse(response, METADATA_VERSION), false, nowMs);
    }
}
