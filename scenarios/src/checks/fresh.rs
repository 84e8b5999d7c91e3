//! Clients when all faults are over. Does the cluster serve those that begin then? One creates a topic, one
//! has a record acknowledged by every partition, one reads all of them from the start to that record.

use std::collections::{BTreeMap, BTreeSet};

use raft::client::{AttemptEvent, TopicPartition};
use raft::ids::Offset;
use raft::message::ErrorCode;

#[derive(Clone, Debug, Default)]
pub struct FreshClients {
    /// Index of the first; clients behind it are fresh, too.
    first: usize,
    /// Every partition there is to write and read.
    partitions: usize,
    created: bool,
    /// Partition of each batch that was sent.
    sent: BTreeMap<u32, TopicPartition>,
    acked: BTreeMap<TopicPartition, Offset>,
    /// Whose records come next, and how far each was read.
    polled: Option<TopicPartition>,
    read: BTreeMap<TopicPartition, Offset>,
}

impl FreshClients {
    /// Clients from index `first` on; so many partitions.
    pub fn new(first: usize, partitions: usize) -> FreshClients {
        FreshClients { first, partitions, ..FreshClients::default() }
    }

    pub fn attempt(&mut self, client: usize, event: AttemptEvent) {
        if client < self.first {
            return;
        }
        match event {
            AttemptEvent::AdminResult { error: ErrorCode::None | ErrorCode::TopicAlreadyExists, .. } => {
                self.created = true;
            }
            AttemptEvent::ProduceInvoked { batch, partition, .. } => {
                self.sent.insert(batch, partition);
            }
            AttemptEvent::BatchAcked { batch, base_offset } => {
                if let Some(partition) = self.sent.get(&batch) {
                    self.acked.entry(*partition).or_insert(base_offset);
                }
            }
            AttemptEvent::PollRecords { partition, .. } => self.polled = Some(partition),
            AttemptEvent::PollRecord { offset, .. } => {
                if let Some(partition) = self.polled {
                    self.read.insert(partition, offset);
                }
            }
            _ => {}
        }
    }

    /// The partitions to which something was sent.
    pub fn partitions(&self) -> BTreeSet<TopicPartition> {
        self.sent.values().copied().collect()
    }

    /// What is still to be done, except in partitions that are given up: the predicate, the partition, and the offset of
    /// what is to be read next. `cut_below` gives where a committed log ends that was cut below an offset: what a leader
    /// deposed by an unclean election acknowledged may lie behind that, and never come.
    pub fn missing(
        &self,
        given_up: &BTreeSet<TopicPartition>,
        mut cut_below: impl FnMut(TopicPartition, Offset) -> Option<Offset>,
    ) -> Option<(&'static str, Option<TopicPartition>, Option<Offset>)> {
        if !self.created {
            return Some(("a fresh admin client creates a topic", None, None));
        }
        let refused_and_given_up = given_up.iter().filter(|of| !self.acked.contains_key(of)).count();
        if self.acked.len() + refused_and_given_up < self.partitions {
            let mut refused = self.sent.values().filter(|of| !self.acked.contains_key(of) && !given_up.contains(of));
            return Some(("a fresh producer is acknowledged by every partition", refused.next().copied(), None));
        }
        let next_of = |of: &TopicPartition| self.read.get(of).map_or(Offset(0), |last| Offset(last.0 + 1));
        let mut is_unread = |(partition, acked): &(&TopicPartition, &Offset)| {
            let end = cut_below(**partition, Offset(acked.0 + 1));
            let last = end.map_or(**acked, |end| (**acked).min(Offset(end.0 - 1)));
            next_of(partition) <= last && !given_up.contains(partition)
        };
        let (partition, _) = self.acked.iter().find(|of| is_unread(of))?;
        Some(("a fresh consumer reads every partition", Some(*partition), Some(next_of(partition))))
    }
}
