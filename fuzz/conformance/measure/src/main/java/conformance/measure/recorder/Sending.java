package conformance.measure.recorder;

/** A message between the network thread's start with it and the last byte written. */
final class Sending extends Message {
    final long begin = System.nanoTime();
    final int identity;

    Sending(int api, int correlation, int client, boolean isResponse, int identity) {
        set(api, correlation, client, isResponse);
        this.identity = identity;
    }
}
