package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.QuorumInfo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Real controllers boot from the directories of simulated ones: who leads, and from which log end? */
final class Leaders {
    private static final int SECONDS = 180;
    private static final String LOG = "__cluster_metadata-0/";

    private final Kraftsim kraftsim;
    private final Path work;
    private final Report report;

    Leaders(Kraftsim kraftsim, Path work, Report report) {
        this.kraftsim = kraftsim;
        this.work = work;
        this.report = report;
    }

    void run(List<SimulatedDisks> simulated) throws IOException {
        for (SimulatedDisks range : simulated) {
            for (long seed = range.first(); seed < range.end(); seed++) {
                one(range.scenario(), seed);
            }
        }
    }

    /** The end of a log, by what a simulated boot finds. */
    private record Log(int epoch, long end, byte[] bytes) {
    }

    private void one(String scenario, long seed) throws IOException {
        Path out = work.resolve(scenario + "-" + seed);
        JsonNode manifest = kraftsim.replay(scenario, seed, null, out);
        Map<Integer, Log> logs = new LinkedHashMap<>();
        Map<Integer, String> names = new LinkedHashMap<>();
        for (JsonNode node : manifest.get("nodes")) {
            String name = node.get("name").asText();
            if (name.startsWith("controller-")) {
                Path directory = out.resolve(name);
                JsonNode json = kraftsim.inspect(directory);
                if (json.get("image").get("features").isEmpty()) {
                    report.note("runs without a controller's records: " + scenario, 1);
                    Recovery.delete(out);
                    return;
                }
                JsonNode found = json.get("next_boot").get("metadata");
                var epochs = StateFiles.epochs(found.get("leader_epochs"));
                logs.put(node.get("id").asInt(),
                    new Log(epochs.isEmpty() ? 0 : epochs.lastKey(), found.get("end_offset").asLong(), bytes(directory)));
                names.put(node.get("id").asInt(), name);
            }
        }
        boot(scenario + " " + seed, out, logs, names);
        Recovery.delete(out);
        System.err.printf("lead %s %d: %,d compared, %,d differ%n", scenario, seed, report.compared(), report.differing());
    }

    private void boot(String where, Path out, Map<Integer, Log> logs, Map<Integer, String> names) throws IOException {
        int oldEpoch = logs.values().stream().mapToInt(Log::epoch).max().orElse(0);
        QuorumInfo info;
        try (Servers servers = new Servers(out)) {
            for (String name : names.values()) {
                servers.start(name, out.resolve(name + ".properties"));
            }
            String voters = Recovery.properties(out.resolve(names.values().iterator().next() + ".properties"))
                .orElseThrow().getProperty("controller.quorum.voters").replaceAll("\\d+@", "");
            info = servers.awaitQuorum("bootstrap.controllers", voters, SECONDS,
                it -> it.leaderId() >= 0 && it.leaderEpoch() > oldEpoch && it.highWatermark() >= 0
                    && it.highWatermark() > logs.get(it.leaderId()).end());
            List.copyOf(names.values()).forEach(servers::stop);
        } catch (BadInput e) {
            report.judge("real controllers lead", "lead.none", false, where, e::getMessage);
            return;
        }
        report.judge("real controllers lead", "lead.none", true, where, () -> "");
        Log leader = logs.get(info.leaderId());
        Path directory = out.resolve(names.get(info.leaderId()));
        JsonNode json = kraftsim.inspect(directory);
        List<JsonNode> batches = new ArrayList<>();
        for (JsonNode partition : json.get("partitions")) {
            if (partition.get("directory").asText().equals("__cluster_metadata-0")) {
                partition.get("segments").forEach(segment -> segment.get("batches").forEach(batches::add));
            }
        }
        // Elections in between leave a LeaderChange each; the first one is at the simulated end.
        JsonNode first = batches.stream().filter(it -> it.get("leader_epoch").asInt() > oldEpoch).findFirst().orElseThrow();
        report.same("first batch of the first real epoch: offset", where, first.get("base_offset").asLong(), leader.end());
        report.same("first batch of the first real epoch: record", where, first.get("records").get(0).get("type").asText(),
            "LEADER_CHANGE");
        byte[] after = bytes(directory);
        report.judge("simulated bytes at the start of the log", "lead.bytes", after.length > leader.bytes().length
            && Arrays.equals(after, 0, leader.bytes().length, leader.bytes(), 0, leader.bytes().length), where,
            () -> leader.bytes().length + " bytes became " + after.length);
        report.judge("the leader's log is as long as a majority's", "lead.longest", logs.values().stream()
            .filter(it -> it.epoch() < leader.epoch() || (it.epoch() == leader.epoch() && it.end() <= leader.end()))
            .count() > logs.size() / 2, where, () -> "leader " + info.leaderId());
        for (Map.Entry<Integer, String> node : names.entrySet()) {
            Path one = out.resolve(node.getValue());
            new DirectoryComparison(report, one, kraftsim.inspect(one)).compare();
        }
    }

    /** The bytes of all segments. */
    private static byte[] bytes(Path directory) throws IOException {
        List<Path> segments;
        try (var list = Files.list(directory.resolve(LOG))) {
            segments = list.filter(path -> path.toString().endsWith(".log")).sorted().toList();
        }
        var all = new java.io.ByteArrayOutputStream();
        for (Path segment : segments) {
            all.write(Files.readAllBytes(segment));
        }
        return all.toByteArray();
    }
}
