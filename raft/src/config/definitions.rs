//! The table of known properties: name, type, default, range, and where Kafka defines it.
//!
//! A property sets a [`Field`] of [`ControllerConfig`], or it is kept without effect
//! ([`super::KeptWhy`]). Anything not in the table is unrecognised: a typing mistake, a
//! plug-in's own, or a newer Kafka's.

use super::ControllerConfig;
use super::error::Refused;

/// One property Kafka knows.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name in a `.properties` file.
    pub name: &'static str,
    /// What its value must look like.
    pub kind: Kind,
    /// Kafka's default; `None` where there is none.
    pub default: Option<i64>,
    /// What it sets, if it takes effect here.
    pub field: Option<Field>,
    /// What it is for, and Kafka's class that defines it.
    pub doc: &'static str,
}

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer of a closed range; the unit is for messages.
    Integer { min: i64, max: i64, unit: &'static str },
    /// `true` or `false`.
    Boolean,
    /// Anything; lists and names are checked where they are used.
    Text,
}

/// Access to the field of [`ControllerConfig`] that a property sets.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Reads it.
    pub get: fn(&ControllerConfig) -> i64,
    /// Writes it; the value has passed its range.
    pub set: fn(&mut ControllerConfig, i64),
}

impl Kind {
    /// The integer that `value` spells, blanks around it ignored, as Kafka's `ConfigDef` reads it.
    pub(crate) fn integer(self, value: &str) -> Result<i64, Refused> {
        let Kind::Integer { min, max, unit } = self else { return Err(Refused::new("not a number's property")) };
        let allowed = if unit.is_empty() { format!("{min}..{max}") } else { format!("{min}..{max} ({unit})") };
        let number: i64 = value.trim().parse().map_err(|_| Refused::allowed("not an integer", allowed.clone()))?;
        if number < min {
            return Err(Refused::allowed("too small", allowed));
        }
        if number > max {
            return Err(Refused::allowed("too large", allowed));
        }
        Ok(number)
    }

    /// Whether `value` has this shape.
    pub(crate) fn check(self, value: &str) -> Result<(), Refused> {
        match self {
            Kind::Integer { .. } => self.integer(value).map(drop),
            Kind::Boolean if matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false") => Ok(()),
            Kind::Boolean => Err(Refused::allowed("not a boolean", "true, false")),
            Kind::Text => Ok(()),
        }
    }
}

const INT_MAX: i64 = i32::MAX as i64;

const fn int(min: i64, unit: &'static str) -> Kind {
    Kind::Integer { min, max: INT_MAX, unit }
}

const fn long(min: i64, unit: &'static str) -> Kind {
    Kind::Integer { min, max: i64::MAX, unit }
}

macro_rules! table {
    ($($name:literal $kind:expr, default $default:expr, $(sets $field:ident: $type:ty,)? $doc:literal;)+) => {
        /// All of them, those that take effect first, in the order they are printed.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name,
            kind: $kind,
            default: $default,
            field: table!(@field $($field: $type)?),
            doc: $doc,
        }),+];
    };
    (@field $field:ident: $type:ty) => {
        Some(Field {
            get: |config| i64::from(config.$field),
            set: |config, value| {
                config.$field = <$type>::try_from(value).expect("the table's range fits the field's type");
            },
        })
    };
    (@field) => { None };
}

// Kafka lets every quorum timeout be 0 (older ones: negative). Here those that arm a timer
// start at 1: with 0 a node would act again at the same instant for ever, and simulated time,
// unlike real time, would never pass.
table! {
    "controller.quorum.election.timeout.ms" int(1, "ms"), default Some(1000), sets election_timeout_ms: i32,
        "base of the election timer; the timer runs once to twice as long (QuorumConfig)";
    "controller.quorum.fetch.timeout.ms" int(1, "ms"), default Some(2000), sets fetch_timeout_ms: i32,
        "a voter that has not fetched for so long campaigns; a leader without a majority's fetches for one and a half times as long resigns (QuorumConfig)";
    "controller.quorum.election.backoff.max.ms" int(0, "ms"), default Some(1000), sets election_backoff_max_ms: i32,
        "longest delay before a successor campaigns after its leader resigned (QuorumConfig)";
    "controller.quorum.append.linger.ms" int(0, "ms"), default Some(25), sets append_linger_ms: i32,
        "how long the leader gathers appends before it writes them (QuorumConfig)";
    "controller.quorum.request.timeout.ms" int(1, "ms"), default Some(2000), sets request_timeout_ms: i32,
        "how long a request between controllers may take (QuorumConfig)";
    "controller.quorum.retry.backoff.ms" int(1, "ms"), default Some(20), sets retry_backoff_ms: i32,
        "wait after a failed request before the next to the same node (QuorumConfig)";
    "controller.quorum.fetch.max.bytes" int(1, "bytes"), default Some(1_048_576), sets fetch_max_bytes: i32,
        "size of a raft Fetch's answer; one batch is always returned (QuorumConfig)";
    "metadata.log.segment.bytes" int(8 * 1024 * 1024, "bytes"), default Some(1 << 30), sets segment_bytes: i32,
        "size at which the metadata log starts a new segment (MetadataLogConfig)";
    "internal.metadata.log.segment.bytes" int(1, "bytes"), default None, sets segment_bytes: i32,
        "the same without the minimum, for tests; wins over metadata.log.segment.bytes (MetadataLogConfig)";
    "metadata.log.segment.ms" long(1, "ms"), default Some(604_800_000), sets segment_ms: i64,
        "age at which the metadata log starts a new segment (MetadataLogConfig)";
    "metadata.max.idle.interval.ms" int(0, "ms"), default Some(500), sets max_idle_interval_ms: i32,
        "the active controller appends a no-op record so often; 0: never (MetadataLogConfig)";
    "socket.connection.setup.timeout.ms" long(1, "ms"), default Some(10_000), sets connection_setup_timeout_ms: i64,
        "how long the first attempt to connect may take (ServerConfigs)";
    "socket.connection.setup.timeout.max.ms" long(1, "ms"), default Some(30_000), sets connection_setup_timeout_max_ms: i64,
        "longest attempt to connect after failures have doubled it (ServerConfigs)";

    "node.id" int(0, ""), default None, "this node's id (KRaftConfigs)";
    "broker.id" int(-1, ""), default None, "older name of node.id; must be equal if both stand (ServerConfigs)";
    "process.roles" Kind::Text, default None, "controller, broker, or both (KRaftConfigs)";
    "controller.quorum.voters" Kind::Text, default None, "id@host:port of each voter of a static quorum (QuorumConfig)";
    "controller.quorum.bootstrap.servers" Kind::Text, default None, "where a dynamic quorum is found (QuorumConfig)";
    "controller.listener.names" Kind::Text, default None, "listeners that speak to controllers (KRaftConfigs)";
    "listeners" Kind::Text, default None, "addresses this node listens on (SocketServerConfigs)";
    "advertised.listeners" Kind::Text, default None, "addresses this node gives to others (SocketServerConfigs)";
    "listener.security.protocol.map" Kind::Text, default None, "security protocol of each listener (SocketServerConfigs)";
    "inter.broker.listener.name" Kind::Text, default None, "listener between brokers (ReplicationConfigs)";
    "log.dirs" Kind::Text, default None, "data directories (ServerLogConfigs)";
    "log.dir" Kind::Text, default None, "the data directory if log.dirs is not set (ServerLogConfigs)";
    "metadata.log.dir" Kind::Text, default None, "directory of the metadata log (MetadataLogConfig)";

    "controller.quorum.auto.join.enable" Kind::Boolean, default Some(0), "observers that may be voters add themselves (QuorumConfig)";
    "controller.quorum.fetch.snapshot.max.bytes" int(1, "bytes"), default Some(1_048_576), "size of a FetchSnapshot's answer (QuorumConfig)";
    "metadata.log.max.record.bytes.between.snapshots" long(1, "bytes"), default Some(20_971_520), "log bytes after which a snapshot is written (MetadataLogConfig)";
    "metadata.log.max.snapshot.interval.ms" long(0, "ms"), default Some(3_600_000), "age after which a snapshot is written; 0: never (MetadataLogConfig)";
    "metadata.max.retention.bytes" long(i64::MIN, "bytes"), default Some(104_857_600), "log and snapshots kept (MetadataLogConfig)";
    "metadata.max.retention.ms" long(i64::MIN, "ms"), default Some(604_800_000), "age of snapshots kept (MetadataLogConfig)";
    "broker.heartbeat.interval.ms" int(0, "ms"), default Some(2000), "a broker's heartbeats (KRaftConfigs)";
    "broker.session.timeout.ms" int(0, "ms"), default Some(9000), "a broker without heartbeats is fenced (KRaftConfigs)";
    "initial.broker.registration.timeout.ms" int(0, "ms"), default Some(60_000), "a starting broker's patience (KRaftConfigs)";
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
    "request.timeout.ms" int(0, "ms"), default Some(30_000), "requests between brokers (ServerConfigs)";
    "num.partitions" int(1, ""), default Some(1), "partitions of a new topic (ServerLogConfigs)";
    "default.replication.factor" int(1, ""), default Some(1), "replicas of a new topic (ReplicationConfigs)";
    "min.insync.replicas" int(1, ""), default Some(1), "replicas an acks=all append needs (ServerLogConfigs)";
    "num.recovery.threads.per.data.dir" int(1, ""), default Some(2), "log recovery (ServerLogConfigs)";
    "offsets.topic.replication.factor" int(1, ""), default Some(3), "replicas of __consumer_offsets (GroupCoordinatorConfig)";
    "share.coordinator.state.topic.replication.factor" int(1, ""), default Some(3), "replicas of __share_group_state (ShareCoordinatorConfig)";
    "share.coordinator.state.topic.min.isr" int(1, ""), default Some(2), "min ISR of __share_group_state (ShareCoordinatorConfig)";
    "transaction.state.log.replication.factor" int(1, ""), default Some(3), "replicas of __transaction_state (TransactionLogConfig)";
    "transaction.state.log.min.isr" int(1, ""), default Some(2), "min ISR of __transaction_state (TransactionLogConfig)";
    "log.retention.hours" int(i32::MIN as i64, "h"), default Some(168), "age of data kept (ServerLogConfigs)";
    "log.retention.bytes" long(i64::MIN, "bytes"), default Some(-1), "data kept (ServerLogConfigs)";
    "log.retention.check.interval.ms" long(1, "ms"), default Some(300_000), "how often retention is checked (ServerLogConfigs)";
    "log.segment.bytes" int(14, "bytes"), default Some(1 << 30), "segments of data partitions (ServerLogConfigs)";
    "authorizer.class.name" Kind::Text, default None, "authorizer (ServerConfigs)";
    "super.users" Kind::Text, default None, "principals that may do all (StandardAuthorizer)";
    "allow.everyone.if.no.acl.found" Kind::Boolean, default Some(0), "permissive authorizer (StandardAuthorizer)";
}

/// Families of names that Kafka knows and the simulator does not need.
const PREFIXES: &[&str] = &["ssl.", "sasl.", "listener.name.", "metric.", "metrics.", "log.cleaner.", "early.start."];

/// The definition of a name.
pub fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|d| d.name == name)
}

/// Is this a property that Kafka knows?
pub fn is_known(name: &str) -> bool {
    find(name).is_some() || PREFIXES.iter().any(|p| name.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_in_range() {
        for (index, definition) in DEFINITIONS.iter().enumerate() {
            assert!(DEFINITIONS[..index].iter().all(|d| d.name != definition.name), "{} twice", definition.name);
            if let (Some(default), Kind::Integer { min, max, .. }) = (definition.default, definition.kind) {
                assert!((min..=max).contains(&default), "{}: {default}", definition.name);
            }
        }
    }
}
