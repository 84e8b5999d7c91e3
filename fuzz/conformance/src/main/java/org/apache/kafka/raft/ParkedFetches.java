package org.apache.kafka.raft;

import org.apache.kafka.common.errors.TimeoutException;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The fetches that wait in the client's purgatory. They expire when the dialogue says so, never by themselves.
 *
 * <p>A simulated network may deliver a request twice: then two fetches of the same name wait, and the older one expires
 * first.
 */
final class ParkedFetches implements ExpirationService {
    private final Map<String, Deque<CompletableFuture<?>>> parked = new HashMap<>();
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
            parked.computeIfAbsent(request, name -> new ArrayDeque<>()).add(future);
            future.whenComplete((value, error) -> forget(request, future));
        }
        return future;
    }

    private void forget(String request, CompletableFuture<?> future) {
        parked.computeIfPresent(request, (name, waiting) -> {
            waiting.remove(future);
            return waiting.isEmpty() ? null : waiting;
        });
    }

    boolean expire(String request) {
        Deque<CompletableFuture<?>> waiting = parked.get(request);
        return waiting != null
            && waiting.getFirst().completeExceptionally(new TimeoutException("The fetch waited long enough"));
    }
}
