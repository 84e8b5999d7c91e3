//! The dialogue of a broker's replicas: each call of a [`Partition`] with its arguments, its result, and the state after
//! it, for a comparison with Kafka's `Partition`. It is recorded only if [`Out::dialogue`](crate::io::Out) is set.

use std::rc::Rc;

use super::log::{AppendRefusal, LeaderAppend};
use super::partition::{IsrState, Partition, PartitionRead, Replica};
use super::view::{BrokerView, PartitionView};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, TopicIdPartition, Uuid};
use crate::io::DialogueEntry;
use crate::log::Records;
use crate::message::ErrorCode;
use crate::message::cluster::{AlterPartitionItem, AlterPartitionResult};
use crate::message::data::{FetchPartition, ListOffsetsPartition, OffsetForLeaderPartition};

/// An entry of the dialogue. An input unless stated otherwise.
#[derive(Clone, Debug)]
pub enum PartitionEntry {
    /// Calls see this metadata from now on.
    Published { brokers: Vec<BrokerView> },
    /// A topic's `min.insync.replicas` has this value.
    MinInsyncReplicas { topic_id: Uuid, value: i32 },
    /// Output: the call that follows submits a change of the ISR to the `AlterPartitionManager`. Input: whether that
    /// accepts it.
    Submitted { item: AlterPartitionItem, is_accepted: bool },
    /// A call.
    Called(Box<PartitionStep>),
    /// The replica is deleted with its log.
    Deleted { partition: TopicIdPartition },
}

/// A call of a replica, and the state after it.
#[derive(Clone, Debug)]
pub struct PartitionStep {
    pub partition: TopicIdPartition,
    /// This broker's.
    pub broker_epoch: BrokerEpoch,
    pub call: PartitionCall,
    /// Output.
    pub state: PartitionState,
}

/// A call of a replica. The results are outputs.
#[derive(Clone, Debug)]
pub enum PartitionCall {
    /// `makeLeader`
    MakeLeader { view: PartitionView, hosted: Hosted },
    /// `makeFollower`, and whether the leader epoch is new.
    MakeFollower { view: PartitionView, hosted: Hosted, new_epoch: bool },
    /// `appendRecordsToLeader`
    AppendAsLeader { records: Records, acks: i16, result: Result<LeaderAppend, ErrorCode> },
    /// `checkEnoughReplicasReachOffset`; `None` while it is undecided.
    CheckReached { required: Offset, result: Option<ErrorCode> },
    /// `fetchRecords`
    FetchRecords { fetch: Fetch, result: Result<PartitionRead, ErrorCode> },
    /// `fetchOffsetForTimestamp`
    FetchOffset {
        replica_id: NodeId,
        requested: ListOffsetsPartition,
        result: Result<(Offset, LeaderEpoch), ErrorCode>,
    },
    /// `lastOffsetForLeaderEpoch`
    LastOffset { requested: OffsetForLeaderPartition, result: Result<Option<OffsetAndEpoch>, ErrorCode> },
    /// `maybeShrinkIsr`
    MaybeShrinkIsr,
    /// The controller's answer to a submitted change.
    AlterPartitionAnswered { result: AlterPartitionResult },
    /// `ReplicaFetcherThread.processPartitionData`
    AppendAsFollower { epoch: LeaderEpoch, records: Records, high_watermark: Offset, result: Result<(), AppendRefusal> },
    /// `truncateTo`
    TruncateTo { offset: Offset },
    /// `truncateFullyAndStartAt`
    TruncateFullyAndStartAt { offset: Offset },
    /// `removeExpiredProducers`
    RemoveExpiredProducers,
}

/// Where the log of a replica was before it got a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosted {
    /// It had a role already.
    Before,
    /// On the disk when the process started, and not set aside as a stray since.
    FromDisk,
    /// Nowhere.
    New,
}

/// The arguments of a read.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub replica_id: NodeId,
    pub replica_epoch: BrokerEpoch,
    pub requested: FetchPartition,
    pub max_bytes: usize,
    /// A batch that is larger is read, too.
    pub at_least_one: bool,
    /// The leader notes the follower's offset.
    pub updates_state: bool,
}

/// What a replica shows.
#[derive(Clone, Debug)]
pub struct PartitionState {
    pub leader: Option<NodeId>,
    pub is_leader: bool,
    pub leader_epoch: LeaderEpoch,
    pub leader_epoch_start: Option<Offset>,
    pub partition_epoch: PartitionEpoch,
    pub isr: IsrState,
    pub replicas: Vec<Replica>,
    pub log_start: Offset,
    pub log_end: Offset,
    pub high_watermark: Offset,
    pub epochs: Rc<[OffsetAndEpoch]>,
}

impl From<PartitionEntry> for DialogueEntry {
    fn from(entry: PartitionEntry) -> DialogueEntry {
        DialogueEntry::Partition(Rc::new(entry))
    }
}

impl Partition {
    /// The entry for a call that has returned.
    pub(super) fn called(&self, broker_epoch: BrokerEpoch, call: PartitionCall) -> DialogueEntry {
        let log = self.log();
        let state = PartitionState {
            leader: self.leader(),
            is_leader: self.is_leader(),
            leader_epoch: self.leader_epoch(),
            leader_epoch_start: self.leader_epoch_start(),
            partition_epoch: self.partition_epoch(),
            isr: self.isr().clone(),
            replicas: self.remotes().to_vec(),
            log_start: log.start_offset(),
            log_end: log.end_offset(),
            high_watermark: log.high_watermark(),
            epochs: log.epoch_starts().into(),
        };
        PartitionEntry::Called(Box::new(PartitionStep { partition: self.id(), broker_epoch, call, state })).into()
    }
}
