package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.raft.Bodies;
import org.apache.kafka.raft.LastRead;
import org.apache.kafka.raft.Setup;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * Lets real raft clients talk to each other, with latencies, lost requests, cuts, kills, resignations, shutdowns and changes of
 * the voters, and writes down what each lived through: dialogues that the replay must agree with to the last step.
 */
final class Recording {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STATIC_NODES = 3;
    private static final String LISTENER = "CONTROLLER";
    /** The connection of who changes the voters. */
    private static final long OPERATOR = 1;
    private static final String CLUSTER = "recordedrecordedrecord";
    private static final List<String> LISTENERS = List.of("controller", "metadata-loader");
    private static final String LOADER = LISTENERS.get(1);
    /** Several chunks for a snapshot. */
    private static final Map<String, String> PROPERTIES = Map.of("controller.quorum.fetch.snapshot.max.bytes", "300");
    private static final int SNAPSHOT_RECORDS = 30;
    private static final int SPIN_MS = 20;

    private record Event(long atMs, long order, int node, int incarnation, Action action) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atMs != other.atMs ? Long.compare(atMs, other.atMs) : Long.compare(order, other.order);
        }
    }

    private interface Action {
        void run() throws IOException;
    }

    private final Random random;
    /** Null if the voters are static. */
    private final DynamicQuorum dynamic;
    private final int count;
    private final LiveNode[] nodes;
    private final List<PrintWriter> files = new ArrayList<>();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    /** Requests that are being answered: who asked what, by node, connection and correlation id. */
    private final Map<String, Runnable> answering = new HashMap<>();
    private final Map<String, JsonNode> answers = new HashMap<>();
    /** By node and listener. */
    private final Map<String, Deque<JsonNode>> unread = new HashMap<>();
    private final Set<String> cut = new HashSet<>();
    private final long[] timers;
    private long nowMs = 0;
    private long order = 0;
    private int records = 0;
    private int operations = 0;
    private int replacements = 0;

    private Recording(Path directory, long seed, boolean isDynamic) throws IOException {
        random = new Random(seed);
        dynamic = isDynamic ? new DynamicQuorum(CLUSTER) : null;
        count = isDynamic ? DynamicQuorum.NODES : STATIC_NODES;
        nodes = new LiveNode[count + 1];
        timers = new long[count + 1];
        Map<Integer, InetSocketAddress> voters = new HashMap<>();
        Map<Integer, Uuid> directories = new HashMap<>();
        for (int id = 1; id <= count; id++) {
            voters.put(id, InetSocketAddress.createUnresolved("controller-" + id, 9093));
            directories.put(id, new Uuid(seed + 1, id));
        }
        Files.createDirectories(directory);
        for (int id = 1; id <= count; id++) {
            Setup setup = isDynamic ? dynamic.setup(id, LISTENER, PROPERTIES, LISTENERS)
                : new Setup(id, CLUSTER, LISTENER, 0, voters, voters.get(id), PROPERTIES, LISTENERS);
            String name = (isDynamic ? "kafka-dynamic-" : "kafka-") + seed + "-" + id + ".ndjson";
            Path path = directory.resolve(name);
            PrintWriter file = new PrintWriter(Files.newBufferedWriter(path));
            files.add(file);
            file.println(header(setup, seed));
            Map<String, byte[]> disk = isDynamic ? dynamic.formatted(id, directories, LISTENER) : new TreeMap<>();
            nodes[id] = new LiveNode(setup, directories.get(id), disk, file, random);
        }
    }

    /** Dialogues of a quorum of static voters, and of one whose voters change. */
    static void record(Path directory, long seed, int seconds) throws IOException {
        new Recording(directory, seed, false).run(seconds * 1000L);
        new Recording(directory, seed, true).run(seconds * 1000L);
    }

    private void run(long endMs) throws IOException {
        for (int id = 1; id <= count; id++) {
            int node = id;
            at(random.nextInt(200), id, 0, () -> boot(node));
        }
        at(1000, 0, 0, this::append);
        at(2000, 0, 0, this::trouble);
        if (dynamic != null) {
            at(3000, 0, 0, this::changeVoters);
        }
        // At least one orderly end, whatever comes by chance.
        at(endMs / 2, 0, 0, this::terminateAny);
        // And a kill, and two disks that are replaced.
        at(endMs / 3, 0, 0, () -> killFollower(true));
        at(endMs * 2 / 3, 0, 0, () -> killFollower(true));
        at(endMs * 5 / 6, 0, 0, () -> killFollower(false));
        while (!events.isEmpty() && events.peek().atMs <= endMs) {
            Event event = events.poll();
            nowMs = event.atMs;
            // What was meant for an earlier life is void; 0 is for all lives.
            if (event.incarnation == 0 || nodes[event.node].isUp() && nodes[event.node].incarnation() == event.incarnation) {
                event.action.run();
            }
        }
        for (int id = 1; id <= count; id++) {
            if (nodes[id].isUp()) {
                nodes[id].kill(nowMs);
            }
        }
        files.forEach(PrintWriter::close);
    }

    private void at(long ms, int node, int incarnation, Action action) {
        events.add(new Event(ms, order++, node, incarnation, action));
    }

    private void later(int delayMs, int node, Action action) {
        at(nowMs + delayMs, node, nodes[node].incarnation(), action);
    }

    private static ObjectNode header(Setup setup, long seed) {
        ObjectNode header = JSON.createObjectNode().put("schema", "kraftsim.dialogue.v1").put("kind", "header")
            .put("recorded_by", "kafka").put("scenario", "recording").put("seed", "0x" + Long.toHexString(seed))
            .put("node", setup.nodeId()).put("cluster_id", setup.clusterId()).put("listener", setup.listener())
            .put("kraft_version", setup.kraftVersion());
        header.putObject("endpoint").put("name", setup.listener()).put("host", setup.endpoint().getHostString())
            .put("port", setup.endpoint().getPort());
        var voters = header.putArray("voters");
        setup.voters().forEach((id, address) ->
            voters.addObject().put("id", id).put("host", address.getHostString()).put("port", address.getPort()));
        ObjectNode properties = header.putObject("properties");
        setup.properties().forEach(properties::put);
        setup.raftListeners().forEach(header.putArray("listeners")::add);
        return header;
    }

    // Steps of the clients' threads

    private void boot(int id) throws IOException {
        LISTENERS.forEach(listener -> unread.remove(id + " " + listener));
        carry(id, nodes[id].boot(nowMs));
    }

    private void step(int id, String cause, Entry input, Runnable give) throws IOException {
        carry(id, nodes[id].step(cause, nowMs, input == null ? List.of() : List.of(input), give));
    }

    /** Does for a node what its outputs ask for. */
    private void carry(int id, List<Entry> outputs) throws IOException {
        for (Entry entry : outputs) {
            switch (entry.kind()) {
                case "send" -> send(id, entry.body());
                case "answer" -> answer(id, entry.body());
                case "commit" -> {
                    unread.computeIfAbsent(id + " " + entry.text("listener"), name -> new ArrayDeque<>()).add(entry.body());
                    later(random.nextInt(40), id, () -> read(id, entry.text("listener")));
                }
                case "wait" -> timer(id);
                case "halt" -> at(nowMs + 500 + random.nextInt(2000), id, 0, () -> boot(id));
                default -> { }
            }
        }
    }

    /** Only the last wait of a node counts. */
    private void timer(int id) {
        long set = order;
        timers[id] = set;
        long wait = nodes[id].waitMs();
        // Its thread spins: time would stand still.
        boolean spins = wait == 0 && nodes[id].raft().isExpiredObserver();
        if (wait < 1_000_000) {
            later(spins ? SPIN_MS : (int) wait, id, () -> {
                if (timers[id] == set) {
                    step(id, "timer", null, () -> { });
                }
            });
        }
    }

    private void wakeUp(int id) {
        later(0, id, () -> {
            // Anything that came before has woken the thread, too.
            if (nodes[id].raft().wakeUps() > 0) {
                step(id, "wake-up", null, () -> { });
            }
        });
    }

    // The network

    private int latency() {
        return random.nextInt(20) == 0 ? 50 + random.nextInt(300) : 1 + random.nextInt(15);
    }

    private boolean isCut(int from, int to) {
        return cut.contains(from + ">" + to);
    }

    private void send(int from, JsonNode send) {
        int destination = send.path("to").asInt();
        int to = DynamicQuorum.node(destination);
        int correlationId = send.path("correlation_id").asInt();
        int asker = nodes[from].incarnation();
        if (isCut(from, to)) {
            // The real client's own clock may be the only one that notices.
            if (random.nextBoolean()) {
                fail(from, destination, correlationId, random.nextBoolean() ? 2000 : latency());
            }
            return;
        }
        at(nowMs + latency(), to, 0, () -> {
            if (nodes[to].isUp()) {
                request(from, asker, to, correlationId, send);
            } else if (nodes[from].isUp() && nodes[from].incarnation() == asker) {
                fail(from, destination, correlationId, latency());
            }
        });
    }

    private void request(int from, int asker, int to, int correlationId, JsonNode send) throws IOException {
        int destination = send.path("to").asInt();
        // A destination has a connection of its own.
        long connection = ((long) from << 32) + ((long) (destination & 0xff) << 16) + asker;
        ApiKeys api = ApiKeys.valueOf(send.path("api").asText());
        short version = (short) send.path("version").asInt();
        if (api == ApiKeys.API_VERSIONS) {
            ObjectNode answer = JSON.createObjectNode().put("api", api.name()).put("version", version);
            answer.set("body", DynamicQuorum.apiVersions());
            at(nowMs + latency(), from, asker, () -> response(from, destination, correlationId, answer));
            return;
        }
        String key = to + " " + nodes[to].incarnation() + " " + connection + ":" + correlationId;
        answering.put(key, () ->
            at(nowMs + latency(), from, asker, () -> response(from, destination, correlationId, answers.remove(key))));
        request(to, connection, correlationId, api, version, send.path("body"));
        int maxWaitMs = send.path("body").path("maxWaitMs").asInt();
        if (answering.containsKey(key) && maxWaitMs > 0) {
            later(maxWaitMs, to, () -> expire(to, connection, correlationId, key));
        }
    }

    private void request(int to, long connection, int correlationId, ApiKeys api, short version, JsonNode content)
        throws IOException {
        ObjectNode body = JSON.createObjectNode().put("connection", connection).put("correlation_id", correlationId)
            .put("api", api.name()).put("version", version);
        body.set("body", content);
        step(to, "request", new Entry("request", body), () -> nodes[to].raft().request(
            "" + connection, correlationId, api, version, Bodies.readRequest(api, version, content)));
    }

    private void answer(int id, JsonNode answer) {
        String key = id + " " + nodes[id].incarnation() + " " + answer.path("connection").asText() + ":"
            + answer.path("correlation_id").asInt();
        Runnable respond = answering.remove(key);
        if (respond != null) {
            answers.put(key, answer);
            respond.run();
        }
    }

    private void expire(int id, long connection, int correlationId, String key) throws IOException {
        if (answering.containsKey(key)) {
            Entry expired = new Entry("expired",
                JSON.createObjectNode().put("connection", connection).put("correlation_id", correlationId));
            step(id, "timer", expired, () -> nodes[id].raft().expire("" + connection, correlationId));
        }
    }

    private void response(int id, int from, int correlationId, JsonNode answer) throws IOException {
        if (isCut(DynamicQuorum.node(from), id)) {
            return;
        }
        ApiKeys api = ApiKeys.valueOf(answer.path("api").asText());
        short version = (short) answer.path("version").asInt();
        ObjectNode body = JSON.createObjectNode().put("to", from).put("correlation_id", correlationId)
            .put("api", api.name()).put("version", version);
        body.set("body", answer.path("body"));
        step(id, "response", new Entry("response", body), () -> nodes[id].raft().respond(
            correlationId, Bodies.readResponse(api, version, answer.path("body"))));
    }

    private void fail(int id, int to, int correlationId, int delayMs) {
        ObjectNode body = JSON.createObjectNode().put("to", to).put("correlation_id", correlationId)
            .put("error", delayMs < 2000 ? "disconnected" : "timed_out");
        later(delayMs, id, () -> step(id, "response", new Entry("failure", body),
            () -> nodes[id].raft().fail(correlationId)));
    }

    // What other threads and fate do

    private void aside(int id, List<Entry> inputs, Runnable act) {
        nodes[id].aside(nowMs, inputs, act);
        if (nodes[id].raft().wakeUps() > 0) {
            wakeUp(id);
        }
    }

    /** A listener has one thread, so it reads its deliveries one after the other. */
    private void read(int id, String listener) {
        long ordinal = unread.get(id + " " + listener).remove().path("ordinal").asLong();
        ObjectNode body = JSON.createObjectNode().put("listener", listener).put("ordinal", ordinal);
        aside(id, List.of(new Entry("read", body)),
            () -> body.put("end", nodes[id].raft().read(listener, ordinal).orElseThrow()));
        if (listener.equals(LOADER) && random.nextInt(20) == 0) {
            nodes[id].raft().lastRead(listener).ifPresent(last -> snapshot(id, last));
        }
    }

    /** The state of the loader, as far as it has read. */
    private void snapshot(int id, LastRead last) {
        ObjectNode create = JSON.createObjectNode().put("end", last.end().offset()).put("epoch", last.end().epoch())
            .put("log_timestamp_ms", last.timestampMs());
        List<byte[]> values = new ArrayList<>();
        for (int i = 0; i < SNAPSHOT_RECORDS; i++) {
            values.add(("state " + i + " at " + last.end().offset()).getBytes(StandardCharsets.UTF_8));
        }
        List<Entry> inputs = new ArrayList<>(List.of(new Entry("create_snapshot", create)));
        aside(id, inputs, () -> {
            try {
                switch (nodes[id].raft().createSnapshot(last.end(), last.timestampMs(), values)) {
                    case "created" -> {
                        create.put("bytes", nodes[id].raft().freezeSnapshot(last.end(), new byte[0]).orElseThrow());
                        inputs.add(new Entry("freeze_snapshot", JSON.createObjectNode().put("end", last.end().offset())
                            .put("epoch", last.end().epoch()).put("forced", true)));
                    }
                    case "none" -> create.putNull("bytes");
                    default -> create.put("error", "refused");
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private void append() {
        at(nowMs + 1 + random.nextInt(80), 0, 0, this::append);
        for (int id = 1; id <= count; id++) {
            // Now and then by one that does not lead.
            if (nodes[id].isUp() && (nodes[id].state().path("role").asText().equals("leader") || random.nextInt(50) == 0)) {
                append(id);
            }
        }
    }

    private void append(int id) {
        int epoch = nodes[id].state().path("epoch").asInt();
        List<byte[]> values = new ArrayList<>();
        for (int i = random.nextInt(3); i >= 0; i--) {
            values.add(("record " + records++).getBytes(StandardCharsets.UTF_8));
        }
        ObjectNode body = JSON.createObjectNode().put("epoch", epoch);
        values.forEach(value -> body.withArray("records").add(Base64.getEncoder().encodeToString(value)));
        aside(id, List.of(new Entry("append", body), new Entry("schedule", JSON.createObjectNode())), () -> {
            try {
                body.put("offset", nodes[id].raft().append(epoch, values));
                nodes[id].raft().schedule();
            } catch (RuntimeException e) {
                body.put("error", e.getClass().getSimpleName().replace("Exception", ""));
            }
        });
    }

    private void trouble() throws IOException {
        at(nowMs + 1000 + random.nextInt(4000), 0, 0, this::trouble);
        int id = 1 + random.nextInt(count);
        if (!nodes[id].isUp()) {
            return;
        }
        switch (random.nextInt(6)) {
            case 0 -> {
                nodes[id].kill(nowMs);
                at(nowMs + 100 + random.nextInt(3000), id, 0, () -> boot(id));
            }
            case 1 -> resign(id);
            case 2 -> terminate(id);
            default -> cut(id);
        }
    }

    /** Who loses its disk downloads a snapshot. */
    private void killFollower(boolean losesDisk) throws IOException {
        for (int id = 1; id <= count; id++) {
            if (nodes[id].isUp() && nodes[id].state().path("role").asText().equals("follower")) {
                int node = id;
                if (losesDisk) {
                    replacements += 1;
                    long lower = dynamic == null ? id : 100L * replacements + id;
                    nodes[id].killAndWipe(nowMs, new Uuid(nodes[id].directoryId().getMostSignificantBits(), lower));
                } else {
                    nodes[id].kill(nowMs);
                }
                at(nowMs + 100, id, 0, () -> boot(node));
                return;
            }
        }
    }

    /** An operator asks a leader for a change of the voters, or how the quorum is; the answer is nobody's. */
    private void changeVoters() throws IOException {
        at(nowMs + 500 + random.nextInt(1500), 0, 0, this::changeVoters);
        for (int id = 1; id <= count; id++) {
            if (nodes[id].isUp() && nodes[id].state().path("role").asText().equals("leader")) {
                changeVoters(id);
                return;
            }
        }
    }

    private void changeVoters(int leader) throws IOException {
        int id = 1 + random.nextInt(count);
        JsonNode voters = nodes[leader].state().path("voters");
        JsonNode voter = null;
        for (JsonNode each : voters) {
            voter = each.path("id").asInt() == id ? each : voter;
        }
        operations += 1;
        if (random.nextInt(3) == 0) {
            request(leader, OPERATOR, operations, ApiKeys.DESCRIBE_QUORUM, (short) 2, dynamic.describeQuorum());
        } else if (voter == null) {
            request(leader, OPERATOR, operations, ApiKeys.ADD_RAFT_VOTER, (short) 1,
                dynamic.addVoter(id, nodes[id].directoryId(), LISTENER, random.nextBoolean()));
        } else if (voters.size() > 2) {
            request(leader, OPERATOR, operations, ApiKeys.REMOVE_RAFT_VOTER, (short) 0,
                dynamic.removeVoter(id, voter.path("directory_id").asText()));
        }
    }

    private void terminateAny() throws IOException {
        for (int id = 1; id <= count; id++) {
            if (nodes[id].isUp()) {
                terminate(id);
                return;
            }
        }
    }

    private void terminate(int id) throws IOException {
        Entry shutdown = new Entry("shutdown", JSON.createObjectNode().put("timeout_ms", 5000));
        step(id, "terminate", shutdown, () -> nodes[id].raft().shutdown(5000));
    }

    private void resign(int id) {
        int epoch = nodes[id].state().path("epoch").asInt();
        aside(id, List.of(new Entry("resign", JSON.createObjectNode().put("epoch", epoch))), () -> {
            try {
                nodes[id].raft().resign(epoch);
            } catch (IllegalArgumentException e) {
                // It does not lead.
            }
        });
    }

    private void cut(int id) {
        int other = 1 + random.nextInt(count);
        List<String> links = random.nextBoolean()
            ? List.of(id + ">" + other) : List.of(id + ">" + other, other + ">" + id);
        cut.addAll(links);
        at(nowMs + 200 + random.nextInt(4000), 0, 0, () -> links.forEach(cut::remove));
    }
}
