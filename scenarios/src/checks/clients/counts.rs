//! How many operations of each kind ended how, and what is legal and yet worth counting.

use std::collections::BTreeMap;

use raft::client::Outcome;

use crate::report::OperationCounts;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    operations: BTreeMap<&'static str, OperationCounts>,
    remarks: BTreeMap<Remark, u64>,
}

/// What Kafka permits, and a user may not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// A fetch was answered with a high watermark below what was acknowledged before it was sent.
    StalePoll,
    /// ListOffsets told an end below what was acknowledged before it was sent.
    StaleListOffsets,
    /// An admin answer without a commit showed an older state than the committed one.
    StaleAdminAnswer,
    /// A batch of which no attempt was answered is committed.
    UnknownAppendCommitted,
    /// The first batch of a producer in a log does not begin at sequence 0: batches before it were
    /// refused, and a log without state of a producer takes any sequence (controller-broker.md §6.8).
    ProducerBeganLate,
    /// An admin request may have been executed before its answer's execution, or may be after it: its
    /// broker changed the link to the controller meanwhile (controller-broker.md §5.7).
    ForwardedTwice,
    /// A consumer's position was reset.
    PositionReset,
}

impl Remark {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Remark::StalePoll => "stale_poll",
            Remark::StaleListOffsets => "stale_list_offsets",
            Remark::StaleAdminAnswer => "stale_admin_answer",
            Remark::UnknownAppendCommitted => "unknown_append_committed",
            Remark::ProducerBeganLate => "producer_began_late",
            Remark::ForwardedTwice => "forwarded_twice",
            Remark::PositionReset => "position_reset",
        }
    }
}

impl Counts {
    /// An operation ended.
    pub fn ended(&mut self, kind: &'static str, outcome: Outcome) {
        let counts = self.operations.entry(kind).or_default();
        match outcome {
            Outcome::Done => counts.ok += 1,
            Outcome::Failed => counts.fail += 1,
            Outcome::Unknown => counts.unknown += 1,
        }
    }

    /// Worth counting.
    pub fn remark(&mut self, remark: Remark) {
        *self.remarks.entry(remark).or_default() += 1;
    }

    /// By kind: `produce`, `consume`, `list_offsets`, `offset_for_leader_epoch`,
    /// `init_producer_id`, `create_topic`, `delete_topic`, `create_partitions`, `alter_configs`,
    /// `describe_configs`, `elect_leaders`, `unregister_broker`. An operation is one RPC (one
    /// partition of it, for produce and the reads).
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, OperationCounts)> {
        self.operations.iter().map(|(kind, counts)| (*kind, *counts))
    }

    /// Of one kind.
    pub fn of(&self, kind: &str) -> OperationCounts {
        self.operations().find(|(other, _)| *other == kind).map_or(OperationCounts::default(), |(_, counts)| counts)
    }

    /// How often each was met.
    pub fn remarks(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.remarks.iter().map(|(remark, count)| (remark.name(), *count))
    }
}
