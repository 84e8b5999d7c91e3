package org.apache.kafka.raft;

import org.apache.kafka.common.Node;
import org.apache.kafka.common.protocol.ApiMessage;

import java.util.function.Consumer;

/** What the raft client finds around itself: somebody to wait for, and a network. The driver of a node implements it. */
interface World {
    /**
     * The client's thread has nothing to do for {@code timeoutMs}. On return it takes the next message of its queue, or
     * none if the queue is empty.
     */
    void await(long timeoutMs);

    /** The client sent a request. {@code respond} puts the response into the client's queue. */
    void sent(int correlationId, Node destination, ApiMessage request, Consumer<ApiMessage> respond);

    /** Something asked the client's thread to stop waiting. */
    void wokenUp();
}
