package org.apache.kafka.raft;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.LogContext;
import org.apache.kafka.server.common.Feature;

import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** The released client behind the interfaces of Kafka 4.4: queue entries carry futures, channels return them. */
final class ReleasedClient {
    private static final int MAX_FETCH_WAIT_MS = 500;

    final KafkaRaftClient<byte[]> client;
    private final ListenerName listener;

    ReleasedClient(
        int nodeId, Uuid directoryId, String clusterId, ListenerName listener, World world, RaftLog log, MemoryPool memory,
        Time time, ExpirationService expiration, List<InetSocketAddress> bootstrapServers, Endpoints endpoints,
        Random random, QuorumConfig config
    ) {
        this.listener = listener;
        // A controller, which has endpoints (KafkaRaftManager.buildRaftClient).
        boolean canBecomeVoter = !endpoints.isEmpty();
        client = new KafkaRaftClient<>(
            OptionalInt.of(nodeId), directoryId, BytesSerde.INSTANCE, new Channel(world, listener), new MessageQueue(world),
            log, memory, time, expiration, MAX_FETCH_WAIT_MS, canBecomeVoter, clusterId, bootstrapServers, endpoints,
            Feature.KRAFT_VERSION.supportedVersionRange(), new LogContext("[node " + nodeId + "] "), random, config);
    }

    void request(int correlationId, short version, ApiMessage body, long nowMs, Consumer<ApiMessage> answer) {
        client.handle(new RaftRequest.Inbound(listener, correlationId, version, body, nowMs))
            .thenAccept(response -> answer.accept(response.data()));
    }

    private static final class Channel implements NetworkChannel {
        private final World world;
        private final ListenerName listener;
        private int nextCorrelationId = 0;

        Channel(World world, ListenerName listener) {
            this.world = world;
            this.listener = listener;
        }

        @Override
        public int newCorrelationId() {
            return nextCorrelationId++;
        }

        @Override
        public ListenerName listenerName() {
            return listener;
        }

        /** Not annotated: 4.3 has a default, 4.4 wants it. */
        public void close() {
        }

        @Override
        public CompletionStage<RaftResponse.Inbound> send(RaftRequest.Outbound request) {
            CompletableFuture<RaftResponse.Inbound> future = new CompletableFuture<>();
            world.sent(request.correlationId(), request.destination(), request.data(), data -> future.complete(
                new RaftResponse.Inbound(request.correlationId(), data, request.destination())));
            return future;
        }
    }

    private record Entry(RaftMessage message, CompletableFuture<RaftMessage> future) implements RaftMessageQueue.QueueEntry {
    }

    private static final class MessageQueue implements RaftMessageQueue {
        private final World world;
        private final Queue<QueueEntry> entries = new ArrayDeque<>();

        MessageQueue(World world) {
            this.world = world;
        }

        @Override
        public Optional<QueueEntry> poll(long timeoutMs) {
            if (entries.isEmpty()) {
                world.await(timeoutMs);
            }
            return Optional.ofNullable(entries.poll());
        }

        @Override
        public CompletionStage<RaftMessage> add(RaftMessage message) {
            Entry entry = new Entry(message, new CompletableFuture<>());
            entries.add(entry);
            return entry.future;
        }

        @Override
        public boolean isEmpty() {
            return entries.isEmpty();
        }

        @Override
        public void wakeup() {
            world.wokenUp();
        }
    }
}
