//! How many operations of each kind ended how, and what is legal and yet worth counting.

use std::collections::BTreeMap;

use raft::client::Outcome;

use crate::report::OperationCounts;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    open: BTreeMap<&'static str, u64>,
    operations: BTreeMap<&'static str, OperationCounts>,
    pub remarks: BTreeMap<Remark, u64>,
}

/// What Kafka permits, and a user may not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// A fetch was answered with a high watermark below what was acknowledged before it was sent.
    StalePoll,
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

impl Counts {
    pub fn began(&mut self, kind: &'static str) {
        *self.open.entry(kind).or_default() += 1;
    }

    pub fn ended(&mut self, kind: &'static str, outcome: Outcome) {
        *self.open.entry(kind).or_default() -= 1;
        let counts = self.operations.entry(kind).or_default();
        match outcome {
            Outcome::Done => counts.ok += 1,
            Outcome::Failed => counts.fail += 1,
            Outcome::Unknown => counts.unknown += 1,
        }
    }

    pub fn finish(&mut self) {
        for (kind, open) in std::mem::take(&mut self.open).into_iter().filter(|(_, open)| *open > 0) {
            self.operations.entry(kind).or_default().unknown += open;
        }
    }

    pub fn remark(&mut self, remark: Remark) {
        *self.remarks.entry(remark).or_default() += 1;
    }

    /// By kind. An operation is one RPC (one partition of it, for produce and the reads).
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, OperationCounts)> {
        self.operations.iter().map(|(kind, counts)| (*kind, *counts))
    }

    pub fn of(&self, kind: &str) -> OperationCounts {
        self.operations.get(kind).copied().unwrap_or_default()
    }
}
