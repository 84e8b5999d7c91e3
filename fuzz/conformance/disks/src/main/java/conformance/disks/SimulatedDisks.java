package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The directories of simulated nodes: at the end of runs, and after each power loss. */
record SimulatedDisks(String scenario, long first, long end) {
    private static final Pattern RANGE = Pattern.compile("([^=]+)=(\\d+)\\.\\.(\\d+)");

    /** SCENARIO=FIRST..END, without the last. */
    static SimulatedDisks parse(String argument) {
        Matcher matcher = RANGE.matcher(argument);
        if (!matcher.matches()) {
            throw new BadInput(argument + ": not SCENARIO=FIRST..END, such as calm=0..10");
        }
        return new SimulatedDisks(matcher.group(1), Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3)));
    }

    /** Kafka's tools and classes read what the simulator writes, as the simulator reads it. */
    void read(Kraftsim kraftsim, Path work, Report report) throws IOException {
        for (long seed = first; seed < end; seed++) {
            Path out = work.resolve("run");
            JsonNode manifest = kraftsim.replay(scenario, seed, null, out);
            report.of(scenario + " " + seed);
            for (JsonNode node : manifest.get("nodes")) {
                Path directory = out.resolve(node.get("directory").asText());
                new DirectoryComparison(report, directory, kraftsim.inspect(directory)).compare();
                report.note("directories of simulated nodes", 1);
            }
            Recovery.delete(out);
            progress("read", seed, report);
        }
    }

    /** Kafka's classes load what power losses leave, as a simulated node does at its next boot. */
    void recover(Kraftsim kraftsim, Path work, Report report) throws IOException {
        for (long seed = first; seed < end; seed++) {
            for (Kraftsim.PowerLoss loss : kraftsim.powerLosses(scenario, seed, work.resolve("trace.ndjson"))) {
                Path out = work.resolve("loss");
                JsonNode manifest = kraftsim.replay(scenario, seed, loss.atNs(), out);
                report.of(scenario + " " + seed + ", " + loss.node() + " at " + loss.atNs() + " ns");
                Path directory = out.resolve(loss.node());
                if (!Files.exists(directory.resolve("meta.properties"))) {
                    report.note("power losses before the directory was formatted", 1);
                    Recovery.delete(out);
                    continue;
                }
                if (hasUnreadableFile(manifest, loss.node())) {
                    report.note("power losses that leave an unreadable file", 1);
                    Recovery.delete(out);
                    continue;
                }
                JsonNode json = kraftsim.inspect(directory);
                Properties properties = Recovery.properties(out.resolve(loss.node() + ".properties")).orElseThrow();
                new DirectoryComparison(report, directory, json).compare();
                new Recovery(report, directory, json).compare(properties);
                report.note("directories after a power loss", 1);
                report.note("of these with damage, such as a torn tail", json.get("damage").size() > 0 ? 1 : 0);
                Recovery.delete(out);
            }
            progress("recover", seed, report);
        }
    }

    private static boolean hasUnreadableFile(JsonNode manifest, String name) {
        for (JsonNode node : manifest.get("nodes")) {
            if (node.get("name").asText().equals(name)) {
                return node.get("unreadable").size() > 0;
            }
        }
        return false;
    }

    private void progress(String part, long seed, Report report) {
        System.err.printf("%s %s %d of %d: %,d compared, %,d differ%n", part, scenario, seed - first + 1, end - first,
            report.compared(), report.differing());
    }
}
