package conformance.disks;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.QuorumInfo;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Real servers, a process for each: {@code kafka.Kafka} on a file of properties. */
final class Servers implements AutoCloseable {
    private static final String HEAP = "-Xmx256m";
    private static final int STOP_SECONDS = 60;
    private static final int LAST_LINES = 12;

    private final Map<String, Process> running = new LinkedHashMap<>();
    private final Path logs;

    Servers(Path logs) {
        this.logs = logs;
    }

    void start(String name, Path properties) throws IOException {
        List<String> words = java("kafka.Kafka");
        words.add(properties.toString());
        File log = logs.resolve(name + ".log").toFile();
        running.put(name, new ProcessBuilder(words).redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log)).start());
    }

    /** Formats the directories of a node (`kafka-storage format`). */
    void format(Path properties, String clusterId, List<String> options) throws IOException {
        List<String> words = java("kafka.tools.StorageTool");
        words.addAll(List.of("format", "-t", clusterId, "-c", properties.toString()));
        words.addAll(options);
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        if (await(process) != 0) {
            throw new BadInput("kafka-storage format of " + properties + ":\n" + said);
        }
    }

    private static List<String> java(String main) {
        return new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), HEAP,
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Ddisks.log=info",
            "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"),
            "-Djdk.net.hosts.file=" + System.getProperty("jdk.net.hosts.file"), "-cp",
            System.getProperty("java.class.path"), main));
    }

    /** The process is killed as by {@code kill -9}. */
    void kill(String name) {
        await(running.remove(name).destroyForcibly());
    }

    /** SIGTERM. */
    void stop(String name) {
        Process process = running.remove(name);
        process.destroy();
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                await(process.destroyForcibly());
            }
        } catch (InterruptedException e) {
            throw new BadInput("interrupted");
        }
    }

    private static int await(Process process) {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            throw new BadInput("interrupted");
        }
    }

    /** Waits until the quorum, asked at this controller or broker, is as it should be. */
    QuorumInfo awaitQuorum(String key, String servers, int seconds, Predicate<QuorumInfo> wanted) {
        Properties properties = new Properties();
        properties.put(key, servers);
        properties.put("default.api.timeout.ms", "5000");
        properties.put("request.timeout.ms", "3000");
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        String last = "nothing";
        while (System.nanoTime() < until) {
            for (Map.Entry<String, Process> server : running.entrySet()) {
                if (!server.getValue().isAlive()) {
                    throw new BadInput(server.getKey() + " has ended by itself:\n" + end(server.getKey()));
                }
            }
            try (Admin admin = Admin.create(properties)) {
                QuorumInfo info = admin.describeMetadataQuorum().quorumInfo().get(5, TimeUnit.SECONDS);
                if (wanted.test(info)) {
                    return info;
                }
                last = info.toString();
                Thread.sleep(200);
            } catch (InterruptedException e) {
                throw new BadInput("interrupted");
            } catch (Exception e) {
                last = e.toString();
            }
        }
        throw new BadInput("the quorum at " + servers + " is not as expected after " + seconds + " s: " + last);
    }

    /** The last lines of a server's log. */
    private String end(String name) {
        try {
            List<String> lines = Files.readAllLines(logs.resolve(name + ".log"));
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Override
    public void close() {
        List.copyOf(running.keySet()).forEach(this::kill);
    }
}
