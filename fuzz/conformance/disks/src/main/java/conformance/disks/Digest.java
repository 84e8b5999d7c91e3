package conformance.disks;

import java.nio.charset.StandardCharsets;
import java.util.List;

import org.apache.kafka.common.Uuid;

/**
 * The digest of one entity of an image: the canonical walk of {@code raft/src/metadata/image/digest.rs}, written a second
 * time. The digest of an image is the sum of those of its entities.
 */
final class Digest {
    static final int FEATURE = 1;
    static final int BROKER = 2;
    static final int CONTROLLER = 3;
    static final int TOPIC = 4;
    static final int PARTITION = 5;
    static final int CONFIG = 6;
    static final int PRODUCER_IDS = 7;

    private static final long START = 0x2d358dccaa6c78a5L;
    private static final long FACTOR = 0x9e3779b97f4a7c15L;

    private long state = START;

    Digest(int kind) {
        number(kind);
    }

    Digest number(long n) {
        long one = state ^ n ^ FACTOR;
        long other = Long.rotateLeft(n, 32) ^ FACTOR;
        state = Long.rotateLeft(state, 23) ^ (one * other) ^ unsignedHigh(one, other);
        return this;
    }

    Digest flag(boolean is) {
        return number(is ? 1 : 0);
    }

    Digest text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        number(bytes.length);
        for (int at = 0; at < bytes.length; at += Long.BYTES) {
            long word = 0;
            for (int i = Math.min(bytes.length - at, Long.BYTES) - 1; i >= 0; i--) {
                word = word << 8 | (bytes[at + i] & 0xff);
            }
            number(word);
        }
        return this;
    }

    Digest uuid(Uuid id) {
        return number(Long.reverseBytes(id.getMostSignificantBits()))
            .number(Long.reverseBytes(id.getLeastSignificantBits()));
    }

    Digest numbers(int[] numbers) {
        number(numbers.length);
        for (int n : numbers) {
            number(n);
        }
        return this;
    }

    Digest uuids(List<Uuid> ids) {
        number(ids.size());
        ids.forEach(this::uuid);
        return this;
    }

    long finish() {
        long mixed = (state ^ state >>> 32) * FACTOR;
        return mixed ^ mixed >>> 29;
    }

    private static long unsignedHigh(long a, long b) {
        return Math.multiplyHigh(a, b) + (a >> 63 & b) + (b >> 63 & a);
    }
}
