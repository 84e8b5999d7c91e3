package conformance.cluster;

import java.util.List;
import java.util.Set;

/** Something that happened in the cluster; times are nanoseconds since 1970 on the machine's clock. */
sealed interface Event {
    long atNs();

    /** A controller requests pre-votes. */
    record Prospective(long atNs, int node, int epoch) implements Event {
    }

    /** A controller has voted for itself. */
    record Candidate(long atNs, int node, int epoch) implements Event {
    }

    /** A controller has been elected. */
    record Elected(long atNs, int node, int epoch) implements Event {
    }

    /** An elected controller claims to be the active one. */
    record Activated(long atNs, int node, int epoch) implements Event {
    }

    /** A leader's high watermark has moved: all before this offset is committed. */
    record Committed(long atNs, int node, long end) implements Event {
    }

    /** A broker publishes an image up to this offset. */
    record Published(long atNs, int node, long offset) implements Event {
    }

    /** A broker has become the leader of a partition. */
    record BecameLeader(long atNs, int node, Partition of, int epoch) implements Event {
    }

    /** A batch of metadata was committed: brokers that are fenced after it, partitions with their leaders, deleted topics. */
    record Metadata(long atNs, Set<Integer> fenced, List<Led> led, Set<String> removed) implements Event {
        Metadata at(long ns) {
            return new Metadata(ns, fenced, led, removed);
        }
    }

    /** A partition, by the id of its topic. */
    record Partition(String topicId, int partition) {
    }

    /** A partition's leader (-1: none) in committed metadata. */
    record Led(Partition of, int leader, int epoch) {
    }
}
