package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.raft.generated.QuorumStateDataJsonConverter;
import org.apache.kafka.server.common.KRaftVersion;

import java.io.File;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The file {@code quorum-state}: read by Kafka's own class; what would be written is only said, since the next boot finds
 * the disk that the dialogue says.
 */
final class RecordedElections implements QuorumStateStore {
    private final FileQuorumStateStore file;
    private final Consumer<Entry> outputs;
    private Optional<ElectionState> written = Optional.empty();
    private String content = null;

    RecordedElections(File file, Consumer<Entry> outputs) {
        this.file = new FileQuorumStateStore(file);
        this.outputs = outputs;
    }

    @Override
    public Optional<ElectionState> readElectionState() {
        return written.isPresent() ? written : file.readElectionState();
    }

    @Override
    public void writeElectionState(ElectionState state, KRaftVersion kraftVersion) {
        short version = kraftVersion.quorumStateVersion();
        ObjectNode json = (ObjectNode) QuorumStateDataJsonConverter.write(state.toQuorumStateData(version), version);
        written = Optional.of(state);
        content = json.put("data_version", version).toString();
        outputs.accept(new Entry("quorum_state", json));
    }

    /** What the file would have, or nothing if nothing was written in this life. */
    Optional<String> content() {
        return Optional.ofNullable(content);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public void clear() {
        throw new UnsupportedOperationException("the raft client does not clear its quorum state");
    }
}
