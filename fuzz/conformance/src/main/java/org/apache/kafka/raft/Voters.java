package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.raft.internals.KRaftControlRecordStateMachine;
import org.apache.kafka.server.common.Feature;

import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The voters by the control records of a client's log (KIP-853). */
final class Voters {
    private static final Field PARTITION_STATE = partitionState();

    private Voters() {
    }

    /** What the client has read of its log, committed or not. Releases up to 4.4 give it to nobody. */
    static KRaftControlRecordStateMachine partitionState(KafkaRaftClient<byte[]> client) {
        try {
            return (KRaftControlRecordStateMachine) PARTITION_STATE.get(client);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Voters with directories and the range of kraft.version of this release. */
    static VoterSet of(Map<Integer, Uuid> directories, Map<Integer, InetSocketAddress> addresses, ListenerName listener) {
        Map<Integer, VoterSet.VoterNode> voters = new HashMap<>();
        directories.forEach((id, directory) -> voters.put(id, VoterSet.VoterNode.of(ReplicaKey.of(id, directory),
            Endpoints.fromInetSocketAddresses(Map.of(listener, addresses.get(id))),
            Feature.KRAFT_VERSION.supportedVersionRange())));
        return VoterSet.fromMap(voters);
    }

    /** As a dialogue writes them: ascending by id. */
    static JsonNode toJson(VoterSet voters) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        List<VotersRecord.Voter> ascending = new ArrayList<>(voters.toVotersRecord((short) 0).voters());
        ascending.sort(Comparator.comparingInt(VotersRecord.Voter::voterId));
        for (VotersRecord.Voter voter : ascending) {
            ObjectNode json = array.addObject().put("id", voter.voterId());
            boolean hasDirectory = !voter.voterDirectoryId().equals(ReplicaKey.NO_DIRECTORY_ID);
            json.put("directory_id", hasDirectory ? voter.voterDirectoryId().toString() : null);
            ArrayNode endpoints = json.putArray("endpoints");
            voter.endpoints().forEach(endpoint -> endpoints.addObject()
                .put("name", endpoint.name()).put("host", endpoint.host()).put("port", endpoint.port()));
            json.put("min_kraft_version", voter.kRaftVersionFeature().minSupportedVersion())
                .put("max_kraft_version", voter.kRaftVersionFeature().maxSupportedVersion());
        }
        return array;
    }

    private static Field partitionState() {
        try {
            Field field = KafkaRaftClient.class.getDeclaredField("partitionState");
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }
}
