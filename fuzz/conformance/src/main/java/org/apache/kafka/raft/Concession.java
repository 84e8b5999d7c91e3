package org.apache.kafka.raft;

import java.util.Arrays;
import java.util.Optional;

/**
 * A difference that cannot be subtracted afterwards, because everything that follows would differ, too: the released client
 * is made to do as the model does.
 */
public enum Concession {
    /** A static voter does not ask itself who leads (KafkaRaftClient.initialize: it is among its bootstrap servers). */
    BOOTSTRAP_WITHOUT_ITSELF("bootstrap-without-itself"),
    /** A follower of kraft.version 0 takes its endpoints for told (KafkaRaftClient.shouldSendUpdateVoteRequest). */
    NO_UPDATE_RAFT_VOTER("no-update-raft-voter"),
    /** What is read from the log goes on beyond the end of a segment (LocalLog.read: it ends there). */
    READS_SPAN_SEGMENTS("reads-span-segments"),
    /** And what was read so is appended even if it is too much for one segment (UnifiedLog.append: it is refused). */
    APPENDS_SPAN_SEGMENTS("appends-span-segments");

    private final String text;

    Concession(String text) {
        this.text = text;
    }

    public static Optional<Concession> of(String text) {
        return Arrays.stream(values()).filter(each -> each.text.equals(text)).findFirst();
    }

    @Override
    public String toString() {
        return text;
    }
}
