package org.apache.kafka.raft;

import findings.Clock;
import org.apache.kafka.common.errors.TimeoutException;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What waits in the purgatories of a node: it stays there until something completes it, or the finding lets it expire. */
final class Expirations implements ExpirationService {
    private final Clock clock;
    private final List<Waiting> waiting = new ArrayList<>();

    private record Waiting(long deadlineMs, CompletableFuture<?> future) {
    }

    Expirations(Clock clock) {
        this.clock = clock;
    }

    @Override
    public <V> CompletableFuture<V> failAfter(long timeoutMs) {
        CompletableFuture<V> future = new CompletableFuture<>();
        waiting.add(new Waiting(clock.milliseconds() + timeoutMs, future));
        return future;
    }

    void run() {
        waiting.removeIf(each -> each.future().isDone());
        List.copyOf(waiting).stream().filter(each -> each.deadlineMs() <= clock.milliseconds())
            .forEach(each -> each.future().completeExceptionally(new TimeoutException("the wait is over")));
    }
}
