package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.FileRawSnapshotWriter;
import org.apache.kafka.snapshot.RawSnapshotWriter;
import org.apache.kafka.snapshot.RecordsSnapshotWriter;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The snapshots that other threads of the node write, and the files of all. A snapshot is written at once, and the force and
 * the renaming of its file (FileRawSnapshotWriter.freeze) come later, when the dialogue says that they are done: what the
 * client does meanwhile does not know it.
 */
final class Snapshots {
    private static final String COMPLETE = ".checkpoint";
    private static final String EXPIRED = ".checkpoint.deleted";

    private final Path directory;
    private final Map<OffsetAndEpoch, Deferred> written = new HashMap<>();

    Snapshots(Path directory) {
        this.directory = directory;
    }

    static ObjectNode body(OffsetAndEpoch id) {
        return JsonNodeFactory.instance.objectNode().put("end", id.offset()).put("epoch", id.epoch());
    }

    static String path(Path directory, OffsetAndEpoch id) {
        return directory.resolve(org.apache.kafka.snapshot.Snapshots.filenameFromSnapshotId(id)).toString();
    }

    /** The values of the records in the data batches of a snapshot. */
    static List<byte[]> records(byte[] snapshot) {
        List<byte[]> records = new ArrayList<>();
        for (RecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(snapshot)).batches()) {
            if (!batch.isControlBatch()) {
                for (Record record : batch) {
                    byte[] value = new byte[record.valueSize()];
                    record.value().get(value);
                    records.add(value);
                }
            }
        }
        return records;
    }

    /** The bytes of the snapshot 0-0 with these voters, and no records. */
    static byte[] bootstrap(VoterSet voters) throws IOException {
        OffsetAndEpoch id = org.apache.kafka.snapshot.Snapshots.BOOTSTRAP_SNAPSHOT_ID;
        Path directory = Files.createTempDirectory("formatted");
        Path file = Path.of(path(directory, id) + COMPLETE);
        try {
            new RecordsSnapshotWriter.Builder()
                .setMaxBatchSizeBytes(KafkaRaftClient.MAX_BATCH_SIZE_BYTES)
                .setRawSnapshotWriter(FileRawSnapshotWriter.create(directory, id))
                .setKraftVersion(KRaftVersion.KRAFT_VERSION_1)
                .setVoterSet(Optional.of(voters))
                .build(BytesSerde.INSTANCE)
                .freeze();
            return Files.readAllBytes(file);
        } finally {
            Files.deleteIfExists(file);
            Files.delete(directory);
        }
    }

    /** What the log gives to who creates a snapshot. */
    RawSnapshotWriter created(RawSnapshotWriter writer) {
        Deferred deferred = new Deferred(writer);
        written.put(writer.snapshotId(), deferred);
        return deferred.asWriter();
    }

    /** As SnapshotEmitter writes one, up to its name. */
    static void write(SnapshotWriter<byte[]> writer, List<byte[]> records) {
        if (!records.isEmpty()) {
            writer.append(records);
        }
        writer.freeze();
    }

    /** The content of the file, with the model's order of voters, or nothing if no such snapshot was written. */
    Optional<byte[]> freeze(OffsetAndEpoch id, byte[] model) throws IOException {
        Deferred deferred = written.remove(id);
        if (deferred == null) {
            return Optional.empty();
        }
        deferred.writer.freeze();
        Path file = Path.of(path(directory, id) + COMPLETE);
        byte[] bytes = Files.readAllBytes(file);
        byte[] ordered = SetOrder.asInModel(bytes, model);
        if (ordered != bytes) {
            file.toFile().setWritable(true);
            Files.write(file, ordered);
            file.toFile().setReadOnly();
        }
        return Optional.of(ordered);
    }

    boolean close(OffsetAndEpoch id) {
        Deferred deferred = written.remove(id);
        if (deferred != null) {
            deferred.writer.close();
        }
        return deferred != null;
    }

    /** Those that were renamed and not deleted yet, ascending. */
    Set<OffsetAndEpoch> expired() throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.filter(path -> path.toString().endsWith(EXPIRED))
                .map(path -> org.apache.kafka.snapshot.Snapshots.parse(path).orElseThrow().snapshotId())
                .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    /** Does everything at once but what makes the file a snapshot. */
    private record Deferred(RawSnapshotWriter writer) {
        RawSnapshotWriter asWriter() {
            RawSnapshotWriter inner = writer;
            return (RawSnapshotWriter) java.lang.reflect.Proxy.newProxyInstance(Snapshots.class.getClassLoader(),
                new Class<?>[] {RawSnapshotWriter.class}, (proxy, method, arguments) ->
                    method.getName().equals("freeze") ? null : method.invoke(inner, arguments));
        }
    }
}
