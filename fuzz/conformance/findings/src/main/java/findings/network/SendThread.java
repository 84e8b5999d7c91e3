package findings.network;

import findings.Clock;
import findings.Release;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.network.ChannelState;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.network.Selectable;
import org.apache.kafka.common.requests.ApiVersionsRequest;
import org.apache.kafka.server.util.InterBrokerSendThread;
import org.apache.kafka.server.util.RequestAndCompletionHandler;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code KafkaNetworkChannel.SendThread} with a {@code NetworkClient} as {@code KafkaRaftManager} makes it, on a network
 * in which nobody answers. The test steps it; its waits let the time pass.
 */
final class SendThread extends InterBrokerSendThread {
    static final int REQUEST_TIMEOUT_MS = 2_000;
    static final int BACKOFF_MS = 500;

    private final Clock clock;
    private final SilentNetwork network;
    /** By the time at which they are handed over. */
    private final TreeMap<Long, RequestAndCompletionHandler> handedOver = new TreeMap<>();
    private final Map<String, Long> completedMs = new HashMap<>();
    private final long startMs;

    private SendThread(Clock clock, SilentNetwork network) {
        super("raft-outbound", Release.networkClient(network, clock, REQUEST_TIMEOUT_MS, BACKOFF_MS), REQUEST_TIMEOUT_MS, clock,
            false);
        this.clock = clock;
        this.network = network;
        this.startMs = clock.milliseconds();
        network.thread = this;
    }

    /** @param isRefused whether the node refuses connections */
    static SendThread to(Clock clock, boolean isRefused) {
        return new SendThread(clock, new SilentNetwork(clock, isRefused));
    }

    static Node node() {
        return new Node(1, "127.0.0.1", 9093);
    }

    long now() {
        return clock.milliseconds() - startMs;
    }

    /** Raft hands over a request at this time; it wakes the thread up. */
    void handOver(long atMs, String name) {
        long at = startMs + atMs;
        handedOver.put(at, new RequestAndCompletionHandler(at, node(), new ApiVersionsRequest.Builder(),
            response -> completedMs.put(name, now())));
    }

    /** Something else wakes the thread up. */
    void wakeUp(long atMs) {
        network.eventsMs.add(startMs + atMs);
    }

    /** Runs the thread until this request is completed; the time of that. */
    long runUntil(String name) {
        while (!completedMs.containsKey(name)) {
            doWork();
        }
        return completedMs.get(name);
    }

    @Override
    public Collection<RequestAndCompletionHandler> generateRequests() {
        Map<Long, RequestAndCompletionHandler> due = handedOver.headMap(clock.milliseconds(), true);
        List<RequestAndCompletionHandler> requests = new ArrayList<>(due.values());
        due.clear();
        return requests;
    }

    /** Time passes in its polls: until the timeout, or what happens first. */
    private static final class SilentNetwork implements Selectable {
        private final Clock clock;
        private final boolean isRefused;
        private final List<Long> eventsMs = new ArrayList<>();
        private final List<String> connecting = new ArrayList<>();
        private final List<String> connected = new ArrayList<>();
        private final Map<String, ChannelState> disconnected = new LinkedHashMap<>();
        private final List<NetworkSend> sent = new ArrayList<>();
        private SendThread thread;

        private SilentNetwork(Clock clock, boolean isRefused) {
            this.clock = clock;
            this.isRefused = isRefused;
        }

        @Override
        public void connect(String id, InetSocketAddress address, int sendBuffer, int receiveBuffer) {
            connecting.add(id);
        }

        @Override
        public void send(NetworkSend send) {
            sent.add(send);
        }

        @Override
        public void poll(long timeoutMs) {
            connected.clear();
            disconnected.clear();
            boolean isBusy = !connecting.isEmpty() || !sent.isEmpty();
            if (isRefused) {
                connecting.forEach(id -> disconnected.put(id, ChannelState.NOT_CONNECTED));
            } else {
                connected.addAll(connecting);
            }
            connecting.clear();
            sent.clear();
            if (isBusy) {
                return;
            }
            long now = clock.milliseconds();
            long next = now + Math.min(timeoutMs, Integer.MAX_VALUE);
            for (long at : eventsMs) {
                next = at > now ? Math.min(next, at) : next;
            }
            Long request = thread.handedOver.higherKey(now);
            next = request == null ? next : Math.min(next, request);
            clock.advance(next - now);
        }

        @Override
        public List<NetworkSend> completedSends() {
            return List.of();
        }

        @Override
        public Collection<NetworkReceive> completedReceives() {
            return List.of();
        }

        @Override
        public Map<String, ChannelState> disconnected() {
            return disconnected;
        }

        @Override
        public List<String> connected() {
            return connected;
        }

        @Override
        public boolean isChannelReady(String id) {
            return true;
        }

        @Override
        public void wakeup() {
        }

        @Override
        public void close() {
        }

        @Override
        public void close(String id) {
        }

        @Override
        public void mute(String id) {
        }

        @Override
        public void unmute(String id) {
        }

        @Override
        public void muteAll() {
        }

        @Override
        public void unmuteAll() {
        }
    }
}
