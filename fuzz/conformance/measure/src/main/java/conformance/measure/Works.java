package conformance.measure;

import conformance.measure.Jvm.Event;
import conformance.measure.recorder.Kind;
import org.apache.kafka.common.protocol.ApiKeys;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Spans of one JVM become pieces of work of the profile. */
final class Works {
    static final String RAFT = "raft-io";
    static final String CONTROLLER = "controller-event-queue";
    static final String CONTROLLER_HANDLER = "controller-request-handler";
    static final String LOADER = "metadata-loader";
    static final String LIFECYCLE = "broker-lifecycle";
    static final String HANDLER = "request-handler";

    static final Set<Integer> RAFT_APIS = Set.of((int) ApiKeys.FETCH.id, (int) ApiKeys.VOTE.id,
        (int) ApiKeys.BEGIN_QUORUM_EPOCH.id, (int) ApiKeys.END_QUORUM_EPOCH.id, (int) ApiKeys.FETCH_SNAPSHOT.id,
        (int) ApiKeys.DESCRIBE_QUORUM.id, (int) ApiKeys.UPDATE_RAFT_VOTER.id, (int) ApiKeys.ADD_RAFT_VOTER.id,
        (int) ApiKeys.REMOVE_RAFT_VOTER.id);

    /** QuorumController's names of the events that requests of brokers and controllers cause. */
    private static final Map<String, String> REQUESTS = Map.ofEntries(
        Map.entry("registerBroker", "BrokerRegistration"), Map.entry("processBrokerHeartbeat", "BrokerHeartbeat"),
        Map.entry("alterPartition", "AlterPartition"), Map.entry("allocateProducerIds", "AllocateProducerIds"),
        Map.entry("registerController", "ControllerRegistration"),
        Map.entry("assignReplicasToDirs", "AssignReplicasToDirs"));

    /** Those that requests of clients cause, which a broker forwards in an Envelope. */
    private static final Set<String> FORWARDED = Set.of("createTopics", "deleteTopics", "electLeaders", "createPartitions",
        "incrementalAlterConfigs", "unregisterBroker", "updateFeatures", "alterClientQuotas");

    /** Reads that are a part of the request DeleteTopics. */
    private static final Set<String> READS = Set.of("findTopicIds", "findTopicNames", "findAllTopicIds",
        "getFinalizedFeatures", "describeConfigs", "waitForReadyBrokers");

    /** An observer whose timer is over polls in a loop, which the simulator leaves out. */
    static final long SHORTEST_POLL = 100_000;

    /** An answer without records is handed to appendAsFollower, too. */
    static final long SHORTEST_APPEND = 5_000;

    private static final Map<Integer, String> BECOME = Map.of(Kind.BECOME_PROSPECTIVE, "become prospective",
        Kind.BECOME_CANDIDATE, "become candidate", Kind.BECOME_LEADER, "become leader", Kind.BECOME_FOLLOWER,
        "become follower", Kind.BECOME_UNATTACHED, "become unattached", Kind.BECOME_RESIGNED, "become resigned");

    private final Samples works;

    Works(Samples works) {
        this.works = works;
    }

    /** Of a thread that servers of both roles have. */
    private static Samples.Key ofRole(Jvm jvm, String thread, String name) {
        return new Samples.Key(thread, name, jvm.role());
    }

    /** The thread and the name of the work that a span is, or null. */
    static Samples.Key key(Jvm jvm, Event event) {
        String answer = event.isResponse() ? " response" : " request";
        return switch (event.kind()) {
            case Kind.RAFT_HANDLE -> ofRole(jvm, RAFT, event.apiName() + answer);
            case Kind.RAFT_LISTENERS -> ofRole(jvm, RAFT, "deliver");
            case Kind.FOLLOWER_APPEND -> ofRole(jvm, RAFT, "append as follower");
            case Kind.BECOME_PROSPECTIVE, Kind.BECOME_CANDIDATE, Kind.BECOME_LEADER, Kind.BECOME_FOLLOWER,
                Kind.BECOME_UNATTACHED, Kind.BECOME_RESIGNED -> ofRole(jvm, RAFT, BECOME.get(event.kind()));
            case Kind.CONTROLLER_APIS -> RAFT_APIS.contains(event.api()) ? null
                : new Samples.Key(CONTROLLER_HANDLER, event.apiName() + " request");
            case Kind.KAFKA_APIS -> new Samples.Key(HANDLER, event.apiName() + " request");
            case Kind.CONTROLLER_EVENT -> new Samples.Key(CONTROLLER, controllerEvent(jvm.name(event)));
            case Kind.CLAIM -> new Samples.Key(CONTROLLER, "claim");
            case Kind.RENOUNCE -> new Samples.Key(CONTROLLER, "renounce");
            case Kind.LOADER_COMMIT -> ofRole(jvm, LOADER, "post");
            case Kind.LOADER_EVENT -> ofRole(jvm, LOADER, "leader change");
            case Kind.PUBLISH, Kind.FIRST_PUBLISH -> ofRole(jvm, LOADER, "publish");
            case Kind.STOP_PARTITIONS -> new Samples.Key(HANDLER, "stop partitions");
            case Kind.LEAD_PARTITIONS -> new Samples.Key(HANDLER, "lead partitions");
            case Kind.FOLLOW_PARTITIONS -> new Samples.Key(HANDLER, "follow partitions");
            case Kind.LEAD_PARTITION -> ofPublication(event, event.identity() == 0 ? "update leader" : "lead partition");
            case Kind.FOLLOW_PARTITION -> ofPublication(event, "follow partition");
            case Kind.LIFECYCLE -> new Samples.Key(LIFECYCLE, lifecycleEvent(jvm.name(event)));
            case Kind.CHANNEL_RESPONSE -> jvm.channelOf(event).equals(LIFECYCLE) || !jvm.name(event).isEmpty() ? null
                : new Samples.Key(HANDLER, event.apiName() + " response");
            case Kind.FETCHER -> new Samples.Key(HANDLER, "Fetch response");
            case Kind.FETCHER_TRUNCATE -> new Samples.Key(HANDLER, "OffsetForLeaderEpoch response");
            case Kind.API_VERSIONS_RESPONSE -> new Samples.Key(jvm.channelOf(event), "ApiVersions response");
            default -> null;
        };
    }

    /** One partition is a piece of work of its own only within a publication. */
    private static Samples.Key ofPublication(Event event, String name) {
        int publication = event.kind() == Kind.LEAD_PARTITION ? Kind.LEAD_PARTITIONS : Kind.FOLLOW_PARTITIONS;
        return event.parent() == publication ? new Samples.Key(HANDLER, name) : null;
    }

    static String controllerEvent(String name) {
        if (REQUESTS.containsKey(name)) {
            return REQUESTS.get(name) + " request";
        }
        if (FORWARDED.contains(name)) {
            return "Envelope request";
        }
        if (READS.contains(name)) {
            return name;
        }
        return switch (name) {
            case "handleCommit", "handleLoadSnapshot", "handleLoadBootstrap" -> "post";
            case "handleLeaderChange" -> "leader change";
            case "completeActivation" -> "claim";
            default -> "timer";
        };
    }

    private static String lifecycleEvent(String name) {
        return switch (name) {
            case "CommunicationEvent" -> "timer";
            case "BrokerRegistrationResponseEvent" -> "BrokerRegistration response";
            case "BrokerHeartbeatResponseEvent" -> "BrokerHeartbeat response";
            case "StartupEvent" -> "start";
            default -> "event";
        };
    }

    /** All pieces of work of a JVM. */
    void collect(Jvm jvm) {
        works.nextJvm();
        // handleLeaderChange, claim and completeActivation are one piece of work: they end in this order, at once.
        long claim = -1;
        long listened = 0;
        long inner = 0;
        Event state = null;
        boolean hasAppended = false;
        boolean hasRequestedVotes = false;
        Become become = null;
        Map<Integer, Event> created = new HashMap<>();
        Map<Integer, Long> forced = new HashMap<>();
        Wakes wakes = new Wakes();
        // It is tried again and again until the loader has caught up, and publishes only then.
        Event first = jvm.events.stream().filter(it -> it.kind() == Kind.FIRST_PUBLISH)
            .max(Comparator.comparingLong(Event::own)).orElse(null);
        for (Event event : jvm.events) {
            long woken = wakes.next(event);
            if (event.kind() == Kind.HANDOVER_REQUEST && event.api() == ApiKeys.VOTE.id && event.parent() == Kind.RAFT_STATE) {
                hasRequestedVotes = true;
                continue;
            }
            if (event.kind() == Kind.FSYNC && event.parent() == Kind.RAFT_STATE && jvm.name(event).startsWith("FileRecords")) {
                hasAppended = true;
                continue;
            }
            if (event.kind() == Kind.RAFT_STATE && event.parent() == Kind.RAFT_POLL) {
                if (hasRequestedVotes && become != null) {
                    // The first requests for votes are a part of the transition.
                    works.add(become.key, become.own + event.own());
                    become = null;
                    hasRequestedVotes = false;
                    state = null;
                    continue;
                }
                hasRequestedVotes = false;
                if (hasAppended) {
                    works.add(ofRole(jvm, RAFT, "append"), event.own());
                }
                state = hasAppended ? null : event;
                hasAppended = false;
                continue;
            }
            if (event.kind() == Kind.RAFT_POLL) {
                if (state != null && event.end() - event.begin() >= SHORTEST_POLL) {
                    works.add(ofRole(jvm, RAFT, "timer"), state.own());
                }
                state = null;
                continue;
            }
            if (event.kind() == Kind.FIRST_PUBLISH && event != first) {
                continue;
            }
            if (event.kind() == Kind.QUEUED_EVENT && event.parent() == Kind.RAFT_LISTENERS) {
                listened = event.end();
            }
            if (event.kind() == Kind.FSYNC && event.parent() == Kind.LEAD_PARTITION) {
                forced.merge(event.thread(), event.end() - event.begin(), Long::sum);
                continue;
            }
            if (event.kind() == Kind.CREATE_LOG) {
                created.put(event.thread(), event);
                continue;
            }
            Samples.Key key = key(jvm, event);
            if (key == null) {
                continue;
            }
            if (event.kind() == Kind.LEAD_PARTITION || event.kind() == Kind.FOLLOW_PARTITION) {
                // A partition has one log.
                Event log = created.remove(event.thread());
                if (log != null && log.begin() >= event.begin()) {
                    works.add(HANDLER, "create log", log.own());
                }
            }
            long own = event.own() + (key.name().equals("timer") ? 0 : woken);
            if (event.kind() == Kind.LEAD_PARTITION) {
                // Requests are refused until the new leader epoch is on disk (Partition.makeLeader).
                own += forced.getOrDefault(event.thread(), 0L);
                forced.remove(event.thread());
            }
            if (event.kind() == Kind.BECOME_PROSPECTIVE || event.kind() == Kind.BECOME_CANDIDATE) {
                add(become);
                become = new Become(key, own);
                continue;
            }
            if (event.kind() == Kind.CLAIM) {
                claim = own;
                continue;
            }
            if (event.kind() == Kind.CONTROLLER_EVENT && claim >= 0) {
                claim += own;
                if (key.name().equals("claim")) {
                    works.add(CONTROLLER, "claim", claim);
                    claim = -1;
                }
                continue;
            }
            if (event.kind() == Kind.RAFT_LISTENERS && listened < event.begin()
                || event.kind() == Kind.FOLLOWER_APPEND && event.end() - event.begin() < SHORTEST_APPEND) {
                continue;
            }
            // The request inside an envelope is a part of the envelope's handling.
            if (event.kind() == Kind.CONTROLLER_APIS && event.parent() == Kind.CONTROLLER_APIS) {
                inner = own;
                continue;
            }
            if (event.kind() == Kind.CONTROLLER_APIS && event.api() == ApiKeys.ENVELOPE.id) {
                own += inner;
                inner = 0;
            }
            works.add(key, own);
        }
        add(become);
    }

    /** A transition after which votes are requested. */
    private record Become(Samples.Key key, long own) {
    }

    private void add(Become become) {
        if (become != null) {
            works.add(become.key, become.own);
        }
    }
}
