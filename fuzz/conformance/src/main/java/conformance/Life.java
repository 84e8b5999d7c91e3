package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.raft.Bodies;
import org.apache.kafka.raft.RaftNode;
import org.apache.kafka.server.common.OffsetAndEpoch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;

/**
 * One life of the node, from a boot line to the next end: the released client lives it again, and each step is compared.
 *
 * <p>There is one thread. The client's own loop runs on it, and when the client waits for a message, it calls
 * {@link #await}: that is the end of one step and the place to read on. So the client is always exactly where its thread
 * would be: in {@code RaftMessageQueue.poll}, between two steps.
 */
final class Life implements RaftNode.Driver, AutoCloseable {
    private final Dialogue dialogue;
    private final Report report;
    private final Path directory;
    private final RaftNode node;
    private final List<Entry> outputs = new ArrayList<>();
    private final List<Difference> differences = new ArrayList<>();
    /** The model's correlation ids, by destination, of requests whose counterparts at the released client are known. */
    private final Map<String, Integer> kafkaIds = new HashMap<>();
    /** What the released client sent in this step and the model's sends did not claim yet, by destination. */
    private final Map<String, Deque<Entry>> unclaimed = new HashMap<>();
    /** What the model sent in this step and the released client's sends were not paired with yet. */
    private final List<Entry> claims = new ArrayList<>();
    /** Answers that only one side gave: the other one's may follow and is no second difference. */
    private final Set<String> unpairedAnswers = new HashSet<>();

    private final Deliveries deliveries = new Deliveries();
    /** The model's bytes of those that other threads write. */
    private final Map<OffsetAndEpoch, byte[]> snapshots = new HashMap<>();
    /** What the released log has deleted in this step, without what the model has deleted, too. */
    private final Set<OffsetAndEpoch> deleted = new HashSet<>();

    private Line step;
    private int nextEntry;
    private boolean handedOver;
    /** When the client's thread was woken up, if it did not run since. */
    private Long wokenUpMs = null;
    private int wakeUpsDue = 0;

    /** Thrown out of the client's loop when there is nothing more to live or to compare. */
    private static final class Over extends RuntimeException {
        Over() {
            super(null, null, false, false);
        }
    }

    Life(Dialogue dialogue, Report report, Path directory) {
        this.dialogue = dialogue;
        this.report = report;
        this.directory = directory;
        this.node = new RaftNode(dialogue.setup(), directory, this, this::output);
    }

    void live(Line boot) throws IOException {
        putDisk(boot.field("disk"));
        try {
            begin(boot);
            node.boot(Uuid.fromString(dialogue.directoryId(boot)), dialogue.endpoint(boot));
            if (endsWithWrite()) {
                // The first poll, which a listener's registration ends, has another time.
                nextStep();
                handedOver = false;
            }
            while (node.isRunning()) {
                node.poll();
                if (node.isRunning() && endsWithWrite()) {
                    nextStep();
                }
            }
            node.finish();
            halted(false, "shut down");
        } catch (Over e) {
            // The dialogue went on elsewhere.
        } catch (BadDialogue e) {
            throw e;
        } catch (Exception e) {
            report.fault(e);
            halted(true, e.toString());
        }
    }

    @Override
    public void close() {
        node.close();
    }

    private void putDisk(JsonNode disk) throws IOException {
        for (var file : disk.properties()) {
            Path path = directory.resolve(file.getKey()).normalize();
            if (!path.startsWith(directory)) {
                throw new BadDialogue(dialogue.file() + ": a file outside of the directory: " + file.getKey());
            }
            Files.createDirectories(path.getParent());
            Files.write(path, file.getValue().binaryValue());
            if (file.getKey().endsWith(".log")) {
                // LogSegment.append creates it (ensureOffsetInRange, canConvertToRelativeOffset, offsetIndex) before it writes,
                // and the same fsync of the directory makes both durable. Without one, LogLoader would recover this segment by itself, and keep those behind a cut.
                String segment = file.getKey().substring(0, file.getKey().length() - ".log".length());
                Files.createFile(directory.resolve(segment + ".index"));
            }
        }
    }

    // The driver

    @Override
    public void await(long timeoutMs) {
        try {
            while (!feed()) {
                output(new Entry("wait", JsonNodeFactory.instance.objectNode().put("ms", timeoutMs)));
                finish();
                advance();
            }
        } catch (IOException e) {
            throw new BadDialogue(dialogue.file() + ": " + e);
        } catch (Over | BadDialogue e) {
            throw e;
        } catch (RuntimeException e) {
            // An error, so that nobody takes it for one of the released client.
            throw new AssertionError("a fault of the harness at " + dialogue.file() + ", step " + step.step(), e);
        }
    }

    @Override
    public void drawMissing() {
        differences.add(Difference.of("draw", "", "a random number"));
    }

    @Override
    public List<byte[]> appendedByModel() {
        List<byte[]> batches = new ArrayList<>();
        for (Entry entry : step.entries()) {
            if (entry.kind().equals("appended")) {
                batches.addAll(entry.batches());
            }
        }
        return batches;
    }

    private void output(Entry entry) {
        outputs.add(entry);
        deliveries.output(entry);
        if (entry.kind().equals("send")) {
            unclaimed.computeIfAbsent(entry.text("to"), to -> new ArrayDeque<>()).add(entry);
        }
    }

    private void begin(Line line) {
        step = line;
        nextEntry = 0;
        // The client's thread is where the last step ended, and takes nothing from its queue before it has polled the state.
        handedOver = line.cause().equals("continue");
        outputs.clear();
        differences.clear();
        unclaimed.clear();
        claims.clear();
        node.setTime(line.wallMs(), line.monoNs());
        node.setDraws(line.draws());
    }

    /**
     * Lets the client's thread go on: with the next input, or once with nothing if the step has no input for it. False if
     * the step is over. A client that does not want to wait polls again in the model's next step.
     */
    private boolean feed() {
        while (nextEntry < step.entries().size()) {
            Entry entry = step.entries().get(nextEntry);
            if (!handedOver && isOfThread(entry)) {
                handedOver = true;
                return true;
            }
            nextEntry += 1;
            if (entry.kind().equals("send")) {
                claims.add(entry);
            } else if (entry.isInput() && give(entry)) {
                handedOver = true;
                return true;
            }
        }
        boolean first = !handedOver;
        handedOver = true;
        return first;
    }

    /** Whether the model's step ends here, with a write to the disk: the clock shows another time in the next poll. */
    private boolean endsWithWrite() {
        boolean goesOn = step.entries().stream().noneMatch(
            entry -> entry.kind().equals("wait") || entry.kind().equals("halt"));
        return goesOn && step.entries().stream().skip(nextEntry).noneMatch(Entry::isInput);
    }

    private void nextStep() throws IOException {
        step.entries().stream().skip(nextEntry).filter(entry -> entry.kind().equals("send")).forEach(claims::add);
        finish();
        advance();
    }

    /** Whether the client's thread did this. Parked fetches are answered by the one that watches their time. */
    private static boolean isOfThread(Entry entry) {
        return !entry.isInput() && !entry.kind().equals("answer");
    }

    /** Pairs the model's requests with those that the released client sent to the same peers in the same order. */
    private void settleClaims() {
        for (Entry send : claims) {
            Deque<Entry> candidates = unclaimed.getOrDefault(send.text("to"), new ArrayDeque<>());
            for (Entry candidate : candidates) {
                if (candidate.text("api").equals(send.text("api"))) {
                    candidates.remove(candidate);
                    kafkaIds.put(send.text("to") + ":" + send.text("correlation_id"),
                        candidate.body().path("correlation_id").asInt());
                    break;
                }
            }
        }
        claims.clear();
    }

    /** Gives one input to the client; true if that put a message into the queue of its thread. */
    private boolean give(Entry entry) {
        return switch (entry.kind()) {
            case "request" -> request(entry);
            case "response", "failure" -> response(entry);
            default -> {
                act(entry);
                yield false;
            }
        };
    }

    private boolean request(Entry entry) {
        ApiKeys api = api(entry);
        short version = version(entry);
        node.request(entry.text("connection"), entry.body().path("correlation_id").asInt(), api, version,
            read(() -> Bodies.readRequest(api, version, entry.body().path("body"))));
        return true;
    }

    private boolean response(Entry entry) {
        settleClaims();
        Integer id = kafkaIds.remove(entry.text("to") + ":" + entry.text("correlation_id"));
        boolean expected;
        if (id == null) {
            expected = false;
        } else if (entry.kind().equals("failure")) {
            expected = node.fail(id);
        } else {
            expected = node.respond(id,
                read(() -> Bodies.readResponse(api(entry), version(entry), entry.body().path("body"))));
        }
        if (!expected) {
            differences.add(Difference.of("response.unexpected", entry.body(), "no such request"));
        }
        return expected;
    }

    /** What other threads of the process do to the client. */
    private void act(Entry entry) {
        JsonNode body = entry.body();
        switch (entry.kind()) {
            case "expired" -> {
                if (!node.expire(entry.text("connection"), body.path("correlation_id").asInt())) {
                    differences.add(Difference.of("expired.unexpected", body, "no such parked fetch"));
                }
            }
            case "append" -> append(body);
            case "schedule" -> attempt(node::schedule);
            case "resign" -> attempt(() -> node.resign(body.path("epoch").asInt()));
            case "upgrade_kraft_version" -> upgrade(body);
            case "shutdown" -> node.shutdown(body.path("timeout_ms").asInt());
            case "read" -> readDelivery(entry);
            case "create_snapshot" -> createSnapshot(body);
            case "freeze_snapshot" -> freezeSnapshot(body);
            case "close_snapshot" -> expect(node.closeSnapshot(snapshotId(body)), "snapshot.close", body);
            case "delete_snapshot" -> deleteSnapshot(body);
            default -> throw new BadDialogue(dialogue.file() + ": unknown input " + entry.kind());
        }
    }

    private void append(JsonNode body) {
        List<byte[]> records = new ArrayList<>();
        body.path("records").forEach(
            record -> records.add(read(() -> Base64.getDecoder().decode(record.asText()))));
        String kafka;
        try {
            kafka = "" + node.append(body.path("epoch").asInt(), records);
        } catch (RuntimeException e) {
            kafka = e.getClass().getSimpleName().replace("Exception", "");
        }
        String model = body.has("error") ? body.path("error").asText() : body.path("offset").asText();
        if (!model.equals(kafka)) {
            differences.add(Difference.of("append.result", model, kafka));
        }
    }

    private void upgrade(JsonNode body) {
        Errors kafka = node.upgradeKRaftVersion(body.path("epoch").asInt(), (short) body.path("level").asInt(),
            body.path("validate_only").asBoolean());
        Errors model = Errors.forCode((short) body.path("error_code").asInt());
        if (model != kafka) {
            differences.add(Difference.of("upgrade.result", model, kafka));
        }
    }

    private void readDelivery(Entry entry) {
        deliveries.read(entry, differences);
        OptionalLong end = node.read(entry.text("listener"), entry.body().path("ordinal").asLong());
        long modelEnd = entry.body().path("end").asLong();
        if (end.isEmpty() || end.getAsLong() != modelEnd) {
            differences.add(Difference.of("read.end", modelEnd, end.isEmpty() ? "no such delivery" : end.getAsLong()));
        }
    }

    private void createSnapshot(JsonNode body) {
        byte[] bytes = read(() -> Base64.getDecoder().decode(body.path("bytes").asText("")));
        String kafka = node.createSnapshot(snapshotId(body), body.path("log_timestamp_ms").asLong(), RaftNode.records(bytes));
        expect(deliveries.maySnapshotEndAt(body.path("end").asLong()), "snapshot.end", body);
        String model = body.has("error") ? "refused" : body.path("bytes").isNull() ? "none" : "created";
        if (!model.equals(kafka)) {
            differences.add(Difference.of("snapshot.create", model + " " + body, kafka));
        }
        snapshots.put(snapshotId(body), bytes);
    }

    /** The content is compared when the file has its name: until then nobody reads it. */
    private void freezeSnapshot(JsonNode body) {
        try {
            byte[] model = snapshots.remove(snapshotId(body));
            Optional<byte[]> kafka = node.freezeSnapshot(snapshotId(body), model);
            expect(kafka.isPresent() && body.path("forced").asBoolean(), "snapshot.freeze", body);
            if (kafka.isPresent() && !Arrays.equals(model, kafka.get())) {
                differences.add(Difference.of("snapshot.bytes", Base64.getEncoder().encodeToString(model),
                    Base64.getEncoder().encodeToString(kafka.get())));
            }
        } catch (IOException e) {
            throw new BadDialogue(dialogue.file() + ": " + e);
        }
    }

    /** The log deletes all of which it is time, and the model says each. */
    private void deleteSnapshot(JsonNode body) {
        try {
            deleted.addAll(node.deleteSnapshots());
            expect(deleted.remove(snapshotId(body)), "snapshot.delete.extra", body);
        } catch (IOException e) {
            throw new BadDialogue(dialogue.file() + ": " + e);
        }
    }

    private void expect(boolean agrees, String name, JsonNode body) {
        if (!agrees) {
            differences.add(Difference.of(name, body, ""));
        }
    }

    private static OffsetAndEpoch snapshotId(JsonNode body) {
        return new OffsetAndEpoch(body.path("end").asLong(), body.path("epoch").asInt());
    }

    /** The callers of these live with their exceptions: no longer being the leader is nothing unusual. */
    private static void attempt(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException e) {
            // As said.
        }
    }

    // The end of a step

    private void finish() throws IOException {
        settleClaims();
        node.forgetWakeUps();
        JsonNode state = node.isRunning() ? node.state() : null;
        differences.addAll(Comparison.ofSteps(step.entries(), outputs, step.state(), state));
        deliveries.step(step.entries(), differences);
        if (node.isRunning() && node.isExpiredObserver()) {
            differences.replaceAll(Life::ofExpiredObserver);
        }
        differences.removeIf(this::isSecondOfUnpaired);
        boolean parted = report.compared(step, outputs, differences);
        if (parted) {
            throw new Over();
        }
    }

    /** What follows from polls without waiting has names of its own, so that it is known of these steps only. */
    private static Difference ofExpiredObserver(Difference difference) {
        boolean spins = difference.name().equals("draw")
            || difference.name().equals("wait") && difference.kafka().equals("0");
        return spins ? new Difference(difference.name() + ".expired_observer", difference.model(), difference.kafka())
            : difference;
    }

    private boolean isSecondOfUnpaired(Difference difference) {
        boolean missing = difference.name().startsWith("answer.") && difference.name().endsWith(".missing");
        boolean extra = difference.name().startsWith("answer.") && difference.name().endsWith(".extra");
        if (!missing && !extra) {
            return false;
        }
        return !unpairedAnswers.add(difference.name() + (missing ? difference.kafka() : difference.model()));
    }

    private void halted(boolean fatal, String reason) throws IOException {
        outputs.add(new Entry("halt", JsonNodeFactory.instance.objectNode().put("fatal", fatal).put("reason", reason)));
        try {
            finish();
        } catch (Over e) {
            // It is over in any case.
        }
    }

    /** Reads on to the next step of this life, doing what others did between the steps. */
    private void advance() throws IOException {
        for (Line next = dialogue.peek(); next != null && !next.is("boot"); next = dialogue.peek()) {
            dialogue.next();
            if (next.is("aside")) {
                aside(next);
            } else if (next.is("down")) {
                down(next);
            } else if (next.is("step")) {
                if (next.isDiskError()) {
                    report.notCompared(next);
                    throw new Over();
                }
                begin(next);
                if (!next.cause().equals("continue")) {
                    compareWakeUp();
                }
                return;
            }
        }
        throw new Over();
    }

    /**
     * A thread that was woken up does not go on waiting for its time, and does not wake up for nothing. A message that came
     * in the same millisecond may have ended its wait, and may have left a wake-up behind for the next one.
     */
    private void compareWakeUp() {
        if (step.cause().equals("timer") && wokenUpMs != null && step.wallMs() > wokenUpMs) {
            differences.add(Difference.of("wake-up.missing", "timer", "wake-up"));
        } else if (step.cause().equals("wake-up") && wakeUpsDue == 0) {
            differences.add(Difference.of("wake-up.extra", "wake-up", ""));
        }
        wokenUpMs = null;
        wakeUpsDue = step.cause().equals("wake-up") ? Math.max(0, wakeUpsDue - 1) : wakeUpsDue;
    }

    /** The files that a kill leaves are those that the next boot finds; a loss of power takes what was not forced yet. */
    private void down(Line line) throws IOException {
        Line boot = dialogue.peek();
        if (boot != null && boot.is("boot") && line.field("how").asText().equals("killed")
            && line.field("settled").asBoolean()) {
            report.aside(line, List.of(), DiskComparison.of(boot.field("disk"), node.disk()));
        }
    }

    private void noteWakeUp(Line aside) {
        if (node.wakeUps() > 0) {
            wokenUpMs = aside.wallMs();
            wakeUpsDue += node.wakeUps();
        }
        node.forgetWakeUps();
    }

    private void aside(Line line) {
        begin(line);
        for (Entry entry : line.entries()) {
            if (entry.isInput()) {
                act(entry);
            }
        }
        deleted.forEach(id -> differences.add(Difference.of("snapshot.delete.missing", "", id)));
        deleted.clear();
        noteWakeUp(line);
        if (report.aside(line, outputs, differences)) {
            throw new Over();
        }
    }

    private static ApiKeys api(Entry entry) {
        try {
            return ApiKeys.valueOf(entry.text("api"));
        } catch (IllegalArgumentException e) {
            throw new BadDialogue("unknown API " + entry.text("api"));
        }
    }

    private static short version(Entry entry) {
        return (short) entry.body().path("version").asInt();
    }

    private <T> T read(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (IllegalArgumentException e) {
            throw new BadDialogue(dialogue.file() + ", step " + step.step() + ": " + e.getMessage());
        }
    }
}
