package conformance.cluster;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** A server of the cluster: its role, and its files. */
public record Node(int id, boolean isBroker, int port, Path home) {
    static final String HOST = "127.0.0.1";

    public String name() {
        return (isBroker ? "broker-" : "controller-") + id;
    }

    public String address() {
        return HOST + ":" + port;
    }

    public Path properties() {
        return home.resolve("server.properties");
    }

    /** The directory of the metadata log and its state files. */
    public Path metadataDirectory() {
        return home.resolve("metadata");
    }

    /** Kafka's log, as far as the log4j configuration turns it on. */
    public Path log() {
        return home.resolve("server.log");
    }

    /** Standard output and error. */
    public Path output() {
        return home.resolve("server.out");
    }

    /** Its example properties, with addresses on loopback and directories of its own. */
    void write(Path example, String voters) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(example)) {
            properties.load(reader);
        }
        String listener = (isBroker ? "PLAINTEXT://" : "CONTROLLER://") + address();
        properties.put("controller.quorum.voters", voters);
        properties.put("listeners", listener);
        properties.put("advertised.listeners", listener);
        properties.put("log.dirs", home.resolve(isBroker ? "data" : "metadata").toString());
        properties.put("metadata.log.dir", metadataDirectory().toString());
        Files.createDirectories(home);
        try (Writer writer = Files.newBufferedWriter(properties())) {
            properties.store(writer, null);
        }
    }
}
