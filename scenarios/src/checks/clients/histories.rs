//! What all clients of a run did.

use crate::checks::claim::Scope;
use crate::checks::prelude::*;
use std::collections::BTreeSet;
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::client::{AttemptEvent, TopicPartition};
use raft::ids::{NodeId, Offset, TopicIdPartition, Uuid};
use raft::message::AdminRequest;
use raft::metadata::MetadataRecord;

use super::admin::Admins;
use super::appends::{Appends, InconsistentOffsets};
use super::context::Context;
use super::counts::Counts;
use super::metadata::Metadata;
use super::polls::{Polls, UncommittedRead};
use crate::checks::replication::committed_log::{Change, ReportedBy, ReportedValue};
use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::{PartitionIndex, Partitions};
use crate::report::Linearizability;

claim! {
    /// An acknowledged batch is in its partition's committed log.
    LostWrite, Safety of History, "Jepsen Kafka: lost-write; controller-broker.md §6.11";
    /// Every acknowledged record that was committed when the last fault ended has been read by the end of the
    /// run.
    Unseen, Safety of History, "Jepsen Kafka: unseen";
}

/// All Kafka clients of a run, and the committed logs that they are held against.
///
/// Records are given as soon as they are committed: before an answer that rests on
/// them reaches a client. `verdict.now_ns` is the time of the event.
#[derive(Clone, Debug, Default)]
pub struct ClientHistories {
    /// The names of topics that stay: whatever is in them is read in the end.
    lasting: Vec<Rc<str>>,
    metadata: Metadata,
    appends: Appends,
    polls: Polls,
    admins: Admins,
    pub counts: Counts,
    cut: BTreeSet<PartitionIndex>,
    finished: bool,
    /// What is committed was requested by no client, which is not judged.
    #[cfg(test)]
    pub committed_by_tests: bool,
}

impl ClientHistories {
    /// `topics` is the list of names that all clients were configured with, of which so many come first that stay,
    /// `bootstrap` their `bootstrap.servers`.
    pub fn new(topics: &[Rc<str>], lasting: usize, bootstrap: &[NodeId]) -> ClientHistories {
        let lasting = topics[..lasting.min(topics.len())].to_vec();
        let (metadata, admins) = (Metadata::new(topics), Admins::new(bootstrap));
        ClientHistories { lasting, metadata, admins, ..ClientHistories::default() }
    }

    fn is_lasting(&self, id: Uuid) -> bool {
        self.metadata.by_id(id).is_some_and(|life| self.lasting.contains(&self.metadata.lives[life].name))
    }

    /// Ids and names of all topics that were committed, in the order of their creation.
    pub fn topic_names(&self) -> impl Iterator<Item = (Uuid, Rc<str>)> {
        self.metadata.lives.iter().map(|life| (life.id, Rc::clone(&life.name)))
    }

    /// An admin client sends a request: that of the attempt that it has just begun.
    pub fn admin_sent(&mut self, client: usize, request: &AdminRequest) {
        self.admins.sent(client, request);
    }

    /// A broker sends an Envelope; `connection` differs from one connection to the next, whichever
    /// controllers they lead to.
    pub fn forwarded(&mut self, broker: NodeId, connection: u64) {
        self.admins.forwarded(broker, connection);
    }

    /// All faults are over: from now on what is polled is fresh.
    pub fn healed(&mut self, partitions: &mut Partitions, verdict: &mut Verdict) {
        verdict.event += 1;
        self.polls.healed = Some(verdict.event);
        partitions.settle();
    }

    /// A record of the metadata log is committed; in order of offsets, each once (control records
    /// are left out), and those of one batch without another call between them.
    pub fn metadata_committed(&mut self, offset: Offset, record: &MetadataRecord, verdict: &mut Verdict) {
        #[cfg(test)]
        if self.committed_by_tests {
            return;
        }
        if let Some(effect) = self.metadata.replay(offset.0, record) {
            self.admins.committed(offset.0, effect, verdict);
        }
    }

    pub fn log_changed(&mut self, of: PartitionTag, how: &Change, partitions: &mut Partitions, verdict: &mut Verdict) {
        let is_known = |log: &PartitionIndex| self.metadata.by_id(partitions[*log].id.topic_id).is_some();
        let Some(log) = partitions.find(of).filter(is_known) else { return };
        match how {
            Change::Grown { place, contradicted } => {
                let ClientHistories { metadata, appends, counts, .. } = self;
                let mut context = Context { metadata, partitions, counts, verdict };
                if let Some((offset, claimed)) = contradicted {
                    let name = context.name(log);
                    context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                        format!("a client saw value {claimed} at offset {offset} of {name}, where another value is committed")
                    });
                }
                appends.committed(log, *place, &mut context);
            }
            Change::Cut(gone) => {
                self.cut.insert(log);
                let (of, name) = (&partitions[log], self.metadata.name_of(partitions[log].id));
                for (batch, values) in gone.iter().filter(|(batch, values)| self.appends.destroyed(log, batch, values))
                {
                    let (base, epoch) = (batch.base, Some(batch.epoch));
                    let excuse = of.losses().may_be_reported(Offset(base), values[0], epoch, ReportedBy::Acked);
                    verdict.fail_unless(excuse, &LostWrite::CLAIM, || {
                        format!("an acknowledged batch is cut from {name} at offset {base}")
                    });
                }
            }
        }
    }

    /// A partition whose records that were committed at healing no fresh poll has all shown, its name, and the first
    /// such offset; topics that were deleted, or that come and go, and partitions that are given up do not count.
    pub fn unread(
        &self,
        given_up: &BTreeSet<TopicIdPartition>,
        partitions: &mut Partitions,
    ) -> Option<(TopicIdPartition, String, i64)> {
        let is_awaited = |of: &&mut PartitionModel| self.is_lasting(of.id.topic_id) && !given_up.contains(&of.id);
        let mut lasting = partitions.iter_mut().filter(is_awaited);
        lasting.find_map(|of| {
            let first = of.log.first_unread().filter(|_| !of.is_deleted())?;
            Some((of.id, self.metadata.name_of(of.id), first))
        })
    }

    /// The partition that clients call by a name now.
    pub fn partition_of(&mut self, of: TopicPartition, partitions: &mut Partitions) -> Option<TopicIdPartition> {
        let log = *self.metadata.logs_of(of, partitions).first()?;
        Some(partitions[log].id)
    }

    /// Where the committed log of what clients call by a name ends, if it was ever cut below an offset.
    pub fn cut_below(&mut self, of: TopicPartition, offset: Offset, partitions: &mut Partitions) -> Option<Offset> {
        let log = *self.metadata.logs_of(of, partitions).first()?;
        let log = &partitions[log];
        log.losses().lowest_cut().filter(|lowest| *lowest < offset).map(|_| Offset(log.log.end()))
    }

    /// Clients received more than is known to be committed: a leader deposed at the last moment, whom
    /// all still followed, may have been ahead of the next one's high watermark.
    pub fn is_ahead(&self, partitions: &Partitions) -> bool {
        partitions.iter().any(|of| {
            let (log, losses) = (&of.log, of.losses());
            let is_due = |(offset, claimed): (&i64, &ReportedValue)| {
                losses.may_be_reported(Offset(*offset), claimed.value, None, claimed.by()).is_none()
            };
            let reported = log.reported_end > log.end() && losses.may_end_at(Offset(log.reported_end)).is_none();
            (reported || log.claims.iter().any(is_due)) && !losses.is_deleted()
        })
    }

    pub fn cut_logs(&self, partitions: &Partitions) -> BTreeSet<String> {
        self.cut.iter().map(|log| self.metadata.name_of(partitions[*log].id)).collect()
    }

    pub fn linearizability(&self, verdict: &Verdict) -> Linearizability {
        if verdict.fired().any(|fired| matches!(fired.scope, Scope::Client | Scope::History)) {
            Linearizability::Violated
        } else if self.finished && !verdict.stop() {
            Linearizability::Holds
        } else {
            Linearizability::Unknown
        }
    }

    pub fn attempt(&mut self, client: usize, event: AttemptEvent, partitions: &mut Partitions, verdict: &mut Verdict) {
        verdict.event += 1;
        self.metadata.creating = None;
        let ClientHistories { metadata, appends, polls, admins, counts, .. } = self;
        let mut context = Context { metadata, partitions, counts, verdict };
        appends.on(client, event, &mut context);
        polls.on(client, event, appends, &mut context);
        admins.on(client, event, &mut context);
    }

    /// The run is over: what could not be judged before. `complete`: it recovered, so that the
    /// committed logs have caught up with all leaders, and fresh consumers have read them. `overdue`: it
    /// had all the time for that, and did not.
    pub fn finish(&mut self, (complete, overdue): (bool, bool), partitions: &mut Partitions, verdict: &mut Verdict) {
        let ClientHistories { metadata, appends, polls, counts, .. } = self;
        counts.finish();
        let mut context = Context { metadata, partitions, counts, verdict };
        appends.finish(complete, &mut context);
        polls.finish(&mut context);
        for of in partitions.iter().filter(|of| self.metadata.by_id(of.id.topic_id).is_some()) {
            self.finish_log(of, complete || overdue, verdict);
        }
        self.finished = true;
    }

    fn finish_log(&self, of: &PartitionModel, settled: bool, verdict: &mut Verdict) {
        let (name, log, losses) = (self.metadata.name_of(of.id), &of.log, of.losses());
        let (end, reported) = (log.end(), log.reported_end);
        for (offset, claimed @ ReportedValue { value, acked, .. }) in &log.claims {
            if let Some(excuse) = losses.may_be_reported(Offset(*offset), *value, None, claimed.by()) {
                verdict.excuse(excuse, 1);
                continue;
            }
            let (invariant, how) = match acked {
                true => (&LostWrite::CLAIM, "acknowledged"),
                false if !settled => continue, // a stale leader was ahead of all that followed
                false => (&UncommittedRead::CLAIM, "shown to a consumer"),
            };
            verdict.fail(invariant, || {
                format!("value {value} was {how} at offset {offset} of {name}, whose committed log ends at {end}")
            });
        }
        if !settled {
            return;
        }
        if reported > end {
            verdict.fail_unless(losses.may_end_at(Offset(reported)), &UncommittedRead::CLAIM, || {
                format!("the end offset of {name} was {reported} for a consumer; the committed log ends at {end}")
            });
        }
        if !self.is_lasting(of.id.topic_id) {
            return;
        }
        // Whoever recovers has shown all of it anew; one that does not must not have kept it from all.
        let mut unseen = (0..).zip(log.to_be_read()).filter(|(_, record)| !record.seen);
        if let Some((offset, record)) = unseen.find(|(offset, record)| self.appends.is_acked_at(record.value, *offset))
        {
            let value = record.value;
            verdict.fail_unless(losses.promises_nothing_more(), &Unseen::CLAIM, || {
                format!("value {value} is acknowledged at offset {offset} of {name}, and no consumer ever read it")
            });
        }
    }
}
