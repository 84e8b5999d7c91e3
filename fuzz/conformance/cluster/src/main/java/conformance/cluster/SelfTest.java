package conformance.cluster;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.metadata.BrokerRegistrationChangeRecord;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.RegisterBrokerRecord;
import org.apache.kafka.common.metadata.RemoveTopicRecord;
import org.apache.kafka.common.metadata.UnfenceBrokerRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Stories whose measures are known; those of phases and gaps come from the simulator's own tests. */
final class SelfTest {
    private static final Event.Partition ZERO = new Event.Partition("topic", 0);
    private static final Event.Partition ONE = new Event.Partition("topic", 1);

    private final Path command;
    private final Path work;
    private final Simulated simulation;
    private int failed;

    /** The simulated runs are some with equal latencies. */
    SelfTest(Path command, Path work, Simulated simulation) {
        this.command = command;
        this.simulation = simulation;
        this.work = work;
    }

    boolean run() throws IOException, InterruptedException {
        controllers();
        partitions();
        gaps();
        metadata();
        statistics();
        logs();
        trials();
        tolerances();
        histories();
        simulated();
        System.out.println(failed == 0 ? "each part notices what it should" : failed + " parts do not");
        return failed == 0;
    }

    private void same(String what, Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            failed++;
            System.out.println(what + ": " + expected + " was expected, not " + found);
        }
    }

    private void controllers() {
        List<Event> events = new ArrayList<>(List.of(
            new Event.Committed(90, 1, 9),
            new Event.Prospective(200, 2, 1),
            new Event.Candidate(210, 2, 2),
            new Event.Prospective(250, 3, 1),
            new Event.Elected(300, 2, 2),
            // The LeaderChange record: no controller is active yet.
            new Event.Committed(310, 2, 10),
            new Event.Activated(320, 2, 2),
            new Event.Committed(345, 2, 12),
            new Event.Published(350, 101, 10),
            new Event.Published(360, 102, 11)));
        Set<Integer> both = Set.of(101, 102);
        same("one broker is behind", Optional.empty(), ControllerFailover.of(100, 1, 1, both, events));
        ControllerFailover expected = new ControllerFailover(2, 100, 100, 20, 25, 15, List.of(100L, 150L), 1, 1);
        same("the other one is down", Optional.of(expected), ControllerFailover.of(100, 1, 1, Set.of(102), events));
        same("one vote", false, expected.isSplit());
        events.add(1, new Event.Candidate(150, 3, 2));
        same("a candidate that was not elected", Optional.of(true),
            ControllerFailover.of(100, 1, 1, Set.of(102), events).map(ControllerFailover::isSplit));
        events.removeIf(event -> event instanceof Event.Committed it && it.end() == 12);
        same("no commit after the claim", Optional.empty(), ControllerFailover.of(100, 1, 1, Set.of(102), events));
    }

    private void partitions() {
        Map<Event.Partition, Event.Led> before =
            Map.of(ZERO, new Event.Led(ZERO, 101, 0), ONE, new Event.Led(ONE, 101, 0));
        List<Event> events = new ArrayList<>(List.of(
            new Event.Metadata(100, Set.of(101), List.of(), Set.of()),
            new Event.Metadata(110, Set.of(), List.of(new Event.Led(ZERO, 102, 1), new Event.Led(ONE, -1, 1)), Set.of()),
            new Event.BecameLeader(120, 102, ZERO, 1),
            new Event.Metadata(130, Set.of(), List.of(new Event.Led(ONE, 102, 2)), Set.of()),
            // An earlier epoch: the partition waits for its newest leader.
            new Event.BecameLeader(135, 102, ONE, 1)));
        same("a partition waits for its leader", Optional.empty(), PartitionFailover.of(10, 101, before, events));
        events.add(new Event.BecameLeader(145, 102, ONE, 2));
        same("all are led", Optional.of(new PartitionFailover(2, 90, 30, 15)), PartitionFailover.of(10, 101, before, events));
        same("it leads nothing", Optional.empty(), PartitionFailover.of(10, 103, before, events));
    }

    private void gaps() {
        List<Gaps.Success> successes = new ArrayList<>();
        for (long ns : new long[] {100, 900, 1_050, 1_400, 1_500}) {
            successes.add(new Gaps.Success(ns, "produce", "produce/topic-0-0"));
        }
        // A success of another partition does not end this gap.
        successes.add(3, new Gaps.Success(1_200, "produce", "produce/topic-0-1"));
        same("the longest gap since the fault", Map.of("produce", 350L), Gaps.of(1_000, successes));
        same("the fault fell into it", Map.of("produce", 800L), Gaps.of(500, successes));
        same("the gap came before", Map.of(), Gaps.of(1_500, successes));
        String ok = "{:index 1, :time 500, :type :ok, :process ";
        same("the simulator's successes", List.of(new Gaps.Success(500, "produce", "produce/0/topic-0-2"),
            new Gaps.Success(500, "consume", "consume/3/topic-0-1")), SimulatedHistory.successes(Stream.of(
                ok + "1000004, :f :send, :value [[:send \"topic-0-2\" [320 219]]]}",
                ok + "3000002, :f :poll, :value [[:poll {\"topic-0-1\" [[372 329] [373 330]]}]]}",
                ok + "3000003, :f :poll, :value [[:poll {\"topic-0-0\" []}]]}",
                ok + "1000004, :f :send, :value [[:send \"passing-2-1\" [4 219]]]}",
                "{:index 0, :time 2229538881, :type :fail, :process 2000000, :f :producer-id, :value nil}")));
        long later = 31_000_000_000L;
        successes.add(new Gaps.Success(later, "produce", "produce/topic-0-0"));
        successes.add(new Gaps.Success(2 * later, "produce", "produce/topic-0-0"));
        same("the gap came long after", Map.of("produce", later - 1_500), Gaps.of(1_000, successes));
    }

    private void statistics() {
        double[] one = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        same("p50", 5.0, Statistics.quantile(one, 50));
        same("p90", 9.0, Statistics.quantile(one, 90));
        same("equal samples", 0.0, Statistics.distance(one, one.clone()));
        same("apart", 1.0, Statistics.distance(one, new double[] {11, 12}));
        same("half apart", 0.5, Statistics.distance(one, new double[] {6, 7, 8, 9, 10}));
    }

    private void logs() throws IOException {
        Node node = new Node(2, false, 0, Files.createDirectories(work.resolve("log")));
        Files.writeString(node.log(), """
            1970-01-01T00:00:00.000000004Z INFO QuorumState [RaftManager id=2] Completed transition to ProspectiveState(epoch=6, leaderId=OptionalInt[1], votedKey=Optional.empty) from FollowerState(fetchTimeoutMs=2000, epoch=6)
            1970-01-01T00:00:00.000000005Z INFO QuorumState [RaftManager id=2] Attempting durable transition to CandidateState(localId=2, epoch=7) from ProspectiveState(epoch=6)
            1970-01-01T00:00:00.000000006Z INFO QuorumState [RaftManager id=2] Completed transition to CandidateState(localId=2, epoch=7) from ProspectiveState(epoch=6)
            1970-01-01T00:00:00.000000007Z INFO QuorumState [RaftManager id=2] Completed transition to Leader(localVoterNode=VoterNode(voterKey=ReplicaKey(id=2, directoryId=Wvx_2BLQ5lDMAKkj0_QuNA)), epoch=7, epochStartOffset=12) from CandidateState(localId=2, epoch=7)
            1970-01-01T00:00:00.000000008Z INFO LeaderState [RaftManager id=2] High watermark set to LogOffsetMetadata(offset=13, metadata=Optional[(segmentBaseOffset=0,relativePositionInSegment=106)]) for the first time for epoch 7 based on indexOfHw 1 and voters [ReplicaState(endOffset=Optional[LogOffsetMetadata(offset=12)])]
            1970-01-01T00:00:00.000000009Z INFO QuorumController [QuorumController id=2] Becoming the active controller at epoch 7, next write offset 13.
            1970-01-01T00:00:00.000000010Z DEBUG BrokerMetadataPublisher [BrokerMetadataPublisher id=101] Publishing metadata at offset OffsetAndEpoch[offset=12, epoch=7] with metadata.version Optional[4.4-IV2].
            1970-01-01T00:00:00.000000011Z INFO logger [Broker id=102] Leader topic-0-1 with topic id Some(CfX_4k6T) starts at leader epoch 3 from offset 0 with partition epoch 5
            1970-01-01T00:00:00.000000012Z INFO logger [Broker id=102] Follower topic-0-1 starts at leader epoch 3 from offset 0 with partition epoch 5
            1970-01-01T00:00:00.00000001""");
        ServerLog log = new ServerLog(node);
        same("a log", List.of(new Event.Prospective(4, 2, 6), new Event.Candidate(6, 2, 7), new Event.Elected(7, 2, 7),
            new Event.Committed(8, 2, 13), new Event.Activated(9, 2, 7), new Event.Published(10, 2, 12),
            new Event.BecameLeader(11, 2, new Event.Partition("CfX_4k6T", 1), 3)), log.read());
        same("it is read once", List.of(), log.read());
    }

    private void metadata() throws IOException {
        Path directory = Files.createDirectories(work.resolve("metadata"));
        Uuid topic = Uuid.randomUuid();
        Event.Partition of = new Event.Partition(topic.toString(), 0);
        long end = append(directory, 0, new RegisterBrokerRecord().setBrokerId(101).setFenced(true),
            new RegisterBrokerRecord().setBrokerId(102).setFenced(false),
            new PartitionRecord().setTopicId(topic).setPartitionId(0).setLeader(101).setLeaderEpoch(4));
        MetadataLog log = new MetadataLog();
        same("one broker is fenced", Map.of(3L, new Event.Metadata(0, Set.of(101), List.of(new Event.Led(of, 101, 4)), Set.of())),
            log.read(directory, end));
        end = append(directory, end, new UnfenceBrokerRecord().setId(101),
            // Another ISR: the leader is not changed.
            new PartitionChangeRecord().setTopicId(topic).setPartitionId(0).setIsr(List.of(101)));
        long last = append(directory, end, new BrokerRegistrationChangeRecord().setBrokerId(102).setFenced((byte) 1),
            new PartitionChangeRecord().setTopicId(topic).setPartitionId(0).setLeader(-1),
            new RemoveTopicRecord().setTopicId(topic));
        same("no more is committed", Map.of(5L, new Event.Metadata(0, Set.of(), List.of(), Set.of())), log.read(directory, end));
        same("the rest is", Map.of(8L, new Event.Metadata(0, Set.of(102), List.of(new Event.Led(of, -1, 5)),
            Set.of(topic.toString()))), log.read(directory, last));
    }

    /** Appends a batch to the first segment, and returns the offset behind it. */
    private static long append(Path directory, long base, ApiMessage... records) throws IOException {
        SimpleRecord[] simple = new SimpleRecord[records.length];
        for (int i = 0; i < records.length; i++) {
            ApiMessageAndVersion versioned = new ApiMessageAndVersion(records[i], records[i].highestSupportedVersion());
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer bytes = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(versioned, cache));
            MetadataRecordSerde.INSTANCE.write(versioned, cache, new ByteBufferAccessor(bytes));
            simple[i] = new SimpleRecord(bytes.flip().array());
        }
        try (FileRecords file = FileRecords.open(directory.resolve("00000000000000000000.log").toFile())) {
            file.append(MemoryRecords.withRecords(base, Compression.NONE, 1, simple));
        }
        return base + records.length;
    }

    /** Lines of a file of trials, and what is taken from them. */
    private void trials() throws IOException {
        Path file = work.resolve("trials.ndjson");
        Files.writeString(file, """
            {"fault":"controller-kill","controller":{"ended":true,"detect_us":1500000,"total_us":2500500,"split":true},"lasted_ms":4000,"clients_ms":6000,"gaps":{"produce_us":90000}}
            {"fault":"controller-kill","controller":{"ended":true,"detect_us":1400000,"total_us":2400000,"split":false},"lasted_ms":4000,"gaps":{"produce_us":70000}}
            {"fault":"controller-kill","controller":{"ended":false},"gaps":{}}
            {"fault":"broker-kill","partition":{"ended":true,"detect_us":8000000,"total_us":8001000}}
            """);
        Samples samples = new Samples();
        Trials.read(file).forEach(samples::addTrial);
        same("trials of a fault", 3L, Trials.count(Trials.read(file), Fault.parse("controller-kill")));
        same("totals", List.of(2400.0, 2500.5), values(samples, "controller-kill", "total"));
        same("gaps, where it is known how long clients were watched", List.of(90.0),
            values(samples, "controller-kill", "produce gap"));
        same("after the end of a fault", Map.of("controller-kill", List.of(new Samples.Watched(4_000_000_000L, 2_000_000_000L))),
            samples.watched());
        same("one is split", 1, samples.splits("controller-kill"));
        same("one has not ended", 1, samples.unended("controller-kill"));
        same("fenced", List.of(8000.0), values(samples, "broker-kill", "fenced"));
    }

    private static List<Double> values(Samples samples, String fault, String measure) {
        return Arrays.stream(samples.of(fault, measure)).boxed().toList();
    }

    /** What differs by a fifth more than a tolerance allows exceeds that one and no other; by a fifth less, none. */
    private void tolerances() {
        for (Comparison.Tolerance tolerance : Comparison.TOLERANCES) {
            same(tolerance.name() + " is exceeded", List.of(tolerance), differing(tolerance, 1.2, 100).exceeded());
            same(tolerance.name() + " is kept", List.of(), differing(tolerance, 0.8, 100).exceeded());
            same(tolerance.name() + " of few trials", null, differing(tolerance, 1.2, 4).difference(tolerance));
        }
    }

    /** Samples that differ in this quantile or share alone, by a part of what is tolerated. */
    private static Comparison differing(Comparison.Tolerance tolerance, double part, int n) {
        Samples real = new Samples();
        Samples simulated = new Samples();
        String measure = tolerance.isShare() ? "total" : tolerance.measure();
        double change = 10 * tolerance.percent() * part;
        for (int i = 0; i < n; i++) {
            real.add(tolerance.fault(), measure, 1000);
            double ms = 1000;
            if (!tolerance.isShare()) {
                // A lower median leaves p90 as it is, a higher p90 the median.
                boolean isMedian = tolerance.percentile() == Comparison.MEDIAN;
                ms += i < 80 ? isMedian ? -change : 0 : isMedian ? 0 : change;
            }
            simulated.add(tolerance.fault(), measure, ms);
        }
        if (tolerance.isShare()) {
            for (int i = 0; i < 20; i++) {
                real.addSplit(tolerance.fault());
            }
            for (int i = 0; i < Math.round(20 + tolerance.percent() * part); i++) {
                simulated.addSplit(tolerance.fault());
            }
        }
        return new Comparison(real, simulated);
    }

    private void histories() throws IOException, InterruptedException {
        same("a good history", 0, judged(1));
        same("a history of a lost record", 1, judged(2));
    }

    /** The exit code of a check of a record that is acknowledged, and of a poll that finds this value in its place. */
    private int judged(long found) throws IOException, InterruptedException {
        Path file = work.resolve("story.edn");
        try (ClientHistory history = new ClientHistory(file, work.resolve("story"))) {
            ClientHistory.Client producer = new ClientHistory.Client(1);
            for (long value = 1; value <= 2; value++) {
                long process = history.sendBegins(producer, "topic-0-0", value);
                history.sent(producer, process, "topic-0-0", new ClientHistory.Value(value - 1, value));
            }
            history.pollBegins(3);
            history.polled(3, Map.of("topic-0-0", List.of(new ClientHistory.Value(0, found))));
        }
        return new ProcessBuilder(command.toString(), "check", file.toString())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectErrorStream(true).start().waitFor();
    }

    /** Each fault is measured in simulated runs, and votes are split where all latencies are equal. */
    private void simulated() throws IOException, InterruptedException {
        Samples samples = simulation.run();
        int splits = 0;
        for (Fault fault : Comparison.faults()) {
            for (String measure : Samples.measures(fault.role())) {
                same(fault + ": " + measure + " was measured", true, samples.of(fault.toString(), measure).length > 0);
            }
            splits += samples.splits(fault.toString());
        }
        same("votes are split", true, splits > 0);
    }
}
