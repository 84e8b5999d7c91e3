package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.ReleasedClient;
import org.apache.kafka.clients.ScriptedClient;
import org.apache.kafka.clients.StandingTime;
import org.apache.kafka.clients.consumer.internals.ReleasedConsumer;
import org.apache.kafka.clients.producer.internals.ReleasedProducer;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.MetadataRequest;
import org.apache.kafka.common.requests.MetadataResponse;
import org.apache.kafka.raft.Bodies;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Replays a dialogue of a client on the released classes, life after life. */
final class ClientLife {
    private final ClientDialogue dialogue;
    private final Report report;
    private final StandingTime time = new StandingTime();
    private ReleasedClient client;
    private boolean parted = false;
    private JsonNode before = null;
    /** The node of each token and connection. */
    private final Map<Long, Integer> nodeOfToken = new HashMap<>();
    private final Map<Long, Integer> nodeOfConnection = new HashMap<>();
    private Refresh refresh = null;

    /** A request for metadata in flight. */
    private record Refresh(int correlationId, int node, Metadata.MetadataRequestAndVersion of) {
    }

    private ClientLife(ClientDialogue dialogue, Report report) {
        this.dialogue = dialogue;
        this.report = report;
    }

    static void run(Path file, Report report) throws IOException {
        try (ClientDialogue dialogue = new ClientDialogue(file)) {
            report.beginFile(file, true);
            ClientLife life = new ClientLife(dialogue, report);
            for (Line line = dialogue.next(); line != null; line = dialogue.next()) {
                life.line(line);
            }
        }
    }

    private void line(Line line) {
        if (line.is("boot")) {
            boot(line);
        } else if (line.is("down")) {
            client = null;
        } else if (client == null || parted) {
            report.notCompared(line);
        } else {
            step(line);
        }
    }

    private void boot(Line line) {
        parted = false;
        before = null;
        refresh = null;
        client = dialogue.isOfProducer()
            ? new ReleasedProducer(dialogue.properties(), dialogue.topics(), dialogue.bootstrap(), time)
            : new ReleasedConsumer(dialogue.properties(), dialogue.topics(), dialogue.bootstrap(), time);
        report.compared(line, List.of(), List.of());
    }

    private void step(Line line) {
        time.set(line.monoNs());
        long nowMs = time.milliseconds();
        for (JsonNode connection : line.state().path("connections")) {
            nodeOfToken.put(connection.path("token").asLong(-1), connection.path("node").asInt());
            nodeOfConnection.put(connection.path("connection").asLong(-1), connection.path("node").asInt());
        }
        List<Difference> differences = new ArrayList<>();
        boolean closes = disconnect(line, nowMs);
        boolean rebootstraps = before != null && line.state().path("nodes").path(0).asInt() < 0
            && before.path("nodes").path(0).asInt() >= 0;
        if (rebootstraps && closes) {
            client.metadata().rebootstrap();
        }
        line.entries().forEach(entry -> input(entry, nowMs, differences));
        try {
            client.settle(nowMs);
        } catch (RuntimeException e) {
            report.fault(e);
            differences.add(Difference.of("halt.exception", "", e));
        }
        if (rebootstraps && !closes) {
            client.metadata().rebootstrap();
        }
        compare(line, nowMs, differences);
    }

    /** What the network client notices first: connections that are gone. True if it closes any itself. */
    private boolean disconnect(Line line, long nowMs) {
        boolean closes = false;
        for (Entry entry : line.entries()) {
            Integer node = nodeOfToken.get(entry.body().path("token").asLong());
            if (node == null || !entry.kind().equals("closed") && !entry.kind().equals("close")) {
                continue;
            }
            closes |= entry.kind().equals("close");
            client.network().lost(node, retryAtMs(line, node), nowMs);
            if (refresh != null && refresh.node == node) {
                client.metadata().failedUpdate(nowMs);
                refresh = null;
            }
            client.metadata().requestUpdate(false);
        }
        return closes;
    }

    private static long retryAtMs(Line line, int node) {
        for (JsonNode connection : line.state().path("connections")) {
            if (connection.path("node").asInt() == node && connection.path("retry_at_ms").isNumber()) {
                return connection.path("retry_at_ms").asLong();
            }
        }
        return 0;
    }

    private void input(Entry entry, long nowMs, List<Difference> differences) {
        switch (entry.kind()) {
            case "opened" -> client.network().opened(nodeOfToken.getOrDefault(entry.body().path("token").asLong(), -1));
            case "response" -> response(entry.body(), nowMs, differences);
            case "subscribe", "assign", "seek", "send", "flush" -> client.call(entry.kind(), entry.body(), nowMs);
            case "request" -> {
                // Whom the model has found the least loaded.
                if (entry.text("api").equals("INIT_PRODUCER_ID")) {
                    client.network().leastLoaded(
                        ScriptedClient.node(nodeOfConnection.get(entry.body().path("connection").asLong())));
                }
            }
            default -> { }
        }
    }

    private void response(JsonNode response, long nowMs, List<Difference> differences) {
        ApiKeys api = ApiKeys.valueOf(response.path("api").asText());
        short version = (short) response.path("version").asInt();
        var body = Bodies.readResponse(api, version, response.path("body"));
        int node = nodeOfToken.getOrDefault(response.path("token").asLong(), -1);
        for (JsonNode topic : response.path("body").path("topics")) {
            var current = client.metadata().topicIds().get(topic.path("name").asText(topic.path("topic").asText()));
            String asked = topic.path("topicId").asText();
            if (api != ApiKeys.METADATA && !asked.equals(String.valueOf(current))) {
                differences.add(Difference.of("answer.former_topic", "not of " + current, topic));
            }
        }
        if (api != ApiKeys.METADATA) {
            if (!client.network().answer(node, api, body, nowMs)) {
                differences.add(Difference.of("response.unexpected", api, ""));
            }
        } else if (refresh != null && refresh.correlationId == response.path("correlation_id").asInt()) {
            // NetworkClient.DefaultMetadataUpdater.handleSuccessfulResponse
            MetadataResponse metadata = new MetadataResponse((MetadataResponseData) body, version);
            if (metadata.brokers().isEmpty()) {
                client.metadata().failedUpdate(nowMs);
            } else {
                client.metadata().update(refresh.of.requestVersion, metadata, false, nowMs);
            }
            client.network().othersInFlight(node, -1);
            refresh = null;
        }
    }

    private void compare(Line line, long nowMs, List<Difference> differences) {
        List<ScriptedClient.Sent> sent = client.network().takeSent();
        List<ReleasedClient.Output> outputs = client.takeOutputs();
        client.network().leastLoaded(null);
        differences.addAll(ClientComparison.requests(line, sent, nodeOfConnection));
        differences.addAll(ClientComparison.outputs(line, outputs, dialogue.topics()));
        refreshed(line, nowMs, differences);
        // The state before the network client has sent it: that changes nothing of it.
        differences.addAll(ClientComparison.state(line.state(), client));
        client.network().takeConnects();
        for (JsonNode connection : line.state().path("connections")) {
            boolean connected = connection.path("connection").isNumber();
            boolean connecting = !connected && connection.path("token").isNumber();
            long retryAtMs = connection.path("retry_at_ms").asLong(0);
            if (client.network().isAhead(connection.path("node").asInt(), connecting, connected, retryAtMs)) {
                differences.add(Difference.of("connect.missing", "", connection.path("node")));
            }
        }
        before = line.state();
        if (differences.stream().anyMatch(ClientLife::explainsOthers)) {
            differences.removeIf(difference -> !explainsOthers(difference));
        }
        List<Entry> kafka = ClientComparison.shown(sent, outputs);
        parted = report.compared(line, kafka, differences)
            || differences.stream().anyMatch(difference -> difference.name().startsWith("request.")
                || explainsOthers(difference)
                || difference.name().startsWith("state.position") || difference.name().startsWith("state.sequences"));
    }

    /** What else differs in such a step follows from it. */
    private static boolean explainsOthers(Difference difference) {
        return difference.name().equals("answer.former_topic");
    }

    /** The model's network client requests metadata; when it may is its own affair, of what is the metadata's. */
    private void refreshed(Line line, long nowMs, List<Difference> differences) {
        for (Entry entry : line.entries()) {
            if (entry.kind().equals("request") && entry.text("api").equals("METADATA")) {
                int node = nodeOfConnection.get(entry.body().path("connection").asLong());
                var request = client.metadata().newMetadataRequestAndVersion(nowMs);
                refresh = new Refresh(entry.body().path("correlation_id").asInt(), node, request);
                client.network().othersInFlight(node, 1);
                TreeSet<String> model = new TreeSet<>();
                entry.body().path("body").path("topics").forEach(topic -> model.add(topic.path("name").asText()));
                MetadataRequest built = request.requestBuilder.build(request.requestBuilder.latestAllowedVersion());
                TreeSet<String> kafka = new TreeSet<>(built.topics() == null ? List.of() : built.topics());
                // The model always asks for all.
                if (!model.equals(kafka) && !request.isPartialUpdate) {
                    differences.add(Difference.of("metadata.topics", model, kafka));
                }
            }
        }
    }
}
