package conformance.measure.recorder;

/** Kinds of events, by number as in the files of events. */
public final class Kind {
    public static final int RAFT_POLL = 1;
    public static final int RAFT_STATE = 2;
    public static final int RAFT_WAIT = 3;
    public static final int RAFT_HANDLE = 4;
    public static final int RAFT_LISTENERS = 5;
    public static final int BECOME_PROSPECTIVE = 6;
    public static final int BECOME_CANDIDATE = 7;
    public static final int BECOME_LEADER = 8;
    public static final int BECOME_FOLLOWER = 9;
    public static final int BECOME_UNATTACHED = 10;
    public static final int BECOME_RESIGNED = 11;
    public static final int FSYNC = 12;
    public static final int CONTROLLER_APIS = 13;
    public static final int KAFKA_APIS = 14;
    public static final int CONTROLLER_EVENT = 15;
    public static final int CLAIM = 16;
    public static final int RENOUNCE = 17;
    public static final int LOADER_COMMIT = 18;
    public static final int LOADER_EVENT = 19;
    public static final int PUBLISH = 20;
    public static final int LIFECYCLE = 21;
    public static final int CHANNEL_RESPONSE = 22;
    public static final int FETCHER = 23;
    public static final int FETCHER_WAIT = 24;
    public static final int API_VERSIONS_RESPONSE = 25;
    public static final int FETCHER_TRUNCATE = 26;
    public static final int RAFT_COMPLETED = 27;
    public static final int MAIN = 28;
    public static final int FIRST_PUBLISH = 29;
    public static final int FOLLOWER_APPEND = 30;
    public static final int STOP_PARTITIONS = 31;
    public static final int LEAD_PARTITIONS = 32;
    public static final int FOLLOW_PARTITIONS = 33;
    public static final int LEAD_PARTITION = 34;
    public static final int FOLLOW_PARTITION = 35;
    public static final int CREATE_LOG = 36;

    /** From here on an event is a moment. */
    public static final int HANDOVER_REQUEST = 40;
    public static final int HANDOVER_RESPONSE = 41;
    /** It has a beginning, too: doSend or sendResponse in the network thread. */
    public static final int WRITTEN = 42;
    public static final int RECEIVED = 43;
    public static final int QUEUED_RAFT = 44;
    public static final int QUEUED_EVENT = 45;
    public static final int CONNECTING = 46;
    public static final int CONNECTED = 47;
    public static final int READY = 48;
    public static final int STOP_RAFT = 49;
    public static final int STOP_BROKER = 50;

    private Kind() {
    }
}
