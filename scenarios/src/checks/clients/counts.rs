//! How many operations of each kind ended how, and what is legal and yet worth counting.

use std::collections::BTreeMap;

use raft::client::Outcome;

use crate::report::OperationCounts;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// A dozen, and each event looks one up: those that occur often move to the front.
    kinds: Vec<Kind>,
    pub remarks: BTreeMap<Remark, u64>,
}

#[derive(Clone, Debug)]
struct Kind {
    name: &'static str,
    open: u64,
    ended: OperationCounts,
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
    fn kind(&mut self, name: &'static str) -> &mut Kind {
        // Nearly always the same constant.
        let same = self.kinds.iter().position(|kind| std::ptr::eq(kind.name, name));
        let known = same.or_else(|| self.kinds.iter().position(|kind| kind.name == name));
        let at = known.unwrap_or_else(|| {
            self.kinds.push(Kind { name, open: 0, ended: OperationCounts::default() });
            self.kinds.len() - 1
        });
        let to = at.saturating_sub(1);
        self.kinds.swap(at, to);
        &mut self.kinds[to]
    }

    pub fn began(&mut self, kind: &'static str) {
        self.kind(kind).open += 1;
    }

    pub fn ended(&mut self, kind: &'static str, outcome: Outcome) {
        let kind = self.kind(kind);
        kind.open -= 1;
        match outcome {
            Outcome::Done => kind.ended.ok += 1,
            Outcome::Failed => kind.ended.fail += 1,
            Outcome::Unknown => kind.ended.unknown += 1,
        }
    }

    pub fn finish(&mut self) {
        for kind in &mut self.kinds {
            kind.ended.unknown += std::mem::take(&mut kind.open);
        }
    }

    pub fn remark(&mut self, remark: Remark) {
        *self.remarks.entry(remark).or_default() += 1;
    }

    /// By kind, in no order. An operation is one RPC (one partition of it, for produce and the reads).
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, OperationCounts)> {
        let ended = self.kinds.iter().filter(|kind| kind.ended != OperationCounts::default());
        ended.map(|kind| (kind.name, kind.ended))
    }

    pub fn of(&self, kind: &str) -> OperationCounts {
        self.kinds.iter().find(|known| known.name == kind).map_or_else(OperationCounts::default, |known| known.ended)
    }
}
