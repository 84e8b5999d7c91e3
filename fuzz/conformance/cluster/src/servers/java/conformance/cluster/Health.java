package conformance.cluster;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartitionInfo;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Is the cluster well: all registered and unfenced, all replicas in their ISRs, all voters and observers caught up? */
public final class Health implements AutoCloseable {
    private static final int POLL_MS = 250;
    private static final int ANSWER_SECONDS = 5;
    /** The NoOp record comes every 500 ms: whoever is behind by more does not fetch. */
    private static final long CAUGHT_UP_MS = 1_500;

    private final RealCluster cluster;
    private final Admin admin;
    private String last = "no answer yet";

    public Health(RealCluster cluster) {
        this.cluster = cluster;
        Properties properties = new Properties();
        properties.put("bootstrap.servers", cluster.bootstrapServers());
        properties.put("default.api.timeout.ms", "5000");
        properties.put("request.timeout.ms", "3000");
        properties.put("client.id", "health");
        admin = Admin.create(properties);
    }

    public Admin admin() {
        return admin;
    }

    /** Waits until the cluster is well; these topics count. */
    public QuorumInfo awaitWell(int seconds, String... topics) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() < until) {
            cluster.checkAlive();
            try {
                QuorumInfo quorum = admin.describeMetadataQuorum().quorumInfo().get(ANSWER_SECONDS, TimeUnit.SECONDS);
                List<String> ills = ills(quorum, List.of(topics));
                if (ills.isEmpty()) {
                    return quorum;
                }
                last = String.join(", ", ills);
            } catch (ExecutionException | TimeoutException e) {
                last = e.toString();
            }
            Thread.sleep(POLL_MS);
        }
        throw new BadInput("the cluster is not well after " + seconds + " s: " + last);
    }

    private List<String> ills(QuorumInfo quorum, Collection<String> topics)
        throws ExecutionException, InterruptedException, TimeoutException {
        List<String> ills = new ArrayList<>();
        if (quorum.leaderId() < 0) {
            ills.add("no active controller");
        }
        lagging(quorum, quorum.voters(), cluster.controllers().size(), "voter", ills);
        lagging(quorum, quorum.observers(), cluster.brokers().size(), "observer", ills);
        DescribeClusterOptions options = new DescribeClusterOptions().includeFencedBrokers(true);
        Collection<Node> brokers = admin.describeCluster(options).nodes().get(ANSWER_SECONDS, TimeUnit.SECONDS);
        long fenced = brokers.stream().filter(Node::isFenced).count();
        if (brokers.size() < cluster.brokers().size() || fenced > 0) {
            ills.add(brokers.size() + " brokers registered, " + fenced + " of them fenced");
        }
        if (!topics.isEmpty()) {
            Map<String, TopicDescription> described =
                admin.describeTopics(topics).allTopicNames().get(ANSWER_SECONDS, TimeUnit.SECONDS);
            for (TopicDescription topic : described.values()) {
                for (TopicPartitionInfo partition : topic.partitions()) {
                    if (partition.leader() == null || partition.isr().size() < partition.replicas().size()) {
                        ills.add(topic.name() + "-" + partition.partition() + " has the ISR " + partition.isr());
                    }
                }
            }
        }
        return ills;
    }

    private static void lagging(QuorumInfo quorum, List<QuorumInfo.ReplicaState> replicas, int wanted, String kind,
                                List<String> ills) {
        long newest = replicas.stream().mapToLong(it -> it.lastCaughtUpTimestamp().orElse(-1)).max().orElse(-1);
        long well = replicas.stream().filter(it -> it.replicaId() == quorum.leaderId()
            || newest - it.lastCaughtUpTimestamp().orElse(-1) < CAUGHT_UP_MS
            && System.currentTimeMillis() - it.lastCaughtUpTimestamp().orElse(-1) < 2 * CAUGHT_UP_MS).count();
        if (well < wanted) {
            ills.add(well + " of " + wanted + " " + kind + "s caught up");
        }
    }

    @Override
    public void close() {
        admin.close(java.time.Duration.ZERO);
    }
}
