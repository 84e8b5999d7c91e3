package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Records dialogues of real clients and replays them, which must agree to the last step; then falsifies one entry after the
 * other, which must be noticed and called by its name.
 */
final class SelfTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Falsifies a step, or says that there is nothing in it to falsify. */
    private record Falsification(String expected, Predicate<ObjectNode> apply) {
    }

    private static final String ANOTHER_DIRECTORY = "AAAAAAAAAAAAAAAAAAAABw";

    /** A lie may not matter where it is told first: that a thread was woken for nothing if another wake-up was left. */
    private static final int PLACES = 5;

    private static final List<Falsification> FALSIFICATIONS = List.of(
        new Falsification("wait", step -> set(step, "wait", "", "ms", new IntNode(7))),
        new Falsification("send.FETCH.extra", step -> set(step, "send", "FETCH", "to", new IntNode(9))),
        new Falsification("send.VOTE.missing", step -> remove(step, "send", "VOTE")),
        new Falsification("send.FETCH.fetchOffset", step -> set(step, "send", "FETCH", "fetchOffset", new IntNode(99_999))),
        new Falsification("send.BEGIN_QUORUM_EPOCH.leaderEpoch",
            step -> set(step, "send", "BEGIN_QUORUM_EPOCH", "leaderEpoch", new IntNode(77))),
        new Falsification("answer.FETCH.highWatermark",
            step -> set(step, "answer", "FETCH", "highWatermark", new IntNode(99_999))),
        new Falsification("answer.FETCH.records", step -> set(step, "answer", "FETCH", "records", new TextNode("AAAA"))),
        new Falsification("answer.VOTE.missing", step -> remove(step, "answer", "VOTE")),
        new Falsification("quorum_state.votedId", step -> set(step, "quorum_state", "", "votedId", new IntNode(9))),
        new Falsification("quorum_state.missing", step -> remove(step, "quorum_state", "")),
        new Falsification("flushed.missing", step -> remove(step, "flushed", "")),
        new Falsification("appended.missing", step -> remove(step, "appended", "")),
        new Falsification("order.answer.FETCH", SelfTest::answerBeforeFlush),
        new Falsification("high_watermark.offset", step -> set(step, "high_watermark", "", "offset", new IntNode(99_999))),
        new Falsification("commit.base", step -> set(step, "commit", "", "base", new IntNode(99_999))),
        new Falsification("leader_change.missing", step -> remove(step, "leader_change", "")),
        new Falsification("read.end", step -> set(step, "read", "", "end", new IntNode(99_999))),
        new Falsification("append.result", step -> set(step, "append", "", "offset", new IntNode(99_999))),
        new Falsification("state.role", step -> setState(step, "role", new TextNode("observer"))),
        new Falsification("state.voted", step -> setState(step, "voted", new IntNode(9))),
        new Falsification("draw", step -> step.path("draws").size() > 0 && clear(step, "draws")),
        new Falsification("send.UPDATE_RAFT_VOTER.missing", step -> remove(step, "send", "UPDATE_RAFT_VOTER")),
        new Falsification("send.UPDATE_RAFT_VOTER.currentLeaderEpoch",
            step -> set(step, "send", "UPDATE_RAFT_VOTER", "currentLeaderEpoch", new IntNode(77))),
        new Falsification("answer.UPDATE_RAFT_VOTER.errorCode",
            step -> set(step, "answer", "UPDATE_RAFT_VOTER", "errorCode", new IntNode(35))),
        // The leader is not updated then: it is sent another one.
        new Falsification("send.UPDATE_RAFT_VOTER.missing", step -> lose(step, "UPDATE_RAFT_VOTER")),
        new Falsification("answer.FETCH_SNAPSHOT.unalignedRecords",
            step -> set(step, "answer", "FETCH_SNAPSHOT", "unalignedRecords", new TextNode("AAAA"))),
        // The follower writes what came.
        new Falsification("snapshot_written.bytes",
            step -> set(step, "response", "FETCH_SNAPSHOT", "unalignedRecords", new TextNode("AAAA"))),
        new Falsification("send.FETCH_SNAPSHOT.position",
            step -> set(step, "send", "FETCH_SNAPSHOT", "position", new IntNode(99_999))),
        new Falsification("answer.FETCH.endOffset", SelfTest::nameAnotherSnapshot),
        new Falsification("snapshot_frozen.forced",
            step -> set(step, "snapshot_frozen", "", "forced", BooleanNode.FALSE)),
        new Falsification("log_replaced.missing", step -> remove(step, "log_replaced", "")),
        new Falsification("load_snapshot.missing", step -> remove(step, "load_snapshot", "")),
        new Falsification("snapshot.end", step -> set(step, "create_snapshot", "", "end", new IntNode(99_999))),
        new Falsification("snapshot.create", step -> set(step, "create_snapshot", "", "end", new IntNode(99_999))),
        new Falsification("snapshot.bytes", SelfTest::damageSnapshot),
        new Falsification("state.latest_snapshot", step -> remove(step, "freeze_snapshot", "")),
        new Falsification("disk.checkpoint.missing", SelfTest::loseSnapshot),
        new Falsification("wake-up.missing", SelfTest::sleepOn),
        new Falsification("wake-up.extra", SelfTest::wakeForNothing),
        new Falsification("disk.log", SelfTest::damageLog),
        new Falsification("send.ADD_RAFT_VOTER.missing", step -> remove(step, "send", "ADD_RAFT_VOTER")),
        new Falsification("send.ADD_RAFT_VOTER.voterDirectoryId",
            step -> set(step, "send", "ADD_RAFT_VOTER", "voterDirectoryId", new TextNode(ANOTHER_DIRECTORY))),
        new Falsification("send.REMOVE_RAFT_VOTER.voterDirectoryId",
            step -> set(step, "send", "REMOVE_RAFT_VOTER", "voterDirectoryId", new TextNode(ANOTHER_DIRECTORY))),
        new Falsification("send.API_VERSIONS.missing", step -> remove(step, "send", "API_VERSIONS")),
        new Falsification("answer.ADD_RAFT_VOTER.errorCode",
            step -> set(step, "answer", "ADD_RAFT_VOTER", "errorCode", new IntNode(35))),
        new Falsification("answer.REMOVE_RAFT_VOTER.missing", step -> remove(step, "answer", "REMOVE_RAFT_VOTER")),
        new Falsification("answer.DESCRIBE_QUORUM.lastFetchTimestamp",
            step -> set(step, "answer", "DESCRIBE_QUORUM", "lastFetchTimestamp", new IntNode(77))),
        // The voter gets another address in the record.
        new Falsification("appended.batch",
            step -> set(step, "request", "ADD_RAFT_VOTER", "port", new IntNode(9))),
        // The leader does not append the voter then.
        new Falsification("appended.extra", step -> set(step, "response", "API_VERSIONS", "maxVersion", new IntNode(0))),
        new Falsification("quorum_state.votedDirectoryId",
            step -> set(step, "quorum_state", "", "votedDirectoryId", new TextNode(ANOTHER_DIRECTORY))),
        new Falsification("state.voters", step -> setState(step, "voters", new TextNode("nobody"))),
        new Falsification("state.kraft_version", step -> setState(step, "kraft_version", new IntNode(7))),
        new Falsification("state.earliest_snapshot", SelfTest::loseBootstrapCheckpoint),
        new Falsification("halt.missing", SelfTest::waitInsteadOfHalt));

    private SelfTest() {
    }

    /** True if all is well. */
    static boolean run(long seed, int seconds, Known known) throws IOException {
        Path directory = Files.createTempDirectory("self-test");
        try {
            Recording.record(directory, seed, seconds);
            List<Path> files;
            try (Stream<Path> list = Files.list(directory)) {
                files = list.sorted().toList();
            }
            Report report = new Report(known, 10);
            for (Path file : files) {
                Replay.run(file, report);
            }
            report.print(System.out, System.getProperty("conformance.kafka", ""));
            System.out.println();
            boolean good = report.isClean();
            for (Falsification falsification : FALSIFICATIONS) {
                good &= isNoticed(falsification, files, directory.resolve("falsified"), known);
            }
            return good;
        } finally {
            Replay.delete(directory);
        }
    }

    private static boolean isNoticed(Falsification falsification, List<Path> files, Path falsified, Known known)
        throws IOException {
        Set<String> found = new TreeSet<>();
        for (Path file : files) {
            for (int place = 0; place < PLACES; place++) {
                List<String> lines = new ArrayList<>(Files.readAllLines(file));
                if (!falsify(lines, falsification, place)) {
                    break;
                }
                Files.write(falsified, lines);
                Report report = new Report(known, 0);
                Replay.run(falsified, report);
                found.addAll(report.classes());
                if (found.contains(falsification.expected)) {
                    System.out.println("noticed  " + falsification.expected);
                    return true;
                }
            }
        }
        System.out.println("MISSED   " + falsification.expected + ", but found " + found
            + "; if that is nothing, record longer");
        return false;
    }

    private static boolean falsify(List<String> lines, Falsification falsification, int place) throws IOException {
        int passed = 0;
        // Not the very beginning: most of it is the same at each boot.
        for (int i = 20; i < lines.size(); i++) {
            ObjectNode line = (ObjectNode) JSON.readTree(lines.get(i));
            line.set("after", JSON.readTree(lines.get(i - 1)).path("how"));
            if (falsification.apply.test(line) && passed++ == place) {
                lines.set(i, line.toString());
                return true;
            }
        }
        return false;
    }

    /** A step without an end is one that was cut off by a kill, which says nothing about the end. */
    private static boolean waitInsteadOfHalt(ObjectNode step) {
        for (JsonNode entry : step.path("entries")) {
            if (is(entry, "halt", "")) {
                ((ObjectNode) entry).removeAll();
                ((ObjectNode) entry).putObject("wait").put("ms", 100);
                return true;
            }
        }
        return false;
    }

    private static boolean set(ObjectNode step, String kind, String api, String field, JsonNode value) {
        for (JsonNode entry : step.path("entries")) {
            if (is(entry, kind, api)) {
                JsonNode parent = entry.path(kind).findParent(field);
                if (parent != null && !parent.path(field).asText().equals(value.asText())
                    && !parent.path(field).asText().isEmpty()) {
                    ((ObjectNode) parent).set(field, value);
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean remove(ObjectNode step, String kind, String api) {
        ArrayNode entries = step.withArray("entries");
        for (int i = 0; i < entries.size(); i++) {
            if (is(entries.get(i), kind, api)) {
                entries.remove(i);
                return true;
            }
        }
        return false;
    }

    /** A response that came is lost. */
    private static boolean lose(ObjectNode step, String api) {
        for (JsonNode entry : step.path("entries")) {
            if (is(entry, "response", api)) {
                ObjectNode response = (ObjectNode) ((ObjectNode) entry).remove("response");
                ((ObjectNode) entry).putObject("failure").put("error", "Disconnected")
                    .set("correlation_id", response.path("correlation_id"));
                ((ObjectNode) entry.path("failure")).set("to", response.path("to"));
                return true;
            }
        }
        return false;
    }

    /** A thread that was woken up waits 1 ms longer, for its time. */
    private static boolean sleepOn(ObjectNode step) {
        boolean found = step.path("cause").asText().equals("wake-up");
        if (found) {
            step.put("cause", "timer").put("wall_ms", step.path("wall_ms").asLong() + 1);
        }
        return found;
    }

    private static boolean wakeForNothing(ObjectNode step) {
        boolean found = step.path("cause").asText().equals("timer");
        if (found) {
            step.put("cause", "wake-up");
        }
        return found;
    }

    private static boolean setState(ObjectNode step, String field, JsonNode value) {
        if (!step.path("state").has(field)) {
            return false;
        }
        ((ObjectNode) step.path("state")).set(field, value);
        return true;
    }

    private static boolean clear(ObjectNode step, String field) {
        step.putArray(field);
        return true;
    }

    /** A leader answers parked fetches after the append and before the flush; here one comes before both. */
    private static boolean answerBeforeFlush(ObjectNode step) {
        ArrayNode entries = step.withArray("entries");
        for (int i = 1; i < entries.size(); i++) {
            if (is(entries.get(i), "answer", "FETCH") && entries.get(i - 1).has("appended")) {
                JsonNode answer = entries.remove(i);
                entries.insert(i - 1, answer);
                return true;
            }
        }
        return false;
    }

    private static boolean damageLog(ObjectNode boot) {
        String log = "__cluster_metadata-0/00000000000000000000.log";
        JsonNode disk = boot.path("disk");
        // Only what a kill leaves is compared.
        if (!boot.path("after").asText().equals("killed") || disk.path(log).asText().length() < 400) {
            return false;
        }
        // Cuts the last batches off.
        ((ObjectNode) disk).put(log, disk.path(log).asText().substring(0, 400));
        return true;
    }

    private static boolean nameAnotherSnapshot(ObjectNode step) {
        for (JsonNode entry : step.path("entries")) {
            JsonNode id = is(entry, "answer", "FETCH") ? entry.findPath("snapshotId") : null;
            if (id != null && id.path("endOffset").asLong(-1) > 0) {
                ((ObjectNode) id).put("endOffset", 99_999);
                return true;
            }
        }
        return false;
    }

    /** The footer of a snapshot is of another time. */
    private static boolean damageSnapshot(ObjectNode step) {
        for (JsonNode entry : step.path("entries")) {
            JsonNode created = entry.path("create_snapshot");
            if (created.path("bytes").isTextual()) {
                String bytes = created.path("bytes").asText();
                ((ObjectNode) created).put("bytes", bytes.substring(0, bytes.length() - 8) + "AAAAAAA=");
                return true;
            }
        }
        return false;
    }

    private static boolean loseSnapshot(ObjectNode boot) {
        if (!boot.path("after").asText().equals("killed")) {
            return false;
        }
        for (var file : boot.path("disk").properties()) {
            if (file.getKey().endsWith(".checkpoint")) {
                ((ObjectNode) boot.path("disk")).remove(file.getKey());
                return true;
            }
        }
        return false;
    }

    private static boolean loseBootstrapCheckpoint(ObjectNode boot) {
        String checkpoint = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";
        return boot.path("disk").isObject() && ((ObjectNode) boot.path("disk")).remove(checkpoint) != null;
    }

    private static boolean is(JsonNode entry, String kind, String api) {
        return entry.has(kind) && (api.isEmpty() || entry.path(kind).path("api").asText().equals(api));
    }
}
