//! The table of known properties: those that take effect by role, then those that do not.

use super::{Definition, INT_MAX, Number, PropertyField, PropertyKind};

const fn int(min: i64, unit: &'static str) -> PropertyKind {
    PropertyKind::Integer { min, max: INT_MAX, unit }
}

const fn long(min: i64, unit: &'static str) -> PropertyKind {
    PropertyKind::Integer { min, max: i64::MAX, unit }
}

const HOUR_MS: i64 = 3_600_000;

/// `log.roll.hours`: an `int` of hours for a field of ms; whole hours only can be read back.
const ROLL_HOURS: PropertyField = PropertyField {
    get: |config| config.broker.log.segment_ms / HOUR_MS,
    set: |config, hours| config.broker.log.segment_ms = hours * HOUR_MS,
};

macro_rules! table {
    ($($name:literal $kind:expr, default $default:expr, $(sets $($field:ident).+ $(and $($other:ident).+)?,)? $(by $by:ident,)? $doc:literal;)+) => {
        /// All of them, those that take effect first, in the order they are printed and applied:
        /// of two that set the same field the later wins, as in Kafka.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name,
            kind: $kind,
            default: $default,
            field: table!(@field $($($field).+ $(and $($other).+)?)? $(by $by)?),
            paths: &[$(stringify!($($field).+), $(stringify!($($other).+),)?)? $(table!(@path $by),)?],
            doc: $doc,
        }),+];
    };
    (@field $($field:ident).+ $(and $($other:ident).+)?) => {
        Some(PropertyField {
            get: |config| Number::to(config.$($field).+),
            set: |config, value| {
                config.$($field).+ = Number::of(value);
                $(config.$($other).+ = Number::of(value);)?
            },
        })
    };
    (@field by $by:ident) => { Some($by) };
    (@path ROLL_HOURS) => { "broker.log.segment_ms" };
    (@field) => { None };
}

// Kafka lets every quorum timeout be 0 (older ones: negative), and most of a broker's have no
// range at all. Here those that arm a timer start at 1: with 0 a node would act again at the same
// instant for ever, and simulated time, unlike real time, would never pass.
table! {
    "controller.quorum.election.timeout.ms" int(1, "ms"), default Some(1000), sets quorum.election_timeout_ms,
        "base of the election timeout, which is drawn from one to two times this value (QuorumConfig)";
    "controller.quorum.fetch.timeout.ms" int(1, "ms"), default Some(2000), sets quorum.fetch_timeout_ms,
        "a voter without a successful fetch for this time requests pre-votes; a leader without fetches from a majority for 1.5 times as long resigns (QuorumConfig)";
    "controller.quorum.election.backoff.max.ms" int(0, "ms"), default Some(1000), sets quorum.election_backoff_max_ms,
        "longest delay before a successor becomes candidate after its leader resigned (QuorumConfig)";
    "controller.quorum.append.linger.ms" int(0, "ms"), default Some(25), sets quorum.append_linger_ms,
        "how long the leader gathers appends before it writes them (QuorumConfig)";
    "controller.quorum.auto.join.enable" PropertyKind::Boolean, default Some(0), sets quorum.auto_join,
        "whether observer controllers of a dynamic quorum add themselves as voters (QuorumConfig)";
    "controller.quorum.request.timeout.ms" int(1, "ms"), default Some(2000), sets quorum.request_timeout_ms,
        "how long a request between controllers may take (QuorumConfig)";
    "controller.quorum.retry.backoff.ms" int(1, "ms"), default Some(20), sets quorum.retry_backoff_ms,
        "wait after a failed request before the next to the same node (QuorumConfig)";
    "controller.quorum.fetch.max.bytes" int(1, "bytes"), default Some(1_048_576), sets quorum.fetch_max_bytes,
        "size of a raft Fetch's answer; one batch is always returned (QuorumConfig)";
    "metadata.log.segment.bytes" int(8 * 1024 * 1024, "bytes"), default Some(1 << 30), sets quorum.segment_bytes,
        "size at which the metadata log starts a new segment (MetadataLogConfig)";
    "internal.metadata.log.segment.bytes" int(1, "bytes"), default None, sets quorum.segment_bytes,
        "the same property without the minimum, for tests; takes precedence over metadata.log.segment.bytes (MetadataLogConfig)";
    "metadata.log.segment.ms" long(1, "ms"), default Some(604_800_000), sets quorum.segment_ms,
        "age at which the metadata log starts a new segment (MetadataLogConfig)";
    "controller.quorum.fetch.snapshot.max.bytes" int(1, "bytes"), default Some(1_048_576), sets quorum.fetch_snapshot_max_bytes,
        "size of a chunk in the answer to FetchSnapshot (QuorumConfig)";
    "metadata.log.max.record.bytes.between.snapshots" long(1, "bytes"), default Some(20_971_520), sets quorum.max_bytes_between_snapshots,
        "record bytes of the metadata log after which a snapshot is written (MetadataLogConfig)";
    "metadata.log.max.snapshot.interval.ms" long(0, "ms"), default Some(3_600_000), sets quorum.max_snapshot_interval_ms,
        "time after which a snapshot is written if there are new records; 0: never (MetadataLogConfig)";
    "metadata.max.retention.bytes" long(i64::MIN, "bytes"), default Some(104_857_600), sets quorum.retention_max_bytes,
        "size of the metadata log and its snapshots above which the oldest snapshots and the log before them are deleted; negative: no limit (MetadataLogConfig)";
    "metadata.max.retention.ms" long(i64::MIN, "ms"), default Some(604_800_000), sets quorum.retention_ms,
        "age above which a snapshot and the log before it are deleted, if there is a newer one; negative: no limit (MetadataLogConfig)";
    "metadata.max.idle.interval.ms" int(0, "ms"), default Some(500), sets quorum.max_idle_interval_ms and controller.max_idle_interval_ms,
        "interval of the no-op records of the active controller; 0: none (MetadataLogConfig)";
    "socket.connection.setup.timeout.ms" long(1, "ms"), default Some(10_000), sets quorum.connection_setup_timeout_ms,
        "how long the first attempt to connect may take (ServerConfigs)";
    "socket.connection.setup.timeout.max.ms" long(1, "ms"), default Some(30_000), sets quorum.connection_setup_timeout_max_ms,
        "longest attempt to connect after failures have doubled it (ServerConfigs)";

    "broker.session.timeout.ms" int(1, "ms"), default Some(9000), sets controller.broker_session_timeout_ms,
        "the active controller fences a broker without heartbeats for this time (KRaftConfigs)";
    "broker.heartbeat.interval.ms" int(1, "ms"), default Some(2000), sets controller.broker_heartbeat_interval_ms and broker.heartbeat_interval_ms,
        "interval of a broker's heartbeats; a heartbeat waits in the controller's queue for half of it at most (KRaftConfigs)";
    "num.partitions" int(1, ""), default Some(1), sets controller.num_partitions,
        "partitions of a new topic whose request has -1 (ServerLogConfigs)";
    "default.replication.factor" PropertyKind::Integer { min: 1, max: i16::MAX as i64, unit: "" }, default Some(1), sets controller.default_replication_factor,
        "replicas of a new topic whose request has -1 (ReplicationConfigs)";
    "min.insync.replicas" int(1, ""), default Some(1), sets controller.min_insync_replicas and broker.min_insync_replicas,
        "in-sync replicas that an acks=all append needs; default of topics (ServerLogConfigs)";
    "unclean.leader.election.enable" PropertyKind::Boolean, default Some(0), sets controller.unclean_leader_election_enable,
        "whether a replica outside ISR and ELR may lead; default of topics (ReplicationConfigs)";
    "unclean.leader.election.interval.ms" int(1, "ms"), default Some(300_000), sets controller.unclean_leader_election_interval_ms,
        "how often the controller looks for partitions to elect uncleanly; internal (ReplicationConfigs)";
    "delete.topic.enable" PropertyKind::Boolean, default Some(1), sets controller.delete_topic_enable,
        "topics may be deleted (ServerConfigs)";
    "auto.leader.rebalance.enable" PropertyKind::Boolean, default Some(1), sets controller.auto_leader_rebalance_enable,
        "the controller moves leadership back to preferred replicas (ReplicationConfigs)";
    "leader.imbalance.check.interval.seconds" int(1, "s"), default Some(300), sets controller.leader_imbalance_check_interval_seconds,
        "how often it does so (ReplicationConfigs)";

    "initial.broker.registration.timeout.ms" int(1, "ms"), default Some(60_000), sets broker.initial_registration_timeout_ms,
        "a starting broker that cannot register for this time ends its process (KRaftConfigs)";
    "controlled.shutdown.enable" PropertyKind::Boolean, default Some(1), sets broker.controlled_shutdown_enable,
        "a broker that receives SIGTERM first hands over its leaderships (ServerConfigs)";
    "controller.socket.timeout.ms" int(1, "ms"), default Some(30_000), sets broker.controller_socket_timeout_ms,
        "how long a broker's request to the controller may take (ReplicationConfigs)";
    "request.timeout.ms" int(1, "ms"), default Some(30_000), sets broker.request_timeout_ms,
        "how long a request between brokers may take (ServerConfigs)";
    "replica.lag.time.max.ms" long(1, "ms"), default Some(30_000), sets broker.replica_lag_time_max_ms,
        "a follower that is not caught up for this time leaves the ISR (ReplicationConfigs)";
    "replica.fetch.wait.max.ms" int(1, "ms"), default Some(500), sets broker.replica_fetch_wait_max_ms,
        "longest delay of a follower's fetch without new records; must not exceed replica.lag.time.max.ms (ReplicationConfigs)";
    "replica.fetch.min.bytes" int(1, "bytes"), default Some(1), sets broker.replica_fetch_min_bytes,
        "bytes that a leader collects before it answers a delayed fetch (ReplicationConfigs)";
    "replica.fetch.max.bytes" int(0, "bytes"), default Some(1 << 20), sets broker.replica_fetch_max_bytes,
        "size of a fetch's answer, of one partition; one batch is always returned (ReplicationConfigs)";
    "replica.fetch.response.max.bytes" int(0, "bytes"), default Some(10 << 20), sets broker.replica_fetch_response_max_bytes,
        "size of a fetch's answer, of all partitions (ReplicationConfigs)";
    "replica.fetch.backoff.ms" int(1, "ms"), default Some(1000), sets broker.replica_fetch_backoff_ms,
        "backoff of a partition after an error (ReplicationConfigs)";
    "replica.high.watermark.checkpoint.interval.ms" long(i64::MIN, "ms"), default Some(5000), sets broker.high_watermark_checkpoint_interval_ms,
        "interval of the high watermark checkpoint; 0 or less: it is written once (ReplicationConfigs, KafkaScheduler.schedule)";
    "log.flush.offset.checkpoint.interval.ms" int(0, "ms"), default Some(60_000), sets broker.recovery_point_checkpoint_interval_ms,
        "interval of the checkpoint of recovery points; 0: it is written once (ServerLogConfigs, KafkaScheduler.schedule)";
    "log.flush.start.offset.checkpoint.interval.ms" int(0, "ms"), default Some(60_000), sets broker.log_start_checkpoint_interval_ms,
        "the same of log starts (ServerLogConfigs)";
    "log.initial.task.delay.ms" long(0, "ms"), default Some(30_000), sets broker.initial_task_delay_ms,
        "time from the first metadata to the first of these two checkpoints; internal (ServerLogConfigs)";
    "producer.id.expiration.ms" int(1, "ms"), default Some(86_400_000), sets broker.producer_id_expiration_ms,
        "an idle producer's sequences are forgotten after this time (TransactionLogConfig)";
    "producer.id.expiration.check.interval.ms" int(1, "ms"), default Some(600_000), sets broker.producer_id_expiration_check_interval_ms,
        "interval of the check for idle producers; internal (TransactionLogConfig)";
    "message.max.bytes" int(0, "bytes"), default Some(1_048_588), sets broker.log.max_message_bytes,
        "largest batch (ServerConfigs)";
    "log.segment.bytes" int(1024 * 1024, "bytes"), default Some(1 << 30), sets broker.log.segment_bytes,
        "size at which a data log starts a new segment (LogConfig)";
    "internal.segment.bytes" int(1, "bytes"), default None, sets broker.log.segment_bytes,
        "the same without the minimum; in Kafka's tests a topic's setting, here that of all topics; takes precedence over log.segment.bytes (LogConfig)";
    "log.roll.hours" PropertyKind::Integer { min: 1, max: INT_MAX, unit: "h" }, default Some(168), by ROLL_HOURS,
        "age at which a data log starts a new segment (LogConfig)";
    "log.roll.ms" long(1, "ms"), default None, sets broker.log.segment_ms,
        "log.roll.hours in ms; takes precedence over it (LogConfig)";

    "node.id" int(0, ""), default None, "this node's id (KRaftConfigs)";
    "broker.id" int(-1, ""), default None, "older name of node.id; must be equal if both are set (ServerConfigs)";
    "process.roles" PropertyKind::Text, default None, "controller, broker, or both (KRaftConfigs)";
    "controller.quorum.voters" PropertyKind::Text, default None, "id@host:port of each voter of a static quorum (QuorumConfig)";
    "controller.quorum.bootstrap.servers" PropertyKind::Text, default None, "controllers at which nodes find the leader; without controller.quorum.voters the quorum is dynamic (QuorumConfig)";
    "controller.listener.names" PropertyKind::Text, default None, "listeners that speak to controllers (KRaftConfigs)";
    "listeners" PropertyKind::Text, default None, "addresses this node listens on (SocketServerConfigs)";
    "advertised.listeners" PropertyKind::Text, default None, "addresses this node gives to others (SocketServerConfigs)";
    "listener.security.protocol.map" PropertyKind::Text, default None, "security protocol of each listener (SocketServerConfigs)";
    "inter.broker.listener.name" PropertyKind::Text, default None, "listener between brokers (ReplicationConfigs)";
    "security.inter.broker.protocol" PropertyKind::Text, default None, "its security protocol, if the listener is not named (ReplicationConfigs)";
    "log.dirs" PropertyKind::Text, default None, "data directories (ServerLogConfigs)";
    "log.dir" PropertyKind::Text, default None, "the data directory if log.dirs is not set (ServerLogConfigs)";
    "metadata.log.dir" PropertyKind::Text, default None, "directory of the metadata log (MetadataLogConfig)";

    "server.max.startup.time.ms" long(0, "ms"), default Some(i64::MAX), "limit of a start-up (KRaftConfigs)";
    "num.network.threads" int(1, ""), default Some(3), "network threads (SocketServerConfigs)";
    "num.io.threads" int(1, ""), default Some(8), "request handlers (ServerConfigs)";
    "background.threads" int(1, ""), default Some(10), "background tasks (ServerConfigs)";
    "queued.max.requests" int(1, ""), default Some(500), "queue before the request handlers (SocketServerConfigs)";
    "socket.send.buffer.bytes" int(-1, "bytes"), default Some(102_400), "SO_SNDBUF (SocketServerConfigs)";
    "socket.receive.buffer.bytes" int(-1, "bytes"), default Some(102_400), "SO_RCVBUF (SocketServerConfigs)";
    "socket.request.max.bytes" int(1, "bytes"), default Some(104_857_600), "largest request (SocketServerConfigs)";
    "socket.listen.backlog.size" int(1, ""), default Some(50), "pending connections (SocketServerConfigs)";
    "connections.max.idle.ms" long(i64::MIN, "ms"), default Some(600_000), "idle connections are closed (SocketServerConfigs)";
    "num.recovery.threads.per.data.dir" int(1, ""), default Some(2), "log recovery (ServerLogConfigs)";
    "offsets.topic.replication.factor" int(1, ""), default Some(3), "replicas of __consumer_offsets (GroupCoordinatorConfig)";
    "share.coordinator.state.topic.replication.factor" int(1, ""), default Some(3), "replicas of __share_group_state (ShareCoordinatorConfig)";
    "share.coordinator.state.topic.min.isr" int(1, ""), default Some(2), "min ISR of __share_group_state (ShareCoordinatorConfig)";
    "transaction.state.log.replication.factor" int(1, ""), default Some(3), "replicas of __transaction_state (TransactionLogConfig)";
    "transaction.state.log.min.isr" int(1, ""), default Some(2), "min ISR of __transaction_state (TransactionLogConfig)";
    "log.retention.hours" int(i32::MIN as i64, "h"), default Some(168), "age of data kept (ServerLogConfigs)";
    "log.retention.bytes" long(i64::MIN, "bytes"), default Some(-1), "data kept (ServerLogConfigs)";
    "log.retention.check.interval.ms" long(1, "ms"), default Some(300_000), "how often retention is checked (ServerLogConfigs)";
    "replica.socket.timeout.ms" int(1, "ms"), default Some(30_000), "socket of a follower's fetches; must not be below replica.fetch.wait.max.ms (ReplicationConfigs)";
    "replica.socket.receive.buffer.bytes" int(i32::MIN as i64, "bytes"), default Some(65_536), "SO_RCVBUF of a follower's fetches (ReplicationConfigs)";
    "num.replica.fetchers" int(i32::MIN as i64, ""), default Some(1), "fetcher threads for each leader; one here (ReplicationConfigs)";
    "leader.imbalance.per.broker.percentage" int(i32::MIN as i64, "%"), default Some(10), "unused by the KRaft controller (ReplicationConfigs)";
    "controlled.shutdown.max.retries" int(i32::MIN as i64, ""), default Some(3), "unused in KRaft (ServerConfigs)";
    "controlled.shutdown.retry.backoff.ms" long(i64::MIN, "ms"), default Some(5000), "unused in KRaft (ServerConfigs)";
    "auto.create.topics.enable" PropertyKind::Boolean, default Some(1), "unknown topics are created on request; the simulated clients never request this (ServerLogConfigs)";
    "broker.rack" PropertyKind::Text, default None, "rack of a broker (ServerConfigs)";
    "compression.type" PropertyKind::Text, default None, "compression of topics (ServerConfigs)";
    "fetch.max.bytes" int(1024, "bytes"), default Some(57_671_680), "largest answer to a consumer (ServerConfigs)";
    "max.incremental.fetch.session.cache.slots" int(0, ""), default Some(1000), "fetch sessions (ServerConfigs)";
    "log.retention.ms" long(-1, "ms"), default None, "age of data kept (ServerLogConfigs)";
    "log.retention.minutes" int(i32::MIN as i64, "min"), default None, "age of data kept (ServerLogConfigs)";
    "log.cleanup.policy" PropertyKind::Text, default None, "delete, compact, or both (ServerLogConfigs)";
    "log.segment.delete.delay.ms" long(0, "ms"), default Some(60_000), "delay before files are deleted (ServerLogConfigs)";
    "log.flush.interval.messages" long(1, ""), default Some(i64::MAX), "data logs are forced after this number of records (ServerLogConfigs)";
    "log.flush.interval.ms" long(i64::MIN, "ms"), default None, "interval at which data logs are forced (ServerLogConfigs)";
    "log.flush.scheduler.interval.ms" long(i64::MIN, "ms"), default Some(i64::MAX), "interval of the check for that (ServerLogConfigs)";
    "log.message.timestamp.type" PropertyKind::Text, default None, "CreateTime or LogAppendTime (ServerLogConfigs)";
    "log.dir.failure.timeout.ms" long(1, "ms"), default Some(30_000), "time within which a failed directory must be reported (ServerLogConfigs)";
    "offsets.topic.num.partitions" int(1, ""), default Some(50), "partitions of __consumer_offsets (GroupCoordinatorConfig)";
    "transaction.state.log.num.partitions" int(1, ""), default Some(50), "partitions of __transaction_state (TransactionLogConfig)";
    "authorizer.class.name" PropertyKind::Text, default None, "authorizer (ServerConfigs)";
    "super.users" PropertyKind::Text, default None, "principals with all permissions (StandardAuthorizer)";
    "allow.everyone.if.no.acl.found" PropertyKind::Boolean, default Some(0), "permissive authorizer (StandardAuthorizer)";
}
