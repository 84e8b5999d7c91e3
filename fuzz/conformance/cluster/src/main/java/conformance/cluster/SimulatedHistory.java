package conformance.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The successes in the history that {@code kraftsim replay --history FILE.edn} writes, of the lasting topic. */
final class SimulatedHistory {
    private static final Pattern SUCCESS =
        Pattern.compile("^\\{:index \\d+, :time (\\d+), :type :ok, :process (\\d+), :f :(send|poll), :value (.*)}$");
    private static final Pattern RECORDS = Pattern.compile("\"(" + ClientMain.TOPIC + "-\\d+)\" \\[+\\d");
    /** Each client has so many processes. */
    private static final long PROCESSES = 1_000_000;

    private SimulatedHistory() {
    }

    static List<Gaps.Success> successes(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return successes(lines);
        }
    }

    static List<Gaps.Success> successes(Stream<String> lines) {
        List<Gaps.Success> successes = new ArrayList<>();
        lines.forEach(line -> {
            Matcher success = SUCCESS.matcher(line);
            if (!success.matches()) {
                return;
            }
            long ns = Long.parseLong(success.group(1));
            boolean isProduce = success.group(3).equals("send");
            long consumer = isProduce ? 0 : Long.parseLong(success.group(2)) / PROCESSES;
            String kind = isProduce ? "produce" : "consume";
            for (Matcher of = RECORDS.matcher(success.group(4)); of.find();) {
                successes.add(new Gaps.Success(ns, kind, kind + "/" + consumer + "/" + of.group(1)));
            }
        });
        return successes;
    }
}
