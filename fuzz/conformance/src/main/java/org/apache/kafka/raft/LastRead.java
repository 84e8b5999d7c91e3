package org.apache.kafka.raft;

import org.apache.kafka.server.common.OffsetAndEpoch;

/** How far a listener has read: what a snapshot of its state is called, and the timestamp of its last batch. */
public record LastRead(OffsetAndEpoch end, long timestampMs) {
}
