package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.metadata.properties.MetaProperties;
import org.apache.kafka.metadata.properties.PropertiesUtils;
import org.apache.kafka.raft.ElectionState;
import org.apache.kafka.raft.FileQuorumStateStore;
import org.apache.kafka.storage.internals.checkpoint.LeaderEpochCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile;
import org.apache.kafka.storage.internals.log.EpochEntry;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The small files of a log directory, as the released classes read them. */
final class StateFiles {
    private final Report report;
    private final Path directory;
    private final JsonNode json;

    StateFiles(Report report, Path directory, JsonNode json) {
        this.report = report;
        this.directory = directory;
        this.json = json;
    }

    void compare() {
        String without = hasDamage("meta.properties", "directory.id is missing") ? ".directory_id" : "";
        file("meta.properties", "state.meta.properties" + without, () -> {
            JsonNode meta = json.get("meta_properties");
            MetaProperties kafka = new MetaProperties.Builder(
                PropertiesUtils.readPropertiesFile(path("meta.properties").getPath())).build();
            if (kafka.nodeId().isEmpty() || kafka.clusterId().isEmpty()) {
                throw new IOException("KafkaRaftServer.initializeLogDirs refuses it");
            }
            return kafka.clusterId().orElse("").equals(meta.path("cluster.id").asText())
                && kafka.nodeId().orElse(-1) == meta.path("node.id").asInt()
                && kafka.directoryId().map(Object::toString).orElse("").equals(meta.path("directory.id").asText());
        });
        file("__cluster_metadata-0/quorum-state", () -> {
            JsonNode state = json.get("quorum_state");
            ElectionState kafka =
                new FileQuorumStateStore(path("__cluster_metadata-0/quorum-state")).readElectionState().orElseThrow();
            return kafka.epoch() == state.path("leaderEpoch").asInt(-1)
                && kafka.leaderIdOrSentinel() == state.path("leaderId").asInt(-2)
                && kafka.optionalVotedKey().map(key -> key.id()).orElse(-1) == state.path("votedId").asInt(-2);
        });
        for (String name : new String[] {"recovery-point-offset-checkpoint", "replication-offset-checkpoint",
            "log-start-offset-checkpoint"}) {
            file(name, () -> checkpoint(name).equals(kafkaCheckpoint(name)));
        }
        for (JsonNode partition : json.get("partitions")) {
            String name = partition.get("directory").asText();
            file(name + "/partition.metadata", () -> new PartitionMetadataFile(path(name + "/partition.metadata"), null)
                .read().topicId().toString().equals(partition.path("topic_id").asText()));
            file(name + "/leader-epoch-checkpoint", () -> {
                TreeMap<Integer, Long> kafka = new TreeMap<>();
                for (EpochEntry entry : new LeaderEpochCheckpointFile(path(name + "/leader-epoch-checkpoint"), null).read()) {
                    kafka.put(entry.epoch(), entry.startOffset());
                }
                return kafka.equals(epochs(partition.get("leader_epochs")));
            });
        }
    }

    static TreeMap<Integer, Long> epochs(JsonNode list) {
        TreeMap<Integer, Long> epochs = new TreeMap<>();
        list.forEach(entry -> epochs.put(entry.get("epoch").asInt(), entry.get("start_offset").asLong()));
        return epochs;
    }

    private Map<TopicPartition, Long> checkpoint(String name) {
        Map<TopicPartition, Long> offsets = new java.util.HashMap<>();
        json.get("checkpoints").path(name).forEach(entry -> offsets.put(
            new TopicPartition(entry.get("topic").asText(), entry.get("partition").asInt()), entry.get("offset").asLong()));
        return offsets;
    }

    private Map<TopicPartition, Long> kafkaCheckpoint(String name) throws IOException {
        return new OffsetCheckpointFile(path(name), null).read();
    }

    private interface Comparison {
        boolean agrees() throws IOException;
    }

    private void file(String name, Comparison comparison) {
        file(name, "state." + path(name).getName(), comparison);
    }

    /** Compares a file that is there. One that Kafka cannot read must be damaged for the simulator, too. */
    private void file(String name, String difference, Comparison comparison) {
        if (!path(name).exists()) {
            return;
        }
        boolean isDamaged = hasDamage(name, "");
        boolean agrees;
        String problem = "they differ";
        try {
            agrees = comparison.agrees() && !isDamaged;
        } catch (IOException | RuntimeException e) {
            agrees = isDamaged;
            problem = e.toString();
        }
        String kafka = problem;
        report.judge("state files", difference, agrees, directory + "/" + name, () -> kafka);
    }

    /** Whether the simulator says of this file that it is damaged, and that this is the problem. */
    private boolean hasDamage(String name, String problem) {
        for (JsonNode damage : json.get("damage")) {
            if (damage.get("file").asText().equals(name) && damage.get("problem").asText().contains(problem)) {
                return true;
            }
        }
        return false;
    }

    private File path(String name) {
        return directory.resolve(name).toFile();
    }
}
