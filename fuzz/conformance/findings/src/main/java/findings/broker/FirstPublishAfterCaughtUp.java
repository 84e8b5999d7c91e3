package findings.broker;

import findings.Clock;
import findings.Finding;
import findings.Forces;
import findings.Logs;
import findings.Steps;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.metadata.ConfigRecord;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.apache.kafka.image.loader.LoaderManifest;
import org.apache.kafka.image.loader.MetadataLoader;
import org.apache.kafka.image.loader.metrics.MetadataLoaderMetrics;
import org.apache.kafka.image.publisher.MetadataPublisher;
import org.apache.kafka.raft.MetadataLogs;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.server.fault.FaultHandler;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/** A broker counts as caught up at the end of its own metadata log, and takes logs of later topics for strays. */
public final class FirstPublishAfterCaughtUp extends Finding {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final int FILLERS = 60;
    private static final long LOADER_MS = 30_000;
    private static final int FILLER_BYTES = 30_000;

    @Override
    public String summary() {
        return "A broker that lost the tail of its metadata log publishes an old image and sets live replicas aside as strays.";
    }

    @Override
    public String trigger() {
        return "a power loss of the broker before the last controller.quorum.fetch.max.bytes of its metadata log are on disk";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) throws Exception {
        Clock clock = new Clock();
        Uuid topic = Uuid.randomUuid();
        MetadataLogs metadata = new MetadataLogs(steps);
        int onDisk = write(metadata, topic);
        steps.say("controller", "metadata log: end %d, its last batch creates topic t with the ISR [%d]", metadata.end(),
            MetadataLogs.BROKER);
        List<Forces.Happened> forces = Forces.during(() -> {
            metadata.bootBroker();
            while (!metadata.brokerHasAll()) {
                metadata.fetch();
            }
        });
        boolean forced = forces.stream().anyMatch(force -> force.isForceOf(metadata.brokerSegment()));
        steps.say("broker 2", "has fetched it: %s; forces of its copy: %s", metadata.brokerState(), forced ? "some" : "none");
        Path directory = steps.directory("data");
        ReleasedLogManager before = steps.closing(new ReleasedLogManager(Broker.config(MetadataLogs.BROKER, directory), clock));
        before.startup();
        Logs.append(before.create(PARTITION, topic), 0, 5);
        before.close();
        if (triggered && !forced) {
            metadata.losePower(onDisk);
            steps.say("broker 2", "loses power; %d bytes of its metadata log are on disk", onDisk);
        } else {
            metadata.killBroker();
            steps.say("broker 2", "is killed");
        }
        steps.say("broker 2", "its data directory has %s", logs(directory));

        metadata.bootBroker();
        steps.say("broker 2", "boots: %s", metadata.brokerState());
        FaultHandler faults = (message, cause) -> {
            throw new IllegalStateException(message, cause);
        };
        ReleasedLogManager logs = steps.closing(new ReleasedLogManager(Broker.config(MetadataLogs.BROKER, directory), clock));
        MetadataLoader loader = steps.closing(loader(metadata, faults));
        CompletableFuture<String> first = new CompletableFuture<>();
        loader.installPublishers(List.of(logs.publisher(faults), watching(first))).get();
        metadata.register(loader);
        while (!isPublished(first)) {
            metadata.fetch();
            steps.say("broker 2", "fetches: %s", metadata.brokerState());
        }
        steps.say("broker 2", "publishes its first image: %s", first.get());
        steps.say("broker 2", "its data directory has %s", logs(directory));
        return logs(directory).stream().anyMatch(name -> name.endsWith("-stray"));
    }

    /** The loader has a thread of its own. The next answer to a Fetch comes when this one is handled. */
    private static boolean isPublished(CompletableFuture<String> first) throws Exception {
        try {
            first.get(LOADER_MS, TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        }
    }

    /** Writes the metadata log, and gives a size that cuts it after its first batches. */
    private static int write(MetadataLogs metadata, Uuid topic) {
        metadata.append(List.of(record(new FeatureLevelRecord()
            .setName(MetadataVersion.FEATURE_NAME).setFeatureLevel(MetadataVersion.latestProduction().featureLevel()), 0)));
        metadata.append(List.of(record(new TopicRecord().setName("early").setTopicId(Uuid.randomUuid()), 0)));
        for (int i = 0; i < FILLERS; i++) {
            metadata.append(List.of(record(new ConfigRecord().setResourceType(ConfigResource.Type.TOPIC.id())
                .setResourceName("early").setName("filler").setValue("x".repeat(FILLER_BYTES)), 0)));
        }
        metadata.append(List.of(
            record(new TopicRecord().setName("t").setTopicId(topic), 0),
            record(new PartitionRecord().setTopicId(topic).setPartitionId(0).setReplicas(List.of(MetadataLogs.BROKER))
                .setIsr(List.of(MetadataLogs.BROKER)).setLeader(MetadataLogs.BROKER)
                .setDirectories(List.of(new Uuid(88, MetadataLogs.BROKER))),
                MetadataVersion.latestProduction().partitionRecordVersion())));
        return FILLER_BYTES;
    }

    private static ApiMessageAndVersion record(ApiMessage record, int version) {
        return new ApiMessageAndVersion(record, (short) version);
    }

    private static MetadataLoader loader(MetadataLogs metadata, FaultHandler faults) {
        return new MetadataLoader.Builder()
            .setNodeId(MetadataLogs.BROKER)
            .setFaultHandler(faults)
            .setHighWaterMarkAccessor(metadata::brokerHighWatermark)
            .setMetrics(new MetadataLoaderMetrics(
                Optional.empty(), elapsed -> { }, size -> { }, new AtomicReference<>(MetadataProvenance.EMPTY)))
            .build();
    }

    /** Keeps what the first published image has. */
    private static MetadataPublisher watching(CompletableFuture<String> first) {
        return new MetadataPublisher() {
            @Override
            public String name() {
                return "watching";
            }

            @Override
            public void onMetadataUpdate(MetadataDelta delta, MetadataImage image, LoaderManifest manifest) {
                first.complete(String.format("offset %d, topics %s", image.highestOffsetAndEpoch().offset(),
                    image.topics().topicsByName().keySet()));
            }
        };
    }

    private static List<String> logs(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(Files::isDirectory).map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }
}
