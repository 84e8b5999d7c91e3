package conformance.wire;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A capture: the messages of its TCP connections, in the order of the file. */
final class Capture {
    private static final int PACKET = 6;
    private static final int IP_BYTES = 20;

    /** A message without its length; `connection` names both ends, that of the client first, and `port` is the server's. */
    record Sent(String connection, int port, boolean isRequest, ByteBuffer bytes) {
    }

    private final Map<String, ByteArrayOutputStream> parts = new HashMap<>();
    private final List<Sent> messages = new ArrayList<>();

    private Capture() {
    }

    static List<Sent> read(Path file) throws IOException {
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        Capture capture = new Capture();
        while (all.hasRemaining()) {
            int at = all.position();
            int length = all.getInt(at + 4);
            if (all.getInt(at) == PACKET) {
                // Behind the head of the block, the interface and the time.
                int captured = all.getInt(at + 20);
                capture.packet(all.slice(at + 28, captured));
            }
            all.position(at + length);
        }
        if (capture.parts.values().stream().anyMatch(part -> part.size() > 0)) {
            throw new BadInput(file + ": a message is not whole");
        }
        return capture.messages;
    }

    private void packet(ByteBuffer ip) {
        int from = ip.getShort(IP_BYTES) & 0xffff;
        int to = ip.getShort(IP_BYTES + 2) & 0xffff;
        int payload = IP_BYTES + (ip.get(IP_BYTES + 12) >> 4 & 0xf) * 4;
        boolean isRequest = to == 9092 || to == 9093;
        String sender = Integer.toHexString(ip.getInt(12)) + ":" + from;
        String receiver = Integer.toHexString(ip.getInt(16)) + ":" + to;
        String connection = isRequest ? sender + " " + receiver : receiver + " " + sender;
        ByteArrayOutputStream part =
            parts.computeIfAbsent(connection + isRequest, ignored -> new ByteArrayOutputStream());
        part.write(ip.array(), ip.arrayOffset() + payload, ip.limit() - payload);
        byte[] bytes = part.toByteArray();
        int at = 0;
        while (bytes.length - at >= 4 && bytes.length - at - 4 >= ByteBuffer.wrap(bytes, at, 4).getInt()) {
            int length = ByteBuffer.wrap(bytes, at, 4).getInt();
            messages.add(new Sent(connection, isRequest ? to : from, isRequest,
                ByteBuffer.wrap(bytes, at + 4, length).slice()));
            at += 4 + length;
        }
        if (at > 0 || bytes.length == 0) {
            part.reset();
            part.write(bytes, at, bytes.length - at);
        }
    }
}
