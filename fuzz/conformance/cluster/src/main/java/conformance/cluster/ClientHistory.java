package conformance.cluster;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * What clients requested and were answered, twice: as the history that {@code kraftsim check} reads (EDN), and as a list of
 * successes with their times.
 */
final class ClientHistory implements AutoCloseable {
    /** A process of Jepsen's has one operation at a time; each client has so many numbers. */
    private static final long PROCESSES = 1_000_000;

    /** The processes of one client. */
    static final class Client {
        private final Deque<Long> idle = new ArrayDeque<>();
        private long next;

        Client(int number) {
            next = number * PROCESSES;
        }
    }

    /** A value in a partition's log. */
    record Value(long offset, long value) {
    }

    private final BufferedWriter history;
    private final BufferedWriter successes;
    private final long startNs = System.nanoTime();
    private long index;

    ClientHistory(Path history, Path successes) throws IOException {
        this.history = Files.newBufferedWriter(history);
        this.successes = Files.newBufferedWriter(successes);
    }

    /** Returns the process of the operation. */
    synchronized long sendBegins(Client client, String partition, long value) {
        long process = client.idle.isEmpty() ? client.next++ : client.idle.pop();
        line(":invoke", process, ":send", "[[:send \"" + partition + "\" " + value + "]]");
        return process;
    }

    synchronized void sent(Client client, long process, String partition, Value value) {
        line(":ok", process, ":send", "[[:send \"" + partition + "\" [" + value.offset + " " + value.value + "]]]");
        client.idle.push(process);
        succeeded("produce", partition);
    }

    /** It may have been appended: its process ends. */
    synchronized void sendUnknown(long process, String partition, long value) {
        line(":info", process, ":send", "[[:send \"" + partition + "\" " + value + "]]");
    }

    synchronized void pollBegins(long process) {
        line(":invoke", process, ":poll", "[[:poll]]");
    }

    synchronized void polled(long process, Map<String, List<Value>> records) {
        StringBuilder text = new StringBuilder("[[:poll {");
        records.forEach((partition, values) -> {
            text.append('"').append(partition).append("\" [");
            values.forEach(it -> text.append('[').append(it.offset).append(' ').append(it.value).append(']'));
            text.append("] ");
        });
        line(":ok", process, ":poll", text.append("}]]").toString());
        records.keySet().forEach(partition -> succeeded("consume", process + "/" + partition));
    }

    synchronized void administered() {
        succeeded("admin", "admin");
    }

    private void line(String type, long process, String operation, String value) {
        try {
            history.write("{:index " + index++ + ", :time " + (System.nanoTime() - startNs) + ", :type " + type
                + ", :process " + process + ", :f " + operation + ", :value " + value + "}\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void succeeded(String kind, String series) {
        try {
            successes.write(ServerLog.ns(Instant.now()) + " " + kind + " " + kind + "/" + series + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized void flush() throws IOException {
        successes.flush();
        history.flush();
    }

    @Override
    public synchronized void close() throws IOException {
        successes.close();
        history.close();
    }
}
