package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.controller.ReleasedController;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Replays a controller's dialogue on the released class, life after life. */
final class ControllerLife {
    private final ControllerDialogue dialogue;
    private final Report report;
    /** Calls of raft whose events have not run yet. */
    private final Deque<Entry> raftCalls = new ArrayDeque<>();
    private ReleasedController controller;
    private boolean parted = false;

    private ControllerLife(ControllerDialogue dialogue, Report report) {
        this.dialogue = dialogue;
        this.report = report;
    }

    static void run(Path file, Report report) throws IOException {
        try (ControllerDialogue dialogue = new ControllerDialogue(file)) {
            report.beginFile(file, true);
            ControllerLife life = new ControllerLife(dialogue, report);
            try {
                life.run();
            } finally {
                life.end();
            }
        }
    }

    private void run() throws IOException {
        for (Line line = dialogue.next(); line != null; line = dialogue.next()) {
            if (line.is("boot")) {
                boot(line);
            } else if (line.is("down")) {
                end();
            } else if (controller == null || parted) {
                report.notCompared(line);
            } else {
                step(line);
            }
        }
    }

    private void boot(Line line) throws IOException {
        end();
        parted = false;
        raftCalls.clear();
        try {
            controller = new ReleasedController(dialogue.setup(), line.monoNs(), line.wallMs());
        } catch (Exception e) {
            throw new IOException("cannot build a controller: " + e, e);
        }
        report.compared(line, List.of(), List.of());
    }

    private static List<JsonNode> bodies(Line line, String kind) {
        return line.entries().stream().filter(entry -> entry.kind().equals(kind)).map(Entry::body).toList();
    }

    private void step(Line line) throws IOException {
        controller.begin(line.monoNs(), line.wallMs(), line.draws(), bodies(line, "append"), bodies(line, "schedule"));
        boolean throwing = false;
        for (Entry entry : line.entries()) {
            switch (entry.kind()) {
                case "request" -> controller.receive(entry.body());
                case "commit" -> {
                    raftCalls.add(entry);
                    controller.handleCommit(entry.body());
                }
                case "load_snapshot" -> {
                    raftCalls.add(entry);
                    controller.handleLoadSnapshot(entry.body());
                }
                case "leader_change" -> {
                    raftCalls.add(entry);
                    controller.handleLeaderChange(entry.body());
                }
                case "throws" -> throwing = true;
                default -> { }
            }
        }
        boolean nothing = false;
        if (!line.cause().equals("arrival") && !line.cause().equals("nothing")) {
            see(line);
            nothing = !controller.runOne(throwing);
        }
        compare(line, nothing);
    }

    private void see(Line line) {
        if (line.cause().startsWith("handle")) {
            Entry call = raftCalls.poll();
            if (call != null && call.kind().equals("leader_change")) {
                controller.sees(call.body());
            }
        }
    }

    private void compare(Line line, boolean nothing) throws IOException {
        List<Entry> kafka = controller.takeOutputs();
        List<Difference> differences =
            new ArrayList<>(ControllerComparison.of(line.cause(), line.entries(), kafka));
        if (nothing) {
            differences.add(Difference.of("event.extra." + line.cause(), line.cause(), ""));
        }
        if (controller.drawsLeft() > 0) {
            differences.add(Difference.of("draw.extra", controller.drawsLeft(), 0));
        }
        state(line.state(), differences);
        String faults = controller.takeFaults();
        boolean ends = report.compared(line, kafka, differences);
        if (ends || differences.stream().anyMatch(difference -> difference.name().startsWith("event."))) {
            parted = true;
            end();
        }
        if (!faults.isEmpty() && !differences.isEmpty()) {
            System.err.println(faults);
        }
    }

    private void state(JsonNode model, List<Difference> differences) {
        if (!model.isObject() || controller.isHalted()) {
            return;
        }
        String role = controller.isActive() ? "active" : "standby";
        if (!model.path("role").asText().equals(role)) {
            differences.add(Difference.of("state.role", model.path("role").asText(), role));
        }
        if (model.path("epoch").asInt(-1) != controller.claimedEpoch()) {
            differences.add(Difference.of("state.epoch", model.path("epoch"), controller.claimedEpoch()));
        }
        if (model.path("last_stable").asLong() != controller.lastStableOffset()) {
            differences.add(Difference.of("state.last_stable", model.path("last_stable"), controller.lastStableOffset()));
        }
    }

    private void end() throws IOException {
        if (controller != null) {
            try {
                controller.close();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            controller = null;
        }
    }
}
