package conformance.measure;

import conformance.measure.Jvm.Event;
import conformance.measure.recorder.Kind;
import org.apache.kafka.common.protocol.ApiKeys;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/** Events of two controllers and a broker whose times are known. */
final class SelfTest {
    private static final int VOTE = ApiKeys.VOTE.id;
    private static final int IO = 1;
    private static final int OUTBOUND = 2;
    private static final int HEARTBEATS = 3;
    private static final long[] LINK = {40_000, 50_000, 60_000};

    private final PrintStream out;
    private int failed;

    private SelfTest(PrintStream out) {
        this.out = out;
    }

    static boolean run(PrintStream out) throws IOException {
        SelfTest test = new SelfTest(out);
        test.works();
        test.wakes();
        test.messages();
        test.processes();
        test.stages();
        test.pauses();
        test.profile();
        out.println(test.failed == 0 ? "each part notices what it should" : test.failed + " parts do not");
        return test.failed == 0;
    }

    private void same(String what, Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            failed++;
            out.printf("%s: expected %s, found %s%n", what, expected, found);
        }
    }

    // ---- Recordings

    private static final class Recording {
        private final List<Event> events = new ArrayList<>();
        private final Jvm jvm = new Jvm(events);

        Recording(long pid) {
            jvm.pid = pid;
            jvm.threads.put(IO, "kafka-1-raft-io-thread");
            jvm.threads.put(OUTBOUND, "kafka-1-raft-outbound-request-thread");
            jvm.threads.put(HEARTBEATS, "broker-101-to-controller-heartbeat-channel-manager");
        }

        /** Times in microseconds. */
        Recording span(int kind, int thread, int parent, String name, long begin, long end, long own) {
            return span(kind, thread, 0, parent, name, begin, end, own);
        }

        /** A leader with a new epoch. */
        Recording newLeader(int parent, long begin, long end, long own) {
            return span(Kind.LEAD_PARTITION, 6, 1, parent, "", begin, end, own);
        }

        private Recording span(int kind, int thread, int identity, int parent, String name, long begin, long end, long own) {
            int number = jvm.names.size() + 1;
            jvm.names.put(number, name);
            events.add(new Event(kind, -1, thread, begin * 1000, end * 1000, own * 1000, identity, 0, 0, number, parent,
                false));
            return this;
        }

        Recording message(int kind, int thread, int api, int correlation, boolean isResponse, int identity, long begin,
                          long end) {
            events.add(new Event(kind, api, thread, begin * 1000, end * 1000, (end - begin) * 1000, identity, correlation, 77,
                0, 0, isResponse));
            return this;
        }

        Jvm jvm() {
            events.sort(Comparator.comparingLong(Event::end));
            return jvm;
        }
    }

    private static Measured measured(Actions actions, Recording... recordings) {
        return new Measured(List.of(recordings).stream().map(Recording::jvm).toList(), actions, LINK);
    }

    private static Actions started(String... nodes) {
        Actions actions = new Actions();
        IntStream.range(0, nodes.length).forEach(it -> actions.add("START", nodes[it], it + 1, 0));
        return actions;
    }

    private static List<Long> us(Samples samples, String thread, String name) {
        return us(samples, new Samples.Key(thread, name));
    }

    private static List<Long> ofController(Samples samples, String thread, String name) {
        return us(samples, new Samples.Key(thread, name, "controller"));
    }

    private static List<Long> us(Samples samples, Samples.Key key) {
        return java.util.Arrays.stream(samples.all(key)).map(it -> it / 1000).boxed().toList();
    }

    // ---- Parts

    /** Each thread's own time, by name; activation is one piece of work. */
    private void works() {
        Recording one = new Recording(1)
            .message(Kind.RAFT_HANDLE, IO, VOTE, 0, true, 0, 100, 600)
            .span(Kind.BECOME_CANDIDATE, IO, Kind.RAFT_STATE, "", 1_000, 31_000, 29_000)
            .span(Kind.RAFT_STATE, IO, Kind.RAFT_POLL, "", 900, 31_100, 200)
            .span(Kind.RAFT_POLL, IO, 0, "", 890, 32_000, 10)
            .span(Kind.RAFT_STATE, IO, Kind.RAFT_POLL, "", 32_005, 32_006, 1)
            .span(Kind.RAFT_POLL, IO, 0, "", 32_004, 32_010, 5)
            .span(Kind.FSYNC, IO, Kind.RAFT_STATE, "FileRecords.flush", 33_500, 33_900, 400)
            .span(Kind.RAFT_STATE, IO, Kind.RAFT_POLL, "", 33_000, 34_000, 600)
            .span(Kind.RAFT_POLL, IO, 0, "", 32_990, 34_010, 20)
            .span(Kind.CLAIM, 4, Kind.CONTROLLER_EVENT, "", 40_000, 43_000, 3_000)
            .span(Kind.CONTROLLER_EVENT, 4, 0, "handleLeaderChange", 39_000, 43_500, 1_500)
            .span(Kind.CONTROLLER_EVENT, 4, 0, "completeActivation", 44_000, 54_000, 10_000)
            .span(Kind.CONTROLLER_EVENT, 4, 0, "createTopics", 60_000, 62_000, 2_000)
            .span(Kind.CONTROLLER_EVENT, 4, 0, "maybeFenceStaleBroker", 63_000, 63_100, 100)
            .span(Kind.FIRST_PUBLISH, 5, 0, "", 64_000, 64_010, 10)
            .span(Kind.FIRST_PUBLISH, 5, 0, "", 65_000, 68_000, 3_000)
            .span(Kind.PUBLISH, 5, 0, "", 68_100, 68_300, 200)
            .span(Kind.LEAD_PARTITIONS, 5, Kind.PUBLISH, "", 69_000, 69_400, 400)
            .span(Kind.FSYNC, 6, Kind.CREATE_LOG, "PartitionMetadataFile.writeInternal", 80_070, 80_080, 10)
            .span(Kind.CREATE_LOG, 6, Kind.LEAD_PARTITION, "", 80_060, 80_090, 20)
            .span(Kind.FSYNC, 6, Kind.LEAD_PARTITION, "CheckpointFile.write", 80_100, 80_900, 800)
            .newLeader(Kind.LEAD_PARTITIONS, 80_050, 87_050, 6_170)
            .newLeader(Kind.LEAD_PARTITIONS, 87_060, 92_060, 5_000)
            .span(Kind.LEAD_PARTITION, 6, Kind.LEAD_PARTITIONS, "", 92_062, 92_069, 7)
            .span(Kind.LEAD_PARTITIONS, 6, Kind.PUBLISH, "", 80_000, 92_090, 83)
            .span(Kind.CREATE_LOG, 6, Kind.STOP_PARTITIONS, "", 92_230, 92_260, 30)
            .span(Kind.STOP_PARTITIONS, 6, Kind.FOLLOW_PARTITION, "", 92_220, 92_270, 20)
            .span(Kind.FOLLOW_PARTITION, 6, Kind.FOLLOW_PARTITIONS, "", 92_200, 93_200, 950)
            .span(Kind.FOLLOW_PARTITION, 6, Kind.FOLLOW_PARTITIONS, "", 93_210, 95_210, 2_000)
            .span(Kind.FOLLOW_PARTITIONS, 6, Kind.PUBLISH, "", 92_100, 95_610, 510)
            .newLeader(0, 96_000, 96_100, 100)
            .span(Kind.CREATE_LOG, 6, Kind.LEAD_PARTITION, "", 96_120, 96_160, 40)
            .newLeader(0, 96_110, 96_180, 30)
            .span(Kind.FOLLOW_PARTITION, 6, 0, "", 96_200, 96_300, 100)
            .span(Kind.CREATE_LOG, 6, Kind.KAFKA_APIS, "", 97_000, 97_050, 50)
            .span(Kind.FOLLOW_PARTITION, 6, Kind.FOLLOW_PARTITIONS, "", 97_100, 98_100, 1_000)
            .span(Kind.RAFT_LISTENERS, IO, 0, "", 70_000, 70_010, 10)
            .span(Kind.QUEUED_EVENT, IO, Kind.RAFT_LISTENERS, "", 71_005, 71_005, 0)
            .span(Kind.RAFT_LISTENERS, IO, 0, "", 71_000, 71_020, 20)
            .span(Kind.FOLLOWER_APPEND, IO, Kind.RAFT_HANDLE, "", 72_000, 72_300, 300)
            .span(Kind.FOLLOWER_APPEND, IO, Kind.RAFT_HANDLE, "", 73_000, 73_002, 2);
        Samples works = measured(started("controller-1"), one).works;
        same("work of a message", List.of(500L), ofController(works, "raft-io", "Vote response"));
        same("work of a transition", List.of(29_000L), ofController(works, "raft-io", "become candidate"));
        same("work without what is listed itself", List.of(200L), ofController(works, "raft-io", "timer"));
        same("a leader's append, without the fsync", List.of(600L), ofController(works, "raft-io", "append"));
        same("a follower's append, of records", List.of(300L), ofController(works, "raft-io", "append as follower"));
        same("publishing", List.of(200L, 3_000L), ofController(works, "metadata-loader", "publish"));
        same("a publication's leaders, without each of them", List.of(83L, 400L),
            us(works, "request-handler", "lead partitions"));
        same("each new leader of a publication, without its log, with its fsync", List.of(5_000L, 6_970L),
            us(works, "request-handler", "lead partition"));
        same("the first of them is the first call", List.of(new Samples.Sample(1, 6_970_000), new Samples.Sample(2, 5_000_000)),
            works.byKey().get(new Samples.Key("request-handler", "lead partition")));
        same("a publication's followers, without each of them", List.of(510L), us(works, "request-handler", "follow partitions"));
        same("each follower of a publication", List.of(950L, 1_000L, 2_000L),
            us(works, "request-handler", "follow partition"));
        same("a leader whose epoch is not new", List.of(7L), us(works, "request-handler", "update leader"));
        same("logs of a publication's partitions, without the fsync", List.of(20L, 30L),
            us(works, "request-handler", "create log"));
        same("activation", List.of(14_500L), us(works, "controller-event-queue", "claim"));
        same("a forwarded request's event", List.of(2_000L), us(works, "controller-event-queue", "Envelope request"));
        same("a periodic event", List.of(100L), us(works, "controller-event-queue", "timer"));
        same("listeners that got something", List.of(20L), ofController(works, "raft-io", "deliver"));
    }

    /** What waits for an idle thread is that thread's work, what waits for a busy one is not. */
    private void wakes() {
        Recording one = new Recording(1)
            .message(Kind.QUEUED_RAFT, OUTBOUND, VOTE, 0, false, 1, 100, 100)
            .message(Kind.RAFT_HANDLE, IO, VOTE, 0, false, 1, 350, 600)
            .message(Kind.QUEUED_RAFT, OUTBOUND, VOTE, 0, false, 2, 400, 400)
            .span(Kind.RAFT_STATE, IO, Kind.RAFT_POLL, "", 610, 620, 10)
            .message(Kind.RAFT_HANDLE, IO, VOTE, 0, false, 2, 650, 700)
            .span(Kind.BECOME_CANDIDATE, IO, Kind.RAFT_HANDLE, "", 1_000, 2_000, 1_000)
            .message(Kind.RAFT_HANDLE, IO, VOTE, 0, true, 3, 990, 2_010)
            .span(Kind.RAFT_STATE, IO, Kind.RAFT_POLL, "", 2_020, 2_520, 500)
            .span(Kind.BECOME_CANDIDATE, IO, Kind.RAFT_HANDLE, "", 5_000, 5_100, 100);
        one.events.add(new Event(Kind.HANDOVER_REQUEST, VOTE, IO, 2_500_000, 2_500_000, 0, 9, 0, 0, 0, Kind.RAFT_STATE, false));
        Samples works = measured(started("controller-1"), one).works;
        same("work with waking up", List.of(80L, 500L), ofController(works, "raft-io", "Vote request"));
        same("a transition with the requests for votes", List.of(100L, 1_500L),
            ofController(works, "raft-io", "become candidate"));
    }

    private void messages() {
        Recording one = new Recording(1)
            .span(Kind.CONNECTING, OUTBOUND, 0, "", 100, 100, 0).span(Kind.CONNECTED, OUTBOUND, 0, "", 400, 400, 0)
            .message(Kind.HANDOVER_REQUEST, IO, VOTE, 0, false, 7, 1_000, 1_000)
            .message(Kind.WRITTEN, OUTBOUND, VOTE, 3, false, 7, 1_100, 1_300);
        Recording other = new Recording(2).message(Kind.QUEUED_RAFT, 5, VOTE, 3, false, 0, 1_500, 1_500);
        Recording late = new Recording(3).message(Kind.QUEUED_RAFT, 5, VOTE, 3, false, 0, 40_000_000, 40_000_000);
        Measured all = measured(started("controller-1", "controller-2", "controller-3"), one, other, late);
        same("send", List.of(300L), us(all.sends, "raft-io", "Vote request"));
        same("receive, without the link", List.of(150L), us(all.receives, "raft-io", "Vote request"));
        same("connect, without a round trip", List.of(200L), us(all.connections, "raft-io", ""));
        same("doubts", Map.of("received, matched", 1, "received, sender unknown", 1), all.messages.doubts);
    }

    private void processes() {
        Recording controller = new Recording(1).span(Kind.MAIN, IO, 0, "", 500_000, 600_000, 0)
            .span(Kind.RAFT_POLL, IO, 0, "", 2_000_000, 2_000_100, 100)
            .span(Kind.FSYNC, IO, 0, "FileRecords.flush", 3_000_000, 3_000_250, 250)
            .span(Kind.FSYNC, IO, 0, "Utils.flushDir", 3_001_000, 3_001_900, 900)
            .span(Kind.FSYNC, IO, 0, "AbstractIndex.lambda$flush$0", 3_002_000, 3_002_100, 100)
            .span(Kind.STOP_RAFT, IO, 0, "", 5_450_000, 5_450_000, 0);
        Recording broker = new Recording(2).span(Kind.RAFT_POLL, IO, 0, "", 3_000_000, 3_000_100, 100);
        Actions actions = started("controller-1", "broker-101");
        actions.add("TERM-ACTIVE", "controller-1", 1, 5_000_000_000L);
        Measured all = measured(actions, controller, broker);
        same("start, without the recorder's", Map.of("controller", List.of(1_900_000_000L), "broker", List.of(3_000_000_000L)),
            all.starts);
        same("stop", Map.of("controller", List.of(450_000_000L)), all.stops);
        same("fsync of files", List.of(250_000L), java.util.Arrays.stream(all.fsyncs(false)).boxed().toList());
        same("fsync of directories", List.of(900_000L), java.util.Arrays.stream(all.fsyncs(true)).boxed().toList());
    }

    /** First calls have a distribution of their own if they are other, and there are enough of them. */
    private void stages() {
        List<Samples.Sample> slow = new ArrayList<>();
        for (int jvm = 0; jvm < Stages.ENOUGH; jvm++) {
            for (int ordinal = 1; ordinal <= 8; ordinal++) {
                slow.add(new Samples.Sample(ordinal, ordinal == 1 ? 20_000_000 : 100_000));
            }
        }
        same("a slow first call", List.of(1, 2), Stages.of(slow).stream().map(Stages.Stage::first).toList());
        same("a few", List.of(1), Stages.of(slow.subList(0, 8)).stream().map(Stages.Stage::first).toList());
        long[] thousand = IntStream.range(0, 1_001).mapToLong(it -> it * 1_000L).toArray();
        long[] quantiles = Stages.quantiles(thousand);
        same("quantiles", List.of(101, 0L, 500L, 1_000L), List.of(quantiles.length, quantiles[0], quantiles[50], quantiles[100]));
        same("tail", List.of(990L, 991L, 992L, 993L, 994L, 995L, 996L, 997L, 998L, 999L, 1_000L),
            java.util.Arrays.stream(Stages.tails(thousand).get(0)).boxed().toList());
        same("no tail", 0, Stages.tails(java.util.Arrays.copyOf(thousand, 500)).size());
    }

    private void pauses() throws IOException {
        Path file = Files.createTempFile("measure", ".safepoint");
        String line = "[%dns] Safepoint \"G\", Time since last: 1 ns, Reaching safepoint: 1 ns, At safepoint: 1 ns, Total: %d ns";
        Files.write(file, List.of(String.format(line, 9_000_000, 2_000_000), String.format(line, 9_500_000, 20_000),
            String.format(line, 20_000_000, 3_000_000)));
        Pauses pauses = new Pauses();
        pauses.read(file);
        Files.delete(file);
        same("pauses", List.of(List.of(7_000_000L, 8_000_000L), List.of(2_000_000L, 3_000_000L)),
            List.of(pauses.every, pauses.lasts));
    }

    /** What the simulator does not know is left out. */
    private void profile() {
        Recording one = new Recording(1).message(Kind.RAFT_HANDLE, IO, VOTE, 0, true, 0, 100, 600)
            .message(Kind.RAFT_HANDLE, IO, ApiKeys.DESCRIBE_QUORUM.id, 0, false, 0, 700, 800)
            .newLeader(Kind.LEAD_PARTITIONS, 1_000, 8_000, 7_000)
            .span(Kind.LEAD_PARTITION, 6, Kind.LEAD_PARTITIONS, "", 8_100, 8_200, 100)
            .span(Kind.CREATE_LOG, 6, Kind.FOLLOW_PARTITION, "", 9_050, 9_100, 50)
            .span(Kind.FOLLOW_PARTITION, 6, Kind.FOLLOW_PARTITIONS, "", 9_000, 9_900, 850);
        String text = new Profile().write(measured(started("controller-1"), one), Map.of("kafka", "1", "java", "2", "machine",
            "3"));
        same("a work in the profile", true, text.contains("""
            [[work]]
            thread = "raft-io"
            name = "Vote response"
            role = "controller"
            calls = [
              { first = 1, n = 1, us = [500] },
            ]
            """));
        for (String name : List.of("lead partition", "update leader", "follow partition", "create log")) {
            same(name + " in the profile", true, text.contains("thread = \"request-handler\"\nname = \"" + name + "\"\n"));
        }
        same("the link in the profile", true, text.contains("latency = { n = 3, us = [40, 50, 60] }"));
        same("an unknown work", false, text.contains("DescribeQuorum"));
    }
}
