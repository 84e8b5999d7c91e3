package org.apache.kafka.clients;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.TopicPartition;

import java.util.List;

/** A producer or a consumer over a {@link ScriptedClient}. */
public interface ReleasedClient {
    /** What it did that is no request: an entry of the dialogue, its kind and what it says. */
    record Output(String kind, String text) {
    }

    Metadata metadata();

    ScriptedClient network();

    /** Of the application. */
    void call(String kind, JsonNode body, long nowMs);

    /** Lets its thread run until nothing more happens at this time. */
    void settle(long nowMs);

    List<Output> takeOutputs();

    /** Each part of the state that the dialogue has, by its name in there, as text. */
    String state(String part, JsonNode model);

    TopicPartition partition(JsonNode pair);
}
