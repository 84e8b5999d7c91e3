package findings.network;

import findings.Clock;
import findings.Finding;
import findings.Steps;

/** A request to a silent node ends after twice its timeout if the next one is handed over just when it is as old as that. */
public final class ExpireRequestsOnTime extends Finding {
    @Override
    public String summary() {
        return "A request to a silent node, and the one behind it, end only after twice the request timeout.";
    }

    @Override
    public String trigger() {
        return "raft hands over its next request when the last one is exactly as old as the timeout (in the control, 1 ms later)";
    }

    @Override
    public boolean shows(Steps steps, boolean triggered) {
        SendThread thread = SendThread.to(new Clock(), false);
        long nextMs = SendThread.REQUEST_TIMEOUT_MS + (triggered ? 0 : 1);
        thread.handOver(0, "first");
        thread.handOver(nextMs, "second");
        steps.say("raft", "sends a request to node 1, which is silent, at 0 ms, and one more at %d ms", nextMs);
        long firstMs = thread.runUntil("first");
        long secondMs = thread.runUntil("second");
        steps.say("raft-outbound", "ends the first at %d ms, the second at %d ms; the timeout is %d ms", firstMs, secondMs,
            SendThread.REQUEST_TIMEOUT_MS);
        return firstMs >= 2 * SendThread.REQUEST_TIMEOUT_MS;
    }
}
