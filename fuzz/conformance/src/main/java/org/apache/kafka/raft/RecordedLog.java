package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.RawSnapshotWriter;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/** A {@link RaftLog} that says what is done to it. A proxy, because the interface differs between releases. */
final class RecordedLog implements InvocationHandler {
    private final RaftLog log;
    private final RaftNode.Driver driver;
    private final Consumer<Entry> outputs;
    private final IntSupplier epoch;
    private final Snapshots snapshots;
    /** Something was appended since the last flush. */
    private boolean isUnforced = false;

    private RecordedLog(
        RaftLog log, RaftNode.Driver driver, Consumer<Entry> outputs, IntSupplier epoch, Snapshots snapshots
    ) {
        this.log = log;
        this.snapshots = snapshots;
        this.driver = driver;
        this.outputs = outputs;
        this.epoch = epoch;
    }

    static RaftLog of(
        RaftLog log, RaftNode.Driver driver, Consumer<Entry> outputs, IntSupplier epoch, Snapshots snapshots
    ) {
        return (RaftLog) Proxy.newProxyInstance(RecordedLog.class.getClassLoader(), new Class<?>[] {RaftLog.class},
            new RecordedLog(log, driver, outputs, epoch, snapshots));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "flush":
                // Only said, not done: forcing a file changes nothing that the client could see. Without the active segment
                // UnifiedLog.flush does nothing if the log ends at its recovery point.
                if ((boolean) arguments[0] || isUnforced) {
                    outputs.accept(new Entry("flushed", JsonNodeFactory.instance.objectNode()));
                }
                isUnforced = false;
                return null;
            case "updateHighWatermark":
                highWatermark((LogOffsetMetadata) arguments[0]);
                break;
            case "appendAsLeader":
                arguments[0] = SetOrder.asInModel((MemoryRecords) arguments[0], driver.appendedByModel());
                break;
            case "maybeClean", "truncateToLatestSnapshot":
                return withExpirations(proxy, method, arguments);
            default:
        }
        Object result = call(proxy, method, arguments);
        switch (method.getName()) {
            case "appendAsLeader", "appendAsFollower" -> appended((LogAppendInfo) result);
            case "truncateTo" -> truncated((long) arguments[0]);
            // Of another thread.
            case "createNewSnapshot" -> {
                return ((Optional<?>) result).map(writer -> snapshots.created((RawSnapshotWriter) writer));
            }
            case "createNewSnapshotUnchecked" -> {
                return ((Optional<?>) result).map(writer -> new RecordedDownload((RawSnapshotWriter) writer, outputs));
            }
            default -> { }
        }
        return result;
    }

    private Object withExpirations(Object proxy, Method method, Object[] arguments) throws Throwable {
        Set<OffsetAndEpoch> before = snapshots.expired();
        try {
            Object result = call(proxy, method, arguments);
            if (method.getName().equals("truncateToLatestSnapshot") && (boolean) result) {
                outputs.accept(new Entry("log_replaced", Snapshots.body(log.latestSnapshotId().orElseThrow())));
            }
            return result;
        } finally {
            for (OffsetAndEpoch id : snapshots.expired()) {
                if (!before.contains(id)) {
                    outputs.accept(new Entry("snapshot_expired", Snapshots.body(id)));
                }
            }
        }
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
        isUnforced = true;
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
