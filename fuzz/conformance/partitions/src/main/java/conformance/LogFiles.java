package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.record.internal.MemoryRecords;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Comparator;
import java.util.stream.Stream;

/** Batches and directories. */
final class LogFiles {
    private LogFiles() {
    }

    /** A copy each time: a leader writes offsets into the batches that it appends. */
    static MemoryRecords records(JsonNode batches) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        batches.forEach(batch -> bytes.writeBytes(Base64.getDecoder().decode(batch.asText())));
        return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes.toByteArray()));
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
