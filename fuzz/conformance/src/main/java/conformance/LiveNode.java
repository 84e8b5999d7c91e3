package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.raft.RaftNode;
import org.apache.kafka.raft.Setup;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.SynchronousQueue;

/**
 * A real node in a recording. Its client has a thread of its own, but that runs only while {@link #step} waits for it: so a
 * recording has one order of things, and each step is written down as it happened.
 */
final class LiveNode implements RaftNode.Driver {
    private static final long EPOCH_MS = 1_767_225_600_000L;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Runnable NOTHING = () -> { };
    private static final Runnable KILL = () -> {
        throw new Killed();
    };

    private final Setup setup;
    private Uuid directoryId;
    private final PrintWriter file;
    private final Random random;
    private final SynchronousQueue<Runnable> toClient = new SynchronousQueue<>();
    /** How long the client waits, or why it ended. */
    private final SynchronousQueue<Object> fromClient = new SynchronousQueue<>();
    private final List<Entry> outputs = new ArrayList<>();
    private Map<String, byte[]> disk;
    private Path directory;
    private RaftNode node;
    private int incarnation = 0;
    private long steps = 0;
    private boolean up = false;
    private long waitMs;

    private static final class Killed extends RuntimeException {
        Killed() {
            super(null, null, false, false);
        }
    }

    LiveNode(Setup setup, Uuid directoryId, Map<String, byte[]> disk, PrintWriter file, Random random) {
        this.setup = setup;
        this.directoryId = directoryId;
        this.disk = disk;
        this.file = file;
        this.random = random;
    }

    boolean isUp() {
        return up;
    }

    int incarnation() {
        return incarnation;
    }

    long waitMs() {
        return waitMs;
    }

    RaftNode raft() {
        return node;
    }

    JsonNode state() {
        return node.state();
    }

    List<Entry> boot(long nowMs) throws IOException {
        incarnation += 1;
        ObjectNode line = line("boot", nowMs).put("incarnation", incarnation).put("directory_id", directoryId.toString());
        ObjectNode files = line.putObject("disk");
        disk.forEach(files::put);
        directory = Files.createTempDirectory("recording");
        for (var each : disk.entrySet()) {
            Path path = directory.resolve(each.getKey());
            Files.createDirectories(path.getParent());
            Files.write(path, each.getValue());
        }
        node = new RaftNode(setup, directory, this, outputs::add);
        node.drawFrom(random);
        node.setTime(EPOCH_MS + nowMs, nowMs * 1_000_000);
        outputs.clear();
        up = true;
        new Thread(this::live, "raft-io-" + setup.nodeId()).start();
        await();
        if (up) {
            run(NOTHING);
        }
        node.forgetWakeUps();
        return finish(line, List.of());
    }

    /** Runs one step of the client's thread and gives what the client did. */
    List<Entry> step(String cause, long nowMs, List<Entry> inputs, Runnable give) throws IOException {
        node.setTime(EPOCH_MS + nowMs, nowMs * 1_000_000);
        outputs.clear();
        node.forgetWakeUps();
        run(give);
        return finish(line("step", nowMs).put("cause", cause), inputs);
    }

    /** Runs what another thread of the process does. */
    void aside(long nowMs, List<Entry> inputs, Runnable act) {
        node.setTime(EPOCH_MS + nowMs, nowMs * 1_000_000);
        outputs.clear();
        act.run();
        write(line("aside", nowMs), inputs);
    }

    void kill(long nowMs) throws IOException {
        kill(nowMs, "killed");
    }

    /** The next boot finds an empty disk, with this directory id. */
    void killAndWipe(long nowMs, Uuid newDirectoryId) throws IOException {
        kill(nowMs, "disk-replaced");
        disk = new TreeMap<>();
        directoryId = newDirectoryId;
    }

    Uuid directoryId() {
        return directoryId;
    }

    private void kill(long nowMs, String how) throws IOException {
        try {
            toClient.put(KILL);
            fromClient.take();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        down(nowMs, how);
    }

    private void down(long nowMs, String how) throws IOException {
        up = false;
        disk = node.disk();
        node.close();
        Replay.delete(directory);
        ObjectNode line = line("down", nowMs).put("how", how).put("settled", true);
        file.println(line);
    }

    private List<Entry> finish(ObjectNode line, List<Entry> inputs) throws IOException {
        if (up) {
            outputs.add(new Entry("wait", JSON.createObjectNode().put("ms", waitMs)));
            line.set("state", node.state());
        }
        write(line, inputs);
        List<Entry> result = List.copyOf(outputs);
        if (!up) {
            down(line.path("wall_ms").asLong() - EPOCH_MS, "halted");
        }
        return result;
    }

    private void write(ObjectNode line, List<Entry> inputs) {
        var draws = line.putArray("draws");
        node.takeDrawn().forEach(draw -> draws.addArray().add(draw[0]).add(draw[1]));
        var entries = line.putArray("entries");
        inputs.forEach(entry -> entries.add(entry.toJson()));
        outputs.forEach(entry -> entries.add(entry.toJson()));
        file.println(line);
    }

    private ObjectNode line(String kind, long nowMs) {
        return JSON.createObjectNode().put("kind", kind).put("step", steps++).put("at_ns", nowMs * 1_000_000)
            .put("mono_ns", nowMs * 1_000_000).put("wall_ms", EPOCH_MS + nowMs);
    }

    // Between the two threads

    private void run(Runnable next) {
        try {
            toClient.put(next);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        await();
    }

    /** Until the client waits, or ends. */
    private void await() {
        Object said;
        try {
            said = fromClient.take();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        if (said instanceof Long wait) {
            waitMs = wait;
            return;
        }
        up = false;
        outputs.add(new Entry("halt", JSON.createObjectNode()
            .put("fatal", said instanceof Throwable).put("reason", said.toString())));
    }

    private void live() {
        Object end = "shut down";
        try {
            node.boot(directoryId, Optional.empty());
            while (node.isRunning()) {
                node.poll();
            }
            node.finish();
        } catch (IOException e) {
            end = new UncheckedIOException(e);
        } catch (RuntimeException e) {
            end = e;
        }
        try {
            fromClient.put(end);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void await(long timeoutMs) {
        try {
            fromClient.put(timeoutMs);
            toClient.take().run();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void drawMissing() {
        throw new IllegalStateException("a recording really draws");
    }

    @Override
    public List<byte[]> appendedByModel() {
        return List.of();
    }
}
