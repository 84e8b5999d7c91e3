package conformance.measure.recorder;

import org.apache.kafka.common.requests.RequestHeader;

/** What names a message. */
class Message {
    short api;
    int correlation;
    int client;
    boolean isResponse;

    void set(int api, int correlation, int client, boolean isResponse) {
        this.api = (short) api;
        this.correlation = correlation;
        this.client = client;
        this.isResponse = isResponse;
    }

    void set(RequestHeader header, boolean isResponse) {
        set(header.apiKey().id, header.correlationId(), Recorder.hash(header.clientId()), isResponse);
    }

    void set(Message other) {
        if (other == null) {
            set(-1, 0, 0, false);
        } else {
            set(other.api, other.correlation, other.client, other.isResponse);
        }
    }
}
