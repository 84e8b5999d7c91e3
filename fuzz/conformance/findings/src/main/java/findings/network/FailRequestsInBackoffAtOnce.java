package findings.network;

import findings.Clock;
import findings.Finding;
import findings.Steps;

/** A request to a node in reconnect backoff has failed already, and its sender is told at the end of the backoff. */
public final class FailRequestsInBackoffAtOnce extends Finding {
    private static final int EVENT_AFTER_MS = 5;

    @Override
    public String summary() {
        return "A request to a node in reconnect backoff fails without a try, but only at the end of the backoff.";
    }

    @Override
    public String trigger() {
        return "nothing else wakes the thread (in the control something does, " + EVENT_AFTER_MS + " ms later)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) {
        SendThread thread = SendThread.to(new Clock(), true);
        thread.handOver(0, "refused");
        long refusedMs = thread.runUntil("refused");
        steps.say("raft-outbound", "node 1 refuses the connection; the first request fails at %d ms", refusedMs);
        long sentMs = refusedMs + 1;
        thread.handOver(sentMs, "in backoff");
        if (!triggered) {
            thread.wakeUp(sentMs + EVENT_AFTER_MS);
        }
        long failedMs = thread.runUntil("in backoff");
        steps.say("raft-outbound", "the second, of %d ms, fails at %d ms without a connect", sentMs, failedMs);
        return failedMs - sentMs > EVENT_AFTER_MS;
    }
}
