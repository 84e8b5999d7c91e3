package findings.broker;

import kafka.server.KafkaConfig;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Properties;

/** What the findings need of a broker around its logs. */
final class Broker {
    private Broker() {
    }

    static KafkaConfig config(int id, Path logDirectory) {
        Properties properties = new Properties();
        properties.put("process.roles", "broker");
        properties.put("node.id", Integer.toString(id));
        properties.put("controller.listener.names", "CONTROLLER");
        properties.put("controller.quorum.voters", "100@localhost:9093");
        properties.put("listeners", "PLAINTEXT://localhost:9092");
        properties.put("log.dirs", logDirectory.toString());
        properties.put("log.cleaner.enable", "false");
        return KafkaConfig.fromProps(properties);
    }

    /** Copies a directory, but for the lock of the process that uses it. */
    static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) throws IOException {
                Files.createDirectories(to.resolve(from.relativize(directory)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (!file.getFileName().toString().equals(".lock")) {
                    Files.copy(file, to.resolve(from.relativize(file)));
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
