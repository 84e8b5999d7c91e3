package org.apache.kafka.raft;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;

/**
 * What a node is configured with.
 *
 * @param kraftVersion {@code kraft.version} at format
 * @param voters       static ones, which count until the log has some; the property
 *                     {@code controller.quorum.bootstrap.servers} may say beside them whom to ask first
 * @param endpoint     the node's own listener for raft; null of one that has none, and so never votes
 */
public record Setup(
    int nodeId,
    String clusterId,
    String listener,
    int kraftVersion,
    Map<Integer, InetSocketAddress> voters,
    InetSocketAddress endpoint,
    Map<String, String> properties,
    List<String> raftListeners
) {
}
