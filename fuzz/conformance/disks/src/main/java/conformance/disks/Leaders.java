package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.common.Uuid;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

/** Real controllers boot from the directories of simulated ones: who leads, and from which log end? */
final class Leaders {
    private static final int SECONDS = 180;
    private static final String LOG = "__cluster_metadata-0/";
    private static final String BOOTSTRAP = "controller.quorum.bootstrap.servers";
    /** Of every simulated host. */
    private static final int SIMULATED_PORT = 9093;

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
        static final Log NONE = new Log(0, 0, new byte[0]);
    }

    private void one(String scenario, long seed) throws IOException {
        Path out = work.resolve(scenario + "-" + seed);
        JsonNode manifest = kraftsim.replay(scenario, seed, null, out);
        Map<Integer, Log> logs = new LinkedHashMap<>();
        Map<Integer, Controller> controllers = new LinkedHashMap<>();
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
                controllers.put(node.get("id").asInt(), Controller.of(out, name));
            }
        }
        boot(scenario + " " + seed, out, logs, controllers);
        Recovery.delete(out);
        System.err.printf("lead %s %d: %,d compared, %,d differ%n", scenario, seed, report.compared(), report.differing());
    }

    private void boot(String where, Path out, Map<Integer, Log> logs, Map<Integer, Controller> controllers)
        throws IOException {
        int oldEpoch = logs.values().stream().mapToInt(Log::epoch).max().orElse(0);
        QuorumInfo info;
        try (Servers servers = new Servers(out)) {
            String addresses = controllers.values().stream().map(Controller::address).collect(Collectors.joining(","));
            for (Controller controller : controllers.values()) {
                servers.start(controller.name(), controller.realFile(addresses));
            }
            info = servers.awaitQuorum("bootstrap.controllers", addresses, SECONDS,
                it -> it.leaderId() >= 0 && it.leaderEpoch() > oldEpoch && it.highWatermark() >= 0
                    && it.highWatermark() > logs.get(it.leaderId()).end());
            controllers.values().forEach(it -> servers.stop(it.name()));
        } catch (BadInput e) {
            report.judge("real controllers lead", "lead.none", false, where, e::getMessage);
            return;
        }
        report.judge("real controllers lead", "lead.none", true, where, () -> "");
        Log leader = logs.get(info.leaderId());
        Path directory = controllers.get(info.leaderId()).directory();
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
        List<Log> voters = new ArrayList<>();
        for (QuorumInfo.ReplicaState voter : info.voters()) {
            // One on another disk, or none, counts as a voter without a log.
            Controller controller = controllers.get(voter.replicaId());
            voters.add(controller != null && controller.is(voter) ? logs.get(voter.replicaId()) : Log.NONE);
        }
        report.judge("the leader's log is as long as a majority's", "lead.longest", voters.stream()
            .filter(it -> it.epoch() < leader.epoch() || (it.epoch() == leader.epoch() && it.end() <= leader.end()))
            .count() > voters.size() / 2, where, () -> "leader " + info.leaderId());
        for (Controller controller : controllers.values()) {
            new DirectoryComparison(report, controller.directory(), kraftsim.inspect(controller.directory())).compare();
        }
    }

    /**
     * A simulated controller. Voters of a dynamic quorum stand in the log with the names of their simulated hosts, so the real
     * one listens there: {@code jdk.net.hosts.file} gives every such host a loopback address.
     */
    private record Controller(String name, Path directory, Path file, boolean isDynamic, String address,
        String directoryId) {

        static Controller of(Path out, String name) throws IOException {
            Path file = out.resolve(name + ".properties");
            Properties properties = Recovery.properties(file).orElseThrow();
            boolean isDynamic = properties.containsKey(BOOTSTRAP);
            String listener = properties.getProperty("listeners");
            String address = isDynamic ? name + ":" + SIMULATED_PORT : listener.substring(listener.indexOf("//") + 2);
            String directoryId = Recovery.properties(out.resolve(name).resolve("meta.properties"))
                .map(meta -> meta.getProperty("directory.id")).orElse("");
            return new Controller(name, out.resolve(name), file, isDynamic, address, directoryId);
        }

        /** The file that the real one starts with. */
        Path realFile(String controllers) throws IOException {
            if (!isDynamic) {
                return file;
            }
            List<String> lines = new ArrayList<>(Files.readAllLines(file));
            lines.removeIf(line -> line.startsWith("listeners=") || line.startsWith(BOOTSTRAP + "="));
            lines.addAll(List.of("listeners=CONTROLLER://" + address, BOOTSTRAP + "=" + controllers));
            return Files.write(file.resolveSibling(name + ".real.properties"), lines);
        }

        boolean is(QuorumInfo.ReplicaState voter) {
            Uuid id = voter.replicaDirectoryId();
            return id.equals(Uuid.ZERO_UUID) || id.toString().equals(directoryId);
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
