package org.apache.kafka.raft;

import org.apache.kafka.common.errors.TimeoutException;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The fetches that wait in the client's purgatory. They expire when the dialogue says so, never by themselves. */
final class ParkedFetches implements ExpirationService {
    private final Map<String, CompletableFuture<?>> parked = new HashMap<>();
    private String handling = null;

    /** The request that the client's thread handles from now on: what it parks meanwhile belongs to this one. */
    void handling(String request) {
        handling = request;
    }

    @Override
    public <T> CompletableFuture<T> failAfter(long timeoutMs) {
        CompletableFuture<T> future = new CompletableFuture<>();
        // Appends wait here, too, for ever.
        if (handling != null && timeoutMs != Integer.MAX_VALUE) {
            String request = handling;
            parked.put(request, future);
            future.whenComplete((value, error) -> parked.remove(request));
        }
        return future;
    }

    boolean expire(String request) {
        CompletableFuture<?> future = parked.get(request);
        return future != null && future.completeExceptionally(new TimeoutException("The fetch waited long enough"));
    }
}
