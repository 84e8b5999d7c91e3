package org.apache.kafka.raft;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.internals.LogContext;
import org.apache.kafka.raft.internals.BlockingMessageQueue;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.serialization.RecordSerde;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** The interfaces of the raft client in Kafka 4.4: channels and the client return futures. */
final class RaftRelease {
    private static final int MAX_FETCH_WAIT_MS = 500;

    /** Takes the requests that a client sends. */
    interface Network {
        void sent(RaftRequest.Outbound request, Consumer<ApiMessage> answer);
    }

    private RaftRelease() {
    }

    static <T> KafkaRaftClient<T> client(
        int nodeId, Uuid directoryId, RecordSerde<T> serde, ListenerName listener, Network network, RaftMessageQueue queue,
        RaftLog log, MemoryPool memory, Time time, ExpirationService expiration, List<InetSocketAddress> bootstrapServers,
        Endpoints endpoints, boolean canBecomeVoter, QuorumConfig config
    ) {
        return new KafkaRaftClient<>(
            OptionalInt.of(nodeId), directoryId, serde, new Channel(network, listener), queue, log, memory, time, expiration,
            MAX_FETCH_WAIT_MS, canBecomeVoter, "cluster", bootstrapServers, endpoints,
            Feature.KRAFT_VERSION.supportedVersionRange(), new LogContext("[node " + nodeId + "] "), new Random(nodeId), config);
    }

    static RaftMessageQueue queue() {
        return new BlockingMessageQueue();
    }

    static void handle(
        KafkaRaftClient<?> client, ListenerName listener, int correlationId, short version, ApiMessage body, long nowMs,
        Consumer<ApiMessage> answer
    ) {
        client.handle(new RaftRequest.Inbound(listener, correlationId, version, body, nowMs))
            .thenAccept(response -> answer.accept(response.data()));
    }

    private static final class Channel implements NetworkChannel {
        private final Network network;
        private final ListenerName listener;
        private int nextCorrelationId = 0;

        Channel(Network network, ListenerName listener) {
            this.network = network;
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

        @Override
        public void close() {
        }

        @Override
        public CompletionStage<RaftResponse.Inbound> send(RaftRequest.Outbound request) {
            CompletableFuture<RaftResponse.Inbound> future = new CompletableFuture<>();
            network.sent(request, data -> future.complete(
                new RaftResponse.Inbound(request.correlationId(), data, request.destination())));
            return future;
        }
    }
}
