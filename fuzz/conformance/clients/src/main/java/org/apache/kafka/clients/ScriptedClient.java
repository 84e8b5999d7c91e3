package org.apache.kafka.clients;

import org.apache.kafka.common.Node;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.FetchResponse;
import org.apache.kafka.common.requests.InitProducerIdResponse;
import org.apache.kafka.common.requests.ListOffsetsResponse;
import org.apache.kafka.common.requests.OffsetsForLeaderEpochResponse;
import org.apache.kafka.common.requests.ProduceResponse;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The network client: connections are the dialogue's, requests are collected, and answered when the dialogue says so. */
public final class ScriptedClient implements KafkaClient {
    /** A request of the released class. */
    public record Sent(int node, ApiKeys api, short version, AbstractRequest request, ClientRequest of) {
    }

    private enum Link { CONNECTING, CONNECTED, LOST }

    private static final class Peer {
        private Link link;
        private long retryAtMs = Long.MIN_VALUE;
        /** Requests that the dialogue has not answered, and those of it that are none of ours. */
        private final Deque<Sent> inFlight = new ArrayDeque<>();
        private int othersInFlight = 0;
    }

    /** Of the brokers that are connected. */
    private ApiVersions versions;
    private final int maxInFlight;
    private final int requestTimeoutMs;
    private final Map<Integer, Peer> peers = new HashMap<>();
    private final List<Sent> sent = new ArrayList<>();
    private final List<Integer> connects = new ArrayList<>();
    private final Deque<ClientResponse> completed = new ArrayDeque<>();
    private Node leastLoaded = null;
    private int correlationId = 0;
    private long activity = 0;
    private long lastPollMs = 0;
    private boolean hasAnswered = false;

    public ScriptedClient(ApiVersions versions, int maxInFlight, int requestTimeoutMs) {
        this.versions = versions;
        this.maxInFlight = maxInFlight;
        this.requestTimeoutMs = requestTimeoutMs;
    }

    /** The released class looks them up there. */
    public void versions(ApiVersions versions) {
        this.versions = versions;
    }

    /** The connection to a node is there. */
    public void opened(int node) {
        peer(node).link = Link.CONNECTED;
        versions.update("" + node, NodeApiVersions.create());
    }

    /** It is gone, and with it the requests on it. */
    public void lost(int node, long retryAtMs, long nowMs) {
        Peer peer = peer(node);
        versions.remove("" + node);
        peer.link = Link.LOST;
        peer.retryAtMs = retryAtMs;
        peer.othersInFlight = 0;
        for (Sent request : peer.inFlight) {
            completed.add(new ClientResponse(request.of.makeHeader(request.version), request.of.callback(),
                request.of.destination(), request.of.createdTimeMs(), nowMs, true, null, null, null));
        }
        peer.inFlight.clear();
    }

    /** As the model's connections are after a step; true if ours were being made, and the model's is not. */
    public boolean isAhead(int node, boolean connecting, boolean connected, long retryAtMs) {
        Peer peer = peer(node);
        boolean ahead = peer.link == Link.CONNECTING && !connecting && !connected;
        peer.link = connected ? Link.CONNECTED : connecting ? Link.CONNECTING : retryAtMs == Long.MIN_VALUE ? null : Link.LOST;
        peer.retryAtMs = retryAtMs;
        return ahead;
    }

    /** A request of the network client itself, for metadata. */
    public void othersInFlight(int node, int change) {
        Peer peer = peer(node);
        peer.othersInFlight = Math.max(0, peer.othersInFlight + change);
    }

    /** The oldest request to this node for this API; false if there is none. */
    public boolean answer(int node, ApiKeys api, ApiMessage body, long nowMs) {
        Peer peer = peer(node);
        Sent request = peer.inFlight.stream().filter(it -> it.api == api).findFirst().orElse(null);
        if (request == null) {
            return false;
        }
        peer.inFlight.remove(request);
        completed.add(new ClientResponse(request.of.makeHeader(request.version), request.of.callback(),
            request.of.destination(), request.of.createdTimeMs(), nowMs, false, null, null, response(api, body)));
        return true;
    }

    /** Where a request to any node goes. */
    public void leastLoaded(Node node) {
        leastLoaded = node;
    }

    /** Grows with all that the released class does. */
    public long activity() {
        return activity;
    }

    /** How long the released class would have waited in its last poll. */
    public long lastPollMs() {
        return lastPollMs;
    }

    /** Whether the last poll returned at once, with responses. */
    public boolean hasAnswered() {
        return hasAnswered;
    }

    public List<Sent> takeSent() {
        List<Sent> taken = List.copyOf(sent);
        sent.clear();
        return taken;
    }

    public List<Integer> takeConnects() {
        List<Integer> taken = List.copyOf(connects);
        connects.clear();
        return taken;
    }

    private Peer peer(int node) {
        return peers.computeIfAbsent(node, id -> new Peer());
    }

    private static AbstractResponse response(ApiKeys api, ApiMessage body) {
        return switch (api) {
            case FETCH -> FetchResponse.of((FetchResponseData) body);
            case LIST_OFFSETS -> new ListOffsetsResponse((ListOffsetsResponseData) body);
            case OFFSET_FOR_LEADER_EPOCH -> new OffsetsForLeaderEpochResponse((OffsetForLeaderEpochResponseData) body);
            case PRODUCE -> new ProduceResponse((ProduceResponseData) body);
            case INIT_PRODUCER_ID -> new InitProducerIdResponse((InitProducerIdResponseData) body);
            default -> throw new IllegalArgumentException(api.name());
        };
    }

    @Override
    public boolean isReady(Node node, long now) {
        Peer peer = peer(node.id());
        return peer.link == Link.CONNECTED && peer.inFlight.size() + peer.othersInFlight < maxInFlight;
    }

    @Override
    public boolean ready(Node node, long now) {
        Peer peer = peer(node.id());
        if (peer.link == null || peer.link == Link.LOST && peer.retryAtMs <= now) {
            peer.link = Link.CONNECTING;
            connects.add(node.id());
            activity += 1;
        }
        return isReady(node, now);
    }

    @Override
    public long connectionDelay(Node node, long now) {
        Peer peer = peer(node.id());
        return peer.link == Link.LOST ? Math.max(0, peer.retryAtMs - now) : peer.link == null ? 0 : Long.MAX_VALUE;
    }

    @Override
    public long pollDelayMs(Node node, long now) {
        return connectionDelay(node, now);
    }

    @Override
    public boolean connectionFailed(Node node) {
        return peer(node.id()).link == Link.LOST;
    }

    @Override
    public AuthenticationException authenticationException(Node node) {
        return null;
    }

    @Override
    public void send(ClientRequest request, long now) {
        short version = request.requestBuilder().latestAllowedVersion();
        AbstractRequest built = request.requestBuilder().build(version);
        int node = Integer.parseInt(request.destination());
        Sent one = new Sent(node, request.apiKey(), version, built, request);
        sent.add(one);
        activity += 1;
        if (request.expectResponse()) {
            peer(node).inFlight.add(one);
        } else {
            completed.add(new ClientResponse(request.makeHeader(version), request.callback(), request.destination(), now,
                now, false, null, null, null));
        }
    }

    @Override
    public List<ClientResponse> poll(long timeout, long now) {
        List<ClientResponse> responses = List.copyOf(completed);
        lastPollMs = timeout;
        hasAnswered = !responses.isEmpty();
        completed.clear();
        responses.forEach(ClientResponse::onComplete);
        activity += responses.size();
        return responses;
    }

    @Override
    public LeastLoadedNode leastLoadedNode(long now) {
        return new LeastLoadedNode(leastLoaded, leastLoaded != null);
    }

    @Override
    public int inFlightRequestCount() {
        return peers.values().stream().mapToInt(peer -> peer.inFlight.size()).sum();
    }

    @Override
    public boolean hasInFlightRequests() {
        return inFlightRequestCount() > 0;
    }

    @Override
    public int inFlightRequestCount(String nodeId) {
        return peer(Integer.parseInt(nodeId)).inFlight.size();
    }

    @Override
    public boolean hasInFlightRequests(String nodeId) {
        return inFlightRequestCount(nodeId) > 0;
    }

    @Override
    public boolean hasReadyNodes(long now) {
        return peers.values().stream().anyMatch(peer -> peer.link == Link.CONNECTED);
    }

    @Override
    public ClientRequest newClientRequest(String nodeId, AbstractRequest.Builder<?> builder, long createdTimeMs,
                                          boolean expectResponse) {
        return newClientRequest(nodeId, builder, createdTimeMs, expectResponse, requestTimeoutMs, null);
    }

    @Override
    public ClientRequest newClientRequest(String nodeId, AbstractRequest.Builder<?> builder, long createdTimeMs,
                                          boolean expectResponse, int timeoutMs, RequestCompletionHandler callback) {
        correlationId += 1;
        return new ClientRequest(nodeId, builder, correlationId, "client", createdTimeMs, expectResponse, timeoutMs, callback);
    }

    @Override
    public void disconnect(String nodeId) {
        throw new UnsupportedOperationException("no client of these disconnects by itself");
    }

    @Override
    public void wakeup() {
    }

    @Override
    public void initiateClose() {
    }

    @Override
    public boolean active() {
        return true;
    }

    @Override
    public void close(String nodeId) {
    }

    @Override
    public void close() {
    }

    /** A broker in a request or response: the dialogue knows only its id. */
    public static Node node(int id) {
        return new Node(id, "" + id, 9092);
    }
}
