package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.Records;

import java.io.ByteArrayOutputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/** A {@link RaftLog} that says what is done to it. A proxy, because the interface differs between releases. */
final class RecordedLog implements InvocationHandler {
    private final RaftLog log;
    private final int segmentBytes;
    private final RaftNode.Driver driver;
    private final Set<Concession> concessions;
    private final Consumer<Entry> outputs;
    private final IntSupplier epoch;

    private RecordedLog(
        RaftLog log, int segmentBytes, RaftNode.Driver driver, Set<Concession> concessions, Consumer<Entry> outputs,
        IntSupplier epoch
    ) {
        this.log = log;
        this.segmentBytes = segmentBytes;
        this.driver = driver;
        this.concessions = concessions;
        this.outputs = outputs;
        this.epoch = epoch;
    }

    static RaftLog of(
        RaftLog log, int segmentBytes, RaftNode.Driver driver, Set<Concession> concessions, Consumer<Entry> outputs,
        IntSupplier epoch
    ) {
        return (RaftLog) Proxy.newProxyInstance(RecordedLog.class.getClassLoader(), new Class<?>[] {RaftLog.class},
            new RecordedLog(log, segmentBytes, driver, concessions, outputs, epoch));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "flush":
                // Only said, not done: forcing a file changes nothing that the client could see.
                outputs.accept(new Entry("flushed", JsonNodeFactory.instance.objectNode()));
                return null;
            case "updateHighWatermark":
                highWatermark((LogOffsetMetadata) arguments[0]);
                break;
            case "appendAsFollower":
                if (concessions.contains(Concession.APPENDS_SPAN_SEGMENTS)) {
                    return appendInParts(proxy, method, arguments);
                }
                break;
            case "appendAsLeader":
                arguments[0] = SetOrder.asInModel((MemoryRecords) arguments[0], driver.appendedByModel());
                break;
            default:
        }
        Object result = call(proxy, method, arguments);
        switch (method.getName()) {
            case "appendAsLeader", "appendAsFollower" -> appended((LogAppendInfo) result);
            case "truncateTo" -> truncated((long) arguments[0]);
            case "read" -> {
                return concessions.contains(Concession.READS_SPAN_SEGMENTS)
                    ? readOn((LogFetchInfo) result, arguments) : result;
            }
            default -> { }
        }
        return result;
    }

    /** What was read from several segments may be too much for one: then batch by batch. */
    private LogAppendInfo appendInParts(Object proxy, Method method, Object[] arguments) throws Throwable {
        MemoryRecords records = (MemoryRecords) arguments[0];
        if (records.sizeInBytes() <= segmentBytes) {
            LogAppendInfo info = (LogAppendInfo) call(proxy, method, arguments);
            appended(info);
            return info;
        }
        long first = -1;
        LogAppendInfo info = null;
        for (MutableRecordBatch batch : records.batches()) {
            ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
            batch.writeTo(bytes);
            Object[] part = arguments.clone();
            part[0] = MemoryRecords.readableRecords(bytes.flip());
            info = (LogAppendInfo) call(proxy, method, part);
            appended(info);
            first = first < 0 ? info.firstOffset() : first;
        }
        driver.conceded(Concession.APPENDS_SPAN_SEGMENTS);
        return new LogAppendInfo(first, info.lastOffset());
    }

    /** Appends to what was read what the next segments have, as far as whole batches fit. */
    private LogFetchInfo readOn(LogFetchInfo info, Object[] arguments) {
        Isolation isolation = (Isolation) arguments[1];
        int room = (int) arguments[2] - info.records.sizeInBytes();
        if (info.records.sizeInBytes() == 0
            || log.read(nextOffset(info.records), isolation, 1).records.sizeInBytes() == 0) {
            return info;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Records part = info.records;
        while (part.sizeInBytes() > 0) {
            bytes.writeBytes(Bodies.bytesOf(part));
            part = fitting(log.read(nextOffset(part), isolation, Math.max(room, 1)).records, room);
            room -= part.sizeInBytes();
        }
        if (bytes.size() > info.records.sizeInBytes()) {
            driver.conceded(Concession.READS_SPAN_SEGMENTS);
        }
        return new LogFetchInfo(
            MemoryRecords.readableRecords(ByteBuffer.wrap(bytes.toByteArray())), info.startOffsetMetadata);
    }

    private static long nextOffset(Records records) {
        long next = 0;
        for (RecordBatch batch : records.batches()) {
            next = batch.nextOffset();
        }
        return next;
    }

    private static MemoryRecords fitting(Records records, int room) {
        int size = 0;
        for (RecordBatch batch : records.batches()) {
            if (size + batch.sizeInBytes() > room) {
                break;
            }
            size += batch.sizeInBytes();
        }
        return MemoryRecords.readableRecords(ByteBuffer.wrap(Bodies.bytesOf(records), 0, size).slice());
    }

    /** Default methods run on the proxy, so that what they call is recorded, too. */
    private Object call(Object proxy, Method method, Object[] arguments) throws Throwable {
        try {
            if (method.isDefault() && !isOverridden(method)) {
                return InvocationHandler.invokeDefault(proxy, method, arguments);
            }
            return method.invoke(log, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private boolean isOverridden(Method method) throws NoSuchMethodException {
        return !log.getClass().getMethod(method.getName(), method.getParameterTypes()).isDefault();
    }

    /** Reads back what was written: the log assigns offsets and epochs in the batches that it is given. */
    private void appended(LogAppendInfo info) {
        byte[] bytes = Bodies.bytesOf(log.read(info.firstOffset(), Isolation.UNCOMMITTED, Integer.MAX_VALUE).records);
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        var batches = body.putArray("batches");
        int start = 0;
        for (RecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
            int end = start + batch.sizeInBytes();
            batches.add(Base64.getEncoder().encodeToString(Arrays.copyOfRange(bytes, start, end)));
            start = end;
        }
        outputs.accept(new Entry("appended", body));
    }

    private void truncated(long end) {
        outputs.accept(new Entry("truncated", JsonNodeFactory.instance.objectNode().put("end", end)));
    }

    private void highWatermark(LogOffsetMetadata offset) {
        outputs.accept(new Entry("high_watermark", JsonNodeFactory.instance.objectNode()
            .put("offset", offset.offset()).put("epoch", epoch.getAsInt())));
    }
}
