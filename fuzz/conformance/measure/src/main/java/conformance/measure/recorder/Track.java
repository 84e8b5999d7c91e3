package conformance.measure.recorder;

import org.apache.kafka.common.network.NetworkSend;

import java.util.IdentityHashMap;
import java.util.Map;

/** The open spans of one thread. */
final class Track {
    static final int DEPTH = 32;

    final int[] kinds = new int[DEPTH];
    final long[] begins = new long[DEPTH];
    final long[] nested = new long[DEPTH];
    final int[] identities = new int[DEPTH];
    final int[] auxiliaries = new int[DEPTH];
    final Message[] messages = new Message[DEPTH];
    /** The message that this thread is busy with. */
    final Message message = new Message();
    final Message scratch = new Message();
    final Map<NetworkSend, Sending> inFlight = new IdentityHashMap<>();
    Sending sending;
    int depth;
    /** Its number in the file; 0 until it has one. */
    int number;

    Track() {
        for (int i = 0; i < DEPTH; i++) {
            messages[i] = new Message();
        }
        message.api = -1;
    }

    void clear() {
        depth = 0;
        message.api = -1;
    }
}
