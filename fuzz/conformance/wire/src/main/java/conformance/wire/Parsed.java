package conformance.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.EnvelopeRequestData;
import org.apache.kafka.common.message.EnvelopeResponseData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.ResponseHeader;

/** A message as Kafka's classes read it. `request` is the header of the request, also of a response. */
record Parsed(RequestHeader request, int correlationId, ApiMessage body, byte[] encoded) {

    static Parsed request(ByteBuffer bytes) {
        ByteBuffer rest = bytes.duplicate();
        RequestHeader header = RequestHeader.parse(rest);
        ApiMessage body = AbstractRequest.parseRequest(header.apiKey(), header.apiVersion(),
            new ByteBufferAccessor(rest)).request.data();
        atEnd(rest);
        byte[] encoded = encode(header.data(), header.headerVersion(), body, header.apiVersion());
        return new Parsed(header, header.correlationId(), body, encoded);
    }

    static Parsed response(ByteBuffer bytes, RequestHeader request) {
        ByteBuffer rest = bytes.duplicate();
        short headerVersion = request.apiKey().responseHeaderVersion(request.apiVersion());
        ResponseHeader header = ResponseHeader.parse(rest, headerVersion);
        ApiMessage body = AbstractResponse.parseResponse(request.apiKey(), new ByteBufferAccessor(rest),
            request.apiVersion()).data();
        atEnd(rest);
        byte[] encoded = encode(header.data(), headerVersion, body, request.apiVersion());
        return new Parsed(request, header.correlationId(), body, encoded);
    }

    /** The message inside an Envelope; null if there is none. */
    Parsed inside(Parsed requestInside) {
        if (body instanceof EnvelopeRequestData envelope) {
            return request(ByteBuffer.wrap(bytes(envelope.requestData())));
        }
        if (body instanceof EnvelopeResponseData envelope && envelope.responseData() != null) {
            return response(ByteBuffer.wrap(bytes(envelope.responseData())), requestInside.request);
        }
        return null;
    }

    /** By Kafka's converter, without records. */
    ObjectNode json() {
        String converter = body.getClass().getName() + "JsonConverter";
        try {
            return (ObjectNode) (JsonNode) Class.forName(converter)
                .getMethod("write", body.getClass(), short.class, boolean.class)
                .invoke(null, body, request.apiVersion(), false);
        } catch (ReflectiveOperationException e) {
            throw new BadInput(converter + ": " + e);
        }
    }

    /** Its batches, each with a checksum that holds. */
    List<RecordBatch> batches() {
        List<BaseRecords> records = new ArrayList<>();
        if (body instanceof ProduceRequestData produce) {
            produce.topicData().forEach(topic -> topic.partitionData().forEach(it -> records.add(it.records())));
        }
        if (body instanceof FetchResponseData fetch) {
            fetch.responses().forEach(topic -> topic.partitions().forEach(it -> records.add(it.records())));
        }
        List<RecordBatch> batches = new ArrayList<>();
        for (BaseRecords one : records) {
            for (RecordBatch batch : ((MemoryRecords) one).batches()) {
                batch.ensureValid();
                batches.add(batch);
            }
        }
        return batches;
    }

    private static byte[] encode(ApiMessage header, short headerVersion, ApiMessage body, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int headerBytes = header.size(cache, headerVersion);
        ByteBuffer buffer = ByteBuffer.allocate(headerBytes + body.size(cache, version));
        ByteBufferAccessor out = new ByteBufferAccessor(buffer);
        header.write(out, cache, headerVersion);
        body.write(out, cache, version);
        return buffer.array();
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static void atEnd(ByteBuffer rest) {
        if (rest.hasRemaining()) {
            throw new IllegalStateException(rest.remaining() + " bytes are left");
        }
    }
}
