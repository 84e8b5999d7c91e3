package conformance.disks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Endpoint;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.RegisterBrokerRecord;
import org.apache.kafka.common.metadata.RegisterControllerRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.FileLogInputStream.FileChannelRecordBatch;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.LogContext;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.loader.LoaderManifest;
import org.apache.kafka.image.loader.MetadataLoader;
import org.apache.kafka.image.publisher.MetadataPublisher;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.metadata.VersionRange;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.raft.internals.MemoryBatchReader;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.snapshot.FileRawSnapshotReader;
import org.apache.kafka.snapshot.RecordsSnapshotReader;
import org.apache.kafka.snapshot.SnapshotPath;
import org.apache.kafka.snapshot.SnapshotReader;
import org.apache.kafka.snapshot.Snapshots;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The image of a metadata log, by the released MetadataLoader, to which the records are given as by the metadata shell
 * (SnapshotFileReader); and this image as the simulator writes it, with its digest.
 */
final class Image {
    private static final int SECONDS = 20;
    private static final int MAX_BATCH_BYTES = 8 * 1024 * 1024;

    /** The order of end points and features, which Kafka's maps do not keep. */
    private final Map<Integer, RegisterBrokerRecord> brokers = new HashMap<>();
    private final Map<Integer, RegisterControllerRecord> controllers = new HashMap<>();
    private long digest = 0;

    /**
     * The image of these segments, up to a byte of the last; null if they hold no metadata record. The order of lists is that
     * of a snapshot, if there is one, and of the log from its end on. The loader is given the snapshot if the log is trimmed,
     * else the whole log.
     */
    ObjectNode load(List<File> segments, Long lastBytes, File snapshot, long snapshotEnd, boolean isTrimmed)
        throws IOException {
        List<Batch<ApiMessageAndVersion>> batches = new ArrayList<>();
        if (snapshot != null) {
            try (FileRecords records = FileRecords.open(snapshot, false)) {
                for (FileChannelRecordBatch batch : records.batches()) {
                    if (!batch.isControlBatch()) {
                        decode(batch, true);
                    }
                }
            }
        }
        for (File segment : segments) {
            boolean isLast = segment == segments.get(segments.size() - 1);
            int end = isLast && lastBytes != null ? lastBytes.intValue() : Integer.MAX_VALUE;
            try (FileRecords records = FileRecords.open(segment, false)) {
                int position = 0;
                // Kafka's iterator looks one batch ahead, and throws at bytes that are none.
                for (var all = records.batches().iterator(); position < end && all.hasNext();) {
                    FileChannelRecordBatch batch = all.next();
                    position += batch.sizeInBytes();
                    boolean isBehind = batch.baseOffset() >= snapshotEnd;
                    if (!batch.isControlBatch() && (isBehind || !isTrimmed)) {
                        batches.add(Batch.data(batch.baseOffset(), batch.partitionLeaderEpoch(), batch.maxTimestamp(),
                            batch.sizeInBytes(), decode(batch, isBehind)));
                    }
                }
            }
        }
        SnapshotReader<ApiMessageAndVersion> reader = isTrimmed && snapshot != null ? reader(snapshot.toPath()) : null;
        return batches.isEmpty() && reader == null ? null : json(image(reader, batches));
    }

    private static SnapshotReader<ApiMessageAndVersion> reader(Path snapshot) {
        SnapshotPath parsed = Snapshots.parse(snapshot).orElseThrow();
        return RecordsSnapshotReader.of(FileRawSnapshotReader.open(snapshot.getParent(), parsed.snapshotId()),
            MetadataRecordSerde.INSTANCE, BufferSupplier.NO_CACHING, MAX_BATCH_BYTES, true, new LogContext());
    }

    private List<ApiMessageAndVersion> decode(FileChannelRecordBatch batch, boolean isNoted) {
        List<ApiMessageAndVersion> messages = new ArrayList<>();
        for (Record record : batch) {
            ApiMessageAndVersion message =
                MetadataRecordSerde.INSTANCE.read(new ByteBufferAccessor(record.value()), record.valueSize());
            messages.add(message);
            if (isNoted) {
                note(message.message());
            }
        }
        return messages;
    }

    private void note(ApiMessage message) {
        if (message instanceof RegisterBrokerRecord record) {
            brokers.put(record.brokerId(), record);
        } else if (message instanceof RegisterControllerRecord record) {
            controllers.put(record.controllerId(), record);
        }
    }

    private static MetadataImage image(SnapshotReader<ApiMessageAndVersion> snapshot,
        List<Batch<ApiMessageAndVersion>> batches) throws IOException {
        CompletableFuture<MetadataImage> published = new CompletableFuture<>();
        MetadataPublisher publisher = new MetadataPublisher() {
            @Override
            public String name() {
                return "comparison";
            }

            @Override
            public void onMetadataUpdate(MetadataDelta delta, MetadataImage image, LoaderManifest manifest) {
                published.complete(image);
            }
        };
        long end = batches.isEmpty() ? snapshot.snapshotId().offset() : batches.get(batches.size() - 1).lastOffset() + 1;
        MetadataLoader loader = new MetadataLoader.Builder()
            .setNodeId(-1)
            .setFaultHandler((message, cause) -> {
                RuntimeException fault = new RuntimeException(message + ": " + cause, cause);
                published.completeExceptionally(fault);
                return fault;
            })
            .setHighWaterMarkAccessor(() -> OptionalLong.of(end))
            .setSupportedConfigChecker(org.apache.kafka.metadata.SupportedConfigChecker.TRUE)
            .build();
        try {
            if (snapshot != null) {
                loader.handleLoadSnapshot(snapshot);
            }
            batches.forEach(batch -> loader.handleCommit(MemoryBatchReader.of(List.of(batch), reader -> { })));
            loader.installPublishers(List.of(publisher)).get(SECONDS, TimeUnit.SECONDS);
            return published.get(SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new IOException("the released loader publishes no image: " + e, e);
        } finally {
            try {
                loader.close();
            } catch (Exception e) {
                throw new IOException(e);
            }
        }
    }

    private ObjectNode json(MetadataImage image) {
        ObjectNode json = Kraftsim.JSON.createObjectNode();
        features(image, json.putObject("features"));
        ArrayNode list = json.putArray("brokers");
        new TreeMap<>(image.cluster().brokers()).values().forEach(it -> broker(it, list.addObject()));
        ArrayNode controllerList = json.putArray("controllers");
        new TreeMap<>(image.cluster().controllers()).values().forEach(it -> controller(it, controllerList.addObject()));
        ArrayNode topics = json.putArray("topics");
        image.topics().topicsById().values().forEach(topic -> {
            digest += new Digest(Digest.TOPIC).uuid(topic.id()).text(topic.name()).finish();
            ObjectNode node = topics.addObject().put("name", topic.name()).put("id", topic.id().toString());
            ArrayNode partitions = node.putArray("partitions");
            new TreeMap<>(topic.partitions()).forEach((id, it) -> partition(topic.id(), id, it, partitions.addObject()));
        });
        ArrayNode configs = json.putArray("configs");
        image.configs().resourceData().forEach((resource, values) -> {
            ObjectNode node = configs.addObject().put("type", resource.type().id()).put("name", resource.name());
            ObjectNode map = node.putObject("values");
            values.data().forEach((name, value) -> {
                map.put(name, value);
                digest += new Digest(Digest.CONFIG).number(resource.type().id()).text(resource.name()).text(name)
                    .text(value).finish();
            });
        });
        long next = image.producerIds().nextProducerId();
        json.put("next_producer_id", Math.max(next, 0));
        if (!image.producerIds().isEmpty()) {
            digest += new Digest(Digest.PRODUCER_IDS).number(next).number(next).finish();
        }
        json.put("digest", String.format("%016x", digest));
        return json;
    }

    private void features(MetadataImage image, ObjectNode json) {
        Map<String, Short> levels = new TreeMap<>(image.features().finalizedVersions());
        image.features().metadataVersion()
            .ifPresent(version -> levels.put(MetadataVersion.FEATURE_NAME, version.featureLevel()));
        levels.forEach((name, level) -> {
            json.put(name, level);
            digest += new Digest(Digest.FEATURE).text(name).number(level).finish();
        });
    }

    private void broker(org.apache.kafka.metadata.BrokerRegistration broker, ObjectNode json) {
        json.put("id", broker.id()).put("epoch", broker.epoch())
            .put("incarnation_id", broker.incarnationId().toString()).put("rack", broker.rack().orElse(null))
            .put("fenced", broker.fenced()).put("in_controlled_shutdown", broker.inControlledShutdown());
        endPoints(broker.listeners().values(), json.putArray("end_points"));
        ranges(broker.supportedFeatures(), json.putArray("features"));
        uuids(broker.directories(), json.putArray("log_dirs"));
        if (broker.cordonedDirectories() == null) {
            json.putNull("cordoned_log_dirs");
        } else {
            uuids(broker.cordonedDirectories(), json.putArray("cordoned_log_dirs"));
        }
        RegisterBrokerRecord record = brokers.get(broker.id());
        Digest walk = new Digest(Digest.BROKER).number(broker.id()).number(broker.epoch()).uuid(broker.incarnationId());
        walk.number(record.endPoints().size());
        record.endPoints().forEach(it -> endPoint(it.name(), broker.listeners().get(it.name()), walk));
        walk.number(record.features().size());
        record.features().forEach(it -> range(it.name(), broker.supportedFeatures().get(it.name()), walk));
        walk.flag(broker.rack().isPresent());
        broker.rack().ifPresent(walk::text);
        walk.flag(broker.fenced()).flag(broker.inControlledShutdown()).flag(record.isMigratingZkBroker());
        walk.uuids(broker.directories());
        walk.flag(broker.cordonedDirectories() != null);
        if (broker.cordonedDirectories() != null) {
            walk.uuids(broker.cordonedDirectories());
        }
        digest += walk.finish();
    }

    private void controller(org.apache.kafka.metadata.ControllerRegistration controller, ObjectNode json) {
        json.put("id", controller.id()).put("incarnation_id", controller.incarnationId().toString())
            .put("zk_migration_ready", controller.zkMigrationReady());
        endPoints(controller.listeners().values(), json.putArray("end_points"));
        ranges(controller.supportedFeatures(), json.putArray("features"));
        RegisterControllerRecord record = controllers.get(controller.id());
        Digest walk = new Digest(Digest.CONTROLLER).number(controller.id()).uuid(controller.incarnationId())
            .flag(controller.zkMigrationReady());
        walk.number(record.endPoints().size());
        record.endPoints().forEach(it -> endPoint(it.name(), controller.listeners().get(it.name()), walk));
        walk.number(record.features().size());
        record.features().forEach(it -> range(it.name(), controller.supportedFeatures().get(it.name()), walk));
        digest += walk.finish();
    }

    private void partition(Uuid topic, int id, PartitionRegistration it, ObjectNode json) {
        json.put("partition", id).put("leader", it.leader).put("leader_epoch", it.leaderEpoch)
            .put("leader_recovery_state", it.leaderRecoveryState.value()).put("partition_epoch", it.partitionEpoch);
        numbers(it.replicas, json.putArray("replicas"));
        numbers(it.isr, json.putArray("isr"));
        numbers(it.removingReplicas, json.putArray("removing_replicas"));
        numbers(it.addingReplicas, json.putArray("adding_replicas"));
        numbers(it.elr, json.putArray("elr"));
        numbers(it.lastKnownElr, json.putArray("last_known_elr"));
        uuids(Arrays.asList(it.directories), json.putArray("directories"));
        digest += new Digest(Digest.PARTITION).uuid(topic).number(id).numbers(it.replicas).numbers(it.isr)
            .numbers(it.removingReplicas).numbers(it.addingReplicas).uuids(Arrays.asList(it.directories)).numbers(it.elr)
            .numbers(it.lastKnownElr).number(it.leader).number(it.leaderRecoveryState.value()).number(it.leaderEpoch)
            .number(it.partitionEpoch).finish();
    }

    private static void endPoint(String name, Endpoint it, Digest walk) {
        walk.text(name).text(it.host()).number(it.port()).number(it.securityProtocol().id);
    }

    private static void range(String name, VersionRange it, Digest walk) {
        walk.text(name).number(it.min()).number(it.max());
    }

    private static void endPoints(Collection<Endpoint> endPoints, ArrayNode list) {
        endPoints.forEach(it -> list.addObject().put("name", it.listener()).put("host", it.host()).put("port", it.port())
            .put("securityProtocol", it.securityProtocol().id));
    }

    private static void ranges(Map<String, VersionRange> features, ArrayNode list) {
        features.forEach((name, range) -> list.addObject().put("name", name).put("minSupportedVersion", range.min())
            .put("maxSupportedVersion", range.max()));
    }

    private static void numbers(int[] numbers, ArrayNode list) {
        Arrays.stream(numbers).forEach(list::add);
    }

    private static void uuids(List<Uuid> ids, ArrayNode list) {
        ids.forEach(id -> list.add(id.toString()));
    }
}
