package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Replays a dialogue of a replica on the released class, life after life. */
final class PartitionLife {
    private final PartitionDialogue dialogue;
    private final Report report;
    private final StandingClock time = new StandingClock();
    private Replica replica;
    private boolean parted = false;

    private PartitionLife(PartitionDialogue dialogue, Report report) {
        this.dialogue = dialogue;
        this.report = report;
    }

    static void run(Path file, Report report) throws IOException {
        try (PartitionDialogue dialogue = new PartitionDialogue(file)) {
            report.beginFile(file, true);
            PartitionLife life = new PartitionLife(dialogue, report);
            for (Line line = dialogue.next(); line != null; line = dialogue.next()) {
                life.line(line);
            }
            life.end();
        }
    }

    private void line(Line line) throws IOException {
        if (line.is("boot")) {
            end();
            parted = false;
            replica = new Replica(dialogue, time, line.field("disk"));
            report.compared(line, List.of(), List.of());
        } else if (line.is("down")) {
            end();
        } else if (replica == null || parted) {
            report.notCompared(line);
        } else {
            step(line);
        }
    }

    private void end() throws IOException {
        if (replica != null) {
            replica.close();
            replica = null;
        }
    }

    private void step(Line line) {
        time.set(line.wallMs(), line.monoNs());
        replica.brokerEpoch(line.field("broker_epoch").asLong());
        List<Boolean> accepted = new ArrayList<>();
        List<String> submitted = new ArrayList<>();
        JsonNode call = null;
        JsonNode result = null;
        for (Entry entry : line.entries()) {
            switch (entry.kind()) {
                case "brokers" -> replica.brokers(entry.body());
                case "min_insync_replicas" -> replica.minInsyncReplicas(entry.body().path("value").asInt());
                case "submit" -> {
                    accepted.add(entry.body().path("accepted").asBoolean());
                    submitted.add(Submissions.text(entry.body()));
                }
                case "call" -> call = entry.body();
                case "result" -> result = entry.body();
                default -> throw new BadDialogue("unknown entry " + entry.kind());
            }
        }
        replica.submissions().expect(accepted);
        List<Difference> differences = new ArrayList<>();
        ObjectNode kafka = null;
        try {
            switch (line.cause()) {
                case "delete" -> replica.delete();
                case "alter-partition" -> {
                    if (!replica.submissions().answer(call)) {
                        differences.add(Difference.of("response.unexpected", call, ""));
                    }
                }
                default -> kafka = Calls.run(line.cause(), call, replica, line.wallMs());
            }
        } catch (Exception e) {
            report.fault(e);
            differences.add(Difference.of("halt.exception", "", e));
        }
        differences.addAll(PartitionComparison.result(line.cause(), result, kafka));
        differences.addAll(PartitionComparison.submitted(submitted, replica.submissions().submitted()));
        if (line.state().isObject() && replica.partition() != null) {
            differences.addAll(PartitionComparison.state(line.state(), replica));
        }
        List<Entry> shown = kafka == null ? List.of() : List.of(new Entry("result", kafka));
        parted = report.compared(line, shown, differences) || differences.stream().anyMatch(PartitionLife::isParting);
    }

    /** What follows would be compared in vain. */
    private static boolean isParting(Difference difference) {
        return switch (difference.name()) {
            case "state.isr", "state.proposed", "state.epochs", "state.partition_epoch", "state.leader_epoch", "state.role",
                "state.log_end", "halt.exception" -> true;
            default -> difference.name().startsWith("submit");
        };
    }
}
