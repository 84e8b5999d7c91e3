package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchSnapshotResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.UnalignedRecords;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Messages to and from the JSON of Kafka's generated converters; records are base64 (the converters leave them out). */
public final class Bodies {
    private static final Map<ApiKeys, Converter> REQUESTS = new EnumMap<>(ApiKeys.class);
    private static final Map<ApiKeys, Converter> RESPONSES = new EnumMap<>(ApiKeys.class);

    private record Converter(MethodHandle read, MethodHandle write) {
    }

    private Bodies() {
    }

    /** Throws if the JSON lacks a field that its version requires. */
    public static ApiMessage readRequest(ApiKeys api, short version, JsonNode body) {
        return read(request(api), version, body);
    }

    public static ApiMessage readResponse(ApiKeys api, short version, JsonNode body) {
        return read(response(api), version, body);
    }

    public static JsonNode writeRequest(ApiKeys api, short version, ApiMessage body) {
        JsonNode json = write(request(api), version, body);
        if (api == ApiKeys.API_VERSIONS) {
            // That of the release.
            ((ObjectNode) json).remove("clientSoftwareVersion");
        }
        return json;
    }

    public static JsonNode writeResponse(ApiKeys api, short version, ApiMessage body) {
        JsonNode json = write(response(api), version, body);
        if (body instanceof FetchResponseData fetch) {
            setRecords(fetch, json);
        } else if (body instanceof FetchSnapshotResponseData fetch) {
            setChunks(fetch, json);
        } else if (json.has("errorMessage")) {
            forgetWords((ObjectNode) json);
        }
        return json;
    }

    /** The model has no words for errors, and does not say the voters' listeners to who describes the quorum. */
    private static void forgetWords(ObjectNode json) {
        json.putNull("errorMessage");
        if (json.has("nodes")) {
            json.putArray("nodes");
        }
        json.path("topics").forEach(topic -> topic.path("partitions").forEach(partition -> {
            ((ObjectNode) partition).putNull("errorMessage");
            sortReplicas((ObjectNode) partition, "currentVoters");
            sortReplicas((ObjectNode) partition, "observers");
        }));
    }

    /** LeaderState has them in hash maps. */
    private static void sortReplicas(ObjectNode partition, String field) {
        List<JsonNode> replicas = new ArrayList<>();
        partition.path(field).forEach(replicas::add);
        replicas.sort(Comparator.comparingInt((JsonNode replica) -> replica.path("replicaId").asInt())
            .thenComparing(replica -> replica.path("replicaDirectoryId").asText()));
        partition.putArray(field).addAll(replicas);
    }

    static byte[] bytesOf(BaseRecords records) {
        ByteBuffer buffer;
        if (records instanceof MemoryRecords memory) {
            buffer = memory.buffer();
        } else if (records instanceof UnalignedRecords unaligned) {
            buffer = read(unaligned);
        } else {
            buffer = read((FileRecords) records);
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static ByteBuffer read(FileRecords records) {
        ByteBuffer buffer = ByteBuffer.allocate(records.sizeInBytes());
        try {
            records.readInto(buffer, 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return buffer;
    }

    /** As it would be sent. */
    private static ByteBuffer read(UnalignedRecords records) {
        BufferChannel channel = new BufferChannel(records.sizeInBytes());
        try {
            records.writeTo(channel, 0, records.sizeInBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return channel.sent();
    }

    private static void setRecords(FetchResponseData fetch, JsonNode json) {
        for (int t = 0; t < fetch.responses().size(); t++) {
            var partitions = fetch.responses().get(t).partitions();
            for (int p = 0; p < partitions.size(); p++) {
                BaseRecords records = partitions.get(p).records();
                if (records != null) {
                    ((ObjectNode) json.get("responses").get(t).get("partitions").get(p))
                        .put("records", Base64.getEncoder().encodeToString(bytesOf(records)));
                }
            }
        }
    }

    private static void setChunks(FetchSnapshotResponseData fetch, JsonNode json) {
        for (int t = 0; t < fetch.topics().size(); t++) {
            var partitions = fetch.topics().get(t).partitions();
            for (int p = 0; p < partitions.size(); p++) {
                BaseRecords records = partitions.get(p).unalignedRecords();
                ((ObjectNode) json.get("topics").get(t).get("partitions").get(p)).put("unalignedRecords",
                    records == null ? "" : Base64.getEncoder().encodeToString(bytesOf(records)));
            }
        }
    }

    private static ApiMessage read(Converter converter, short version, JsonNode body) {
        try {
            return (ApiMessage) converter.read.invokeExact(body, version);
        } catch (Throwable e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static JsonNode write(Converter converter, short version, ApiMessage body) {
        try {
            return (JsonNode) converter.write.invokeExact(body, version, true);
        } catch (Throwable e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static Converter request(ApiKeys api) {
        return REQUESTS.computeIfAbsent(api, key -> find(ApiMessageType.fromApiKey(key.id).newRequest()));
    }

    private static Converter response(ApiKeys api) {
        return RESPONSES.computeIfAbsent(api, key -> find(ApiMessageType.fromApiKey(key.id).newResponse()));
    }

    private static Converter find(ApiMessage sample) {
        try {
            Class<?> data = sample.getClass();
            Class<?> converter = Class.forName(data.getName() + "JsonConverter");
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            return new Converter(
                lookup.findStatic(converter, "read", MethodType.methodType(data, JsonNode.class, short.class))
                    .asType(MethodType.methodType(ApiMessage.class, JsonNode.class, short.class)),
                lookup.findStatic(converter, "write",
                    MethodType.methodType(JsonNode.class, data, short.class, boolean.class))
                    .asType(MethodType.methodType(JsonNode.class, ApiMessage.class, short.class, boolean.class)));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
