package org.apache.kafka.controller;

import java.util.List;
import java.util.Map;

/**
 * What a dialogue's header says of the controller.
 *
 * @param bootstrap features and levels, in the order of their records
 * @param properties by Kafka's names
 */
public record ControllerSetup(int nodeId, String clusterId, List<Integer> voters, int kraftVersion,
                              List<Map.Entry<String, Short>> bootstrap, Map<String, String> properties) {
    long number(String property) {
        return Long.parseLong(properties.get(property));
    }

    boolean flag(String property) {
        return Boolean.parseBoolean(properties.get(property));
    }
}
