//! The events that an aimed fault may wait for, by name.

use raft::metadata::MetadataRecord;

/// Declares the closed list of events, each with its name and description.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $of:ident;)+) => {
        /// An observable event at a node's border.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum TriggerEvent { $($(#[doc = $doc])+ $variant,)+ }

        impl TriggerEvent {
            /// Every event, in declaration order.
            pub const ALL: &'static [TriggerEvent] = &[$(TriggerEvent::$variant,)+];

            /// The event's name in plans and scenarios.
            pub fn name(self) -> &'static str {
                match self { $(TriggerEvent::$variant => $name,)+ }
            }

            /// When the event occurs.
            pub fn about(self) -> &'static str {
                match self { $(TriggerEvent::$variant => concat!($($doc),+),)+ }.trim_start()
            }

            /// Which clusters can show it.
            fn of(self) -> Of {
                match self { $(TriggerEvent::$variant => Of::$of,)+ }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Any,
    Quorum,
    Brokers,
    /// Those with brokers, if their nodes write snapshots; drawn only where a scenario names it.
    Snapshots,
}

/// In `nemesis.aimed.triggers`: any of those that need not be named.
pub const ANY: &str = "any";

events! {
    /// A replica requests pre-votes.
    Prospective = "prospective", Any;
    /// A replica requests votes.
    Candidate = "candidate", Any;
    /// A replica leads an epoch; an election has ended.
    LeaderElected = "leader-elected", Any;
    /// A controller becomes active.
    ControllerActive = "controller-active", Any;
    /// A leader has resigned.
    LeaderResigned = "leader-resigned", Any;
    /// `quorum-state` has new bytes; their fsync comes next.
    QuorumStateWritten = "quorum-state-written", Any;
    /// The metadata log has new bytes; their fsync comes next.
    MetadataLogWritten = "metadata-log-written", Any;
    /// A replica truncated the metadata log.
    MetadataLogTruncated = "metadata-log-truncated", Any;
    /// A record was committed.
    RecordCommitted = "record-committed", Quorum;
    /// A broker's registration was committed; its peer is that broker, as below.
    RegisterBrokerCommitted = "committed:RegisterBrokerRecord", Brokers;
    /// A broker was fenced, unfenced, or begins its controlled shutdown.
    BrokerChangeCommitted = "committed:BrokerRegistrationChangeRecord", Brokers;
    /// A partition was created; its peer is the first leader, as below.
    PartitionCommitted = "committed:PartitionRecord", Brokers;
    /// A partition's ISR or leader changes; its peer is the new leader, if there is one.
    PartitionChangeCommitted = "committed:PartitionChangeRecord", Brokers;
    /// A topic was deleted.
    RemoveTopicCommitted = "committed:RemoveTopicRecord", Brokers;
    /// A config was altered.
    ConfigCommitted = "committed:ConfigRecord", Brokers;
    /// A block of producer ids was handed out; its peer is the broker that has it.
    ProducerIdsCommitted = "committed:ProducerIdsRecord", Brokers;
    /// A broker begins to lead a partition.
    PartitionLeader = "partition-leader", Brokers;
    /// A broker follows a partition's leader.
    PartitionFollower = "partition-follower", Brokers;
    /// A partition's log has new bytes, which are not forced.
    PartitionLogWritten = "partition-log-written", Brokers;
    /// A broker truncated a partition's log.
    PartitionLogTruncated = "partition-log-truncated", Brokers;
    /// A leader decided on a new ISR, and is about to send AlterPartition.
    IsrChangeProposed = "isr-change-proposed", Brokers;
    /// AlterPartition is in flight; its peer is the first replica that joins or leaves.
    AlterPartitionSent = "alter-partition-sent", Brokers;
    /// AlterPartition was answered, and the answer is in flight; its peer is the leader that sent the request.
    AlterPartitionAnswered = "alter-partition-answered", Brokers;
    /// A produce request was acknowledged, and the answer is in flight.
    ProduceAcknowledged = "produce-acknowledged", Brokers;
    /// A broker is registered and catches up.
    BrokerRecovering = "broker-recovering", Brokers;
    /// A broker is unfenced.
    BrokerRunning = "broker-running", Brokers;
    /// A broker is in controlled shutdown.
    BrokerStopping = "broker-stopping", Brokers;
    /// A node begins to write or to download a snapshot.
    SnapshotBegun = "snapshot-begun", Snapshots;
    /// FetchSnapshot is in flight; its peer is the leader.
    FetchSnapshotSent = "fetch-snapshot-sent", Snapshots;
    /// A snapshot is complete, and gets its name.
    SnapshotComplete = "snapshot-complete", Snapshots;
    /// A snapshot has replaced a metadata log, and is not loaded yet.
    SnapshotInstalled = "snapshot-installed", Snapshots;
}

impl TriggerEvent {
    /// The event's bit in a set.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Does it concern a second node, its peer?
    pub fn has_peer(self) -> bool {
        use TriggerEvent::{
            AlterPartitionAnswered, AlterPartitionSent, BrokerChangeCommitted, PartitionChangeCommitted,
        };
        use TriggerEvent::{FetchSnapshotSent, PartitionCommitted, ProducerIdsCommitted, RegisterBrokerCommitted};
        matches!(
            self,
            AlterPartitionAnswered
                | AlterPartitionSent
                | BrokerChangeCommitted
                | FetchSnapshotSent
                | PartitionChangeCommitted
                | PartitionCommitted
                | ProducerIdsCommitted
                | RegisterBrokerCommitted
        )
    }

    /// That a record of a cluster with brokers was committed; `None`: of a type that no trigger names.
    pub fn of_commit(record: &MetadataRecord) -> Option<TriggerEvent> {
        match record {
            MetadataRecord::RegisterBroker(_) => Some(TriggerEvent::RegisterBrokerCommitted),
            MetadataRecord::BrokerRegistrationChange(_) => Some(TriggerEvent::BrokerChangeCommitted),
            MetadataRecord::Partition(_) => Some(TriggerEvent::PartitionCommitted),
            MetadataRecord::PartitionChange(_) => Some(TriggerEvent::PartitionChangeCommitted),
            MetadataRecord::RemoveTopic(_) => Some(TriggerEvent::RemoveTopicCommitted),
            MetadataRecord::Config(_) => Some(TriggerEvent::ConfigCommitted),
            MetadataRecord::ProducerIds(_) => Some(TriggerEvent::ProducerIdsCommitted),
            _ => None,
        }
    }

    /// Whether it is drawn where no trigger is named.
    pub fn is_drawn_unnamed(self) -> bool {
        self.of() != Of::Snapshots
    }

    pub fn by_name(name: &str) -> Option<TriggerEvent> {
        Self::ALL.iter().copied().find(|event| event.name() == name)
    }

    /// Those that a cluster with brokers, or a quorum alone, can show.
    pub fn possible(has_brokers: bool) -> impl Iterator<Item = TriggerEvent> {
        let is_shown = move |of: Of| match of {
            Of::Any => true,
            Of::Quorum => !has_brokers,
            Of::Brokers | Of::Snapshots => has_brokers,
        };
        Self::ALL.iter().copied().filter(move |event| is_shown(event.of()))
    }
}

const _: () = assert!(TriggerEvent::ALL.len() <= 32);
