//! What the judges of clients share, and where in the committed logs a value stands.

use crate::checks::linearizability::LinearizableAppends;
use crate::checks::prelude::*;

use raft::client::TopicPartition;
use raft::ids::Offset;

use super::counts::Counts;
use super::metadata::{Logs, Metadata};
use crate::checks::replication::committed_log::ReportedBy;
use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::{PartitionIndex, Partitions};

/// What the judges of clients share, and where they report.
pub struct Context<'a> {
    pub metadata: &'a mut Metadata,
    pub partitions: &'a mut Partitions,
    pub counts: &'a mut Counts,
    pub verdict: &'a mut Verdict,
}

/// Where a value stands that a client received for an offset of a partition.
#[derive(Clone, Copy, Debug)]
pub enum Stands {
    In(PartitionIndex),
    /// It may be missing.
    Lost(Excuse),
    /// Not yet: this log does not reach so far.
    Ahead(PartitionIndex),
    Nowhere,
}

impl Context<'_> {
    /// The logs of a client's partition: one for each life of its name, newest first.
    pub fn logs_of(&mut self, partition: TopicPartition) -> Logs {
        self.metadata.logs_of(partition, self.partitions)
    }

    /// These, and where in them a value stands that was acknowledged or shown at an offset.
    pub fn stands(&mut self, partition: TopicPartition, offset: i64, value: u64, by: ReportedBy) -> (Logs, Stands) {
        let logs = self.logs_of(partition);
        let all = || logs.iter().map(|log| (*log, &self.partitions[*log]));
        let why_lost = |of: &PartitionModel| of.losses().may_be_reported(Offset(offset), value, None, by);
        let stands = if let Some((log, _)) = all().find(|(_, of)| of.log.value_at(offset) == Some(value)) {
            Stands::In(log)
        } else if let Some(excuse) = all().find_map(|(_, of)| why_lost(of)) {
            Stands::Lost(excuse)
        } else if let Some((log, _)) = all().find(|(_, of)| of.log.end() <= offset) {
            Stands::Ahead(log)
        } else {
            Stands::Nowhere
        };
        (logs, stands)
    }

    /// A client received a value for an offset that a log has not reached; gives the value that another client received.
    pub fn claim(&mut self, log: PartitionIndex, offset: i64, value: u64, by: ReportedBy) -> Option<u64> {
        let event = self.verdict.event;
        self.partitions[log].claim(event, offset, value, by)
    }

    /// What was known of a log when a batch was sent lies below it.
    #[track_caller]
    pub fn real_time(&mut self, log: PartitionIndex, base: i64, sent_at: u64) {
        let known = self.partitions[log].log.known_end_at(sent_at);
        if base < known {
            let name = self.name(log);
            self.verdict.fail(&LinearizableAppends::CLAIM, || {
                format!("a batch is in {name} at offset {base}, but the log ended at {known} before it was sent")
            });
        }
    }

    pub fn name(&self, log: PartitionIndex) -> String {
        self.metadata.name_of(self.partitions[log].id)
    }
}
