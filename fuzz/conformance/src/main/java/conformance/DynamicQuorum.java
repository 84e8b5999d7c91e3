package conformance;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.raft.RaftNode;
import org.apache.kafka.raft.Setup;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The nodes of a recording whose voters change (KIP-853): three voters with formatted disks, and one more controller. All of
 * them join by themselves.
 */
final class DynamicQuorum {
    static final int NODES = 4;
    private static final int VOTERS = 3;
    private static final int PORT = 9093;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String clusterId;

    DynamicQuorum(String clusterId) {
        this.clusterId = clusterId;
    }

    Setup setup(int id, String listener, Map<String, String> properties, List<String> raftListeners) {
        Map<String, String> all = new HashMap<>(properties);
        StringBuilder servers = new StringBuilder();
        for (int node = 1; node <= NODES; node++) {
            servers.append(node == 1 ? "" : ",").append(host(node)).append(':').append(PORT);
        }
        all.put("controller.quorum.bootstrap.servers", servers.toString());
        all.put("controller.quorum.auto.join.enable", "true");
        return new Setup(id, clusterId, listener, 1, Map.of(), address(id), all, raftListeners);
    }

    /** What kafka-storage writes: all voters get the same checkpoint, others none. */
    Map<String, byte[]> formatted(int id, Map<Integer, Uuid> directories, String listener) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        if (id <= VOTERS) {
            Map<Integer, InetSocketAddress> addresses = new HashMap<>();
            Map<Integer, Uuid> ids = new HashMap<>();
            for (int voter = 1; voter <= VOTERS; voter++) {
                addresses.put(voter, address(voter));
                ids.put(voter, directories.get(voter));
            }
            files.put("__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
                RaftNode.bootstrapCheckpoint(ids, addresses, listener));
        }
        return files;
    }

    /** Whom a request to this destination reaches: bootstrap servers have ids of their own, from -2 downwards. */
    static int node(int destination) {
        return destination < 0 ? -1 - destination : destination;
    }

    ObjectNode addVoter(int id, Uuid directory, String listener, boolean ackWhenCommitted) {
        ObjectNode body = JSON.createObjectNode().put("clusterId", clusterId).put("timeoutMs", 1000).put("voterId", id)
            .put("voterDirectoryId", directory.toString()).put("ackWhenCommitted", ackWhenCommitted);
        body.putArray("listeners").addObject().put("name", listener).put("host", host(id)).put("port", PORT);
        return body;
    }

    ObjectNode removeVoter(int id, String directory) {
        return JSON.createObjectNode().put("clusterId", clusterId).put("voterId", id).put("voterDirectoryId", directory);
    }

    ObjectNode describeQuorum() {
        ObjectNode body = JSON.createObjectNode();
        body.putArray("topics").addObject().put("topicName", "__cluster_metadata").putArray("partitions").addObject()
            .put("partitionIndex", 0);
        return body;
    }

    /** ControllerApis answers it, not the raft client: what a leader reads of it. */
    static ObjectNode apiVersions() {
        ObjectNode body = JSON.createObjectNode().put("errorCode", 0).put("throttleTimeMs", 0);
        body.putArray("apiKeys");
        body.putArray("supportedFeatures").addObject()
            .put("name", "kraft.version").put("minVersion", 0).put("maxVersion", 1);
        return body;
    }

    private static String host(int id) {
        return "controller-" + id;
    }

    private static InetSocketAddress address(int id) {
        return InetSocketAddress.createUnresolved(host(id), PORT);
    }
}
