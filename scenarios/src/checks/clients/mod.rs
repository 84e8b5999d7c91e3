//! What the histories of Kafka's clients must show: the white-box
//! judge, and Jepsen's Kafka anomalies by their names.
//!
//! Start at [`ClientHistories`]. Its rooms:
//! * [`topics`]: names with their lives
//! * [`appends`] and [`order`]: producers; [`polls`]: consumers
//! * [`metadata`]: the committed metadata as states; [`asked`]: who may have asked for a record;
//!   [`admin`] and [`answers`]: admin clients
//! * [`counts`]: operations by kind, and what is legal but worth counting
//!
//! Events are numbered by the order in which the world processes them: what ended before another
//! thing began has the smaller number. Everything is O(log n) for each event, record and answer,
//! but for what a cut destroys.

pub mod admin;
pub mod answers;
pub mod appends;
pub mod counts;
pub mod metadata;
pub mod order;
pub mod polls;
pub mod requested;
pub mod retries;
pub mod sessions;
#[cfg(test)]
mod tests;
pub mod topics;

use crate::checks::claim::Scope;
use crate::checks::clients::appends::InconsistentOffsets;
use crate::checks::clients::polls::UncommittedRead;
use crate::checks::prelude::*;
use std::collections::BTreeSet;
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::{NodeId, Offset, ProducerId, Uuid};
use raft::log::BatchProducer;
use raft::message::AdminRequest;
use raft::metadata::MetadataRecord;

use self::admin::Admins;
use self::appends::Appends;
use self::counts::Counts;
use self::metadata::Metadata;
use self::polls::Polls;
use self::sessions::Sessions;
use self::topics::Topics;
use super::loss::excuses::Excuse;
use super::replication::committed_log::Change;
use super::replication::committed_log::ReportedValue;
use super::replication::partition::PartitionModel;
use super::replication::partitions::{PartitionIndex, Partitions};
use super::verdict::Verdict;
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
/// The caller tells committed records as soon as they are committed: before an answer that rests on
/// them reaches a client. `verdict.now_ns` is the time of the event.
#[derive(Clone, Debug, Default)]
pub struct ClientHistories {
    /// Calls so far: records of one batch are told without another call between them.
    calls: u64,
    bootstrap: Vec<NodeId>,
    /// The names of topics that stay: whatever is in them is read in the end.
    lasting: Vec<Rc<str>>,
    topics: Topics,
    metadata: Metadata,
    appends: Appends,
    polls: Polls,
    admins: Admins,
    counts: Counts,
    sessions: Sessions,
    /// InitProducerId without an answer: client, attempt.
    initializing: BTreeSet<(usize, u32)>,
    admin_destroyed: bool,
    /// Logs that were cut.
    cut: BTreeSet<PartitionIndex>,
    finished: bool,
}

impl ClientHistories {
    /// `topics` is the list of names that all clients were configured with, of which so many come first that stay,
    /// `bootstrap` their `bootstrap.servers`.
    pub fn new(topics: &[Rc<str>], lasting: usize, bootstrap: &[NodeId]) -> ClientHistories {
        let lasting = topics[..lasting.min(topics.len())].to_vec();
        let (topics, bootstrap) = (Topics::new(topics), bootstrap.to_vec());
        ClientHistories { topics, bootstrap, lasting, ..ClientHistories::default() }
    }

    fn is_lasting(&self, id: Uuid) -> bool {
        self.topics.by_id(id).is_some_and(|life| self.lasting.contains(&self.topics.lives[life].name))
    }

    /// Ids and names of all topics that were committed, in the order of their creation.
    pub fn topic_names(&self) -> impl Iterator<Item = (Uuid, Rc<str>)> {
        self.topics.lives.iter().map(|life| (life.id, Rc::clone(&life.name)))
    }

    /// Whom a client means: before it has metadata it calls its bootstrap servers -1, -2, ….
    fn broker_of(&self, node: NodeId) -> NodeId {
        let place = usize::try_from(-1 - i64::from(node.0));
        place.ok().and_then(|place| self.bootstrap.get(place).copied()).unwrap_or(node)
    }

    /// An admin client sends a request: what the attempt that it has just told of asks for.
    pub fn admin_sent(&mut self, client: usize, request: &AdminRequest) {
        if !self.admin_destroyed {
            self.admins.sent(client, request);
        }
    }

    /// A broker sends an Envelope; `connection` differs from one connection to the next, whichever
    /// controllers they lead to.
    pub fn forwarded(&mut self, broker: NodeId, connection: u64) {
        self.admins.forwarded(broker, connection);
    }

    /// All faults are over: from now on what is polled is fresh.
    pub fn healed(&mut self, partitions: &mut Partitions, verdict: &mut Verdict) {
        verdict.event += 1;
        self.polls.healed(verdict.event);
        partitions.settle();
    }

    /// A record of the metadata log is committed; in order of offsets, each once (control records
    /// are left out), and those of one batch without another call between them.
    pub fn metadata_committed(&mut self, offset: Offset, record: &MetadataRecord, verdict: &mut Verdict) {
        self.calls += 1;
        if self.admin_destroyed {
            return;
        }
        let effect = self.metadata.replay((self.calls, offset.0), record, &mut self.topics);
        self.admins.requested().committed(offset.0, &effect, &self.topics, verdict);
    }

    /// Committed metadata was destroyed with the disks that held it: no admin operation can be
    /// judged any more, and no topic that comes later is known.
    pub fn metadata_cut(&mut self, verdict: &mut Verdict) {
        if !std::mem::replace(&mut self.admin_destroyed, true) {
            verdict.excuse(Excuse::AdminHistoryDestroyed, 1);
        }
    }

    /// A partition's committed log has changed.
    pub fn log_changed(
        &mut self,
        of: PartitionTag,
        change: &Change,
        partitions: &mut Partitions,
        verdict: &mut Verdict,
    ) {
        let Some(log) = partitions.find(of).filter(|log| self.topics.by_id(partitions[*log].id.topic_id).is_some())
        else {
            return;
        };
        match change {
            Change::Grown { place, contradicted } => {
                if let Some((offset, claimed)) = contradicted {
                    let name = self.topics.name_of(partitions[log].id);
                    verdict.fail(&InconsistentOffsets::CLAIM, || {
                        format!("a client saw value {claimed} at offset {offset} of {name}, where another value is committed")
                    });
                }
                let ClientHistories { appends, topics, counts, .. } = self;
                appends.committed((log, *place), (topics, partitions), counts, verdict);
            }
            Change::Cut(gone) => {
                self.cut.insert(log);
                for (batch, values) in gone {
                    self.appends.destroyed(log, batch, values, verdict);
                }
            }
        }
    }

    /// A partition whose records that were committed at healing no fresh poll has all shown, with the first
    /// such offset; topics that were deleted, or that come and go, do not count.
    pub fn unread(&mut self, partitions: &mut Partitions) -> Option<(String, i64)> {
        let mut lasting = partitions.all_mut().iter_mut().filter(|it| self.is_lasting(it.id.topic_id));
        let unread = lasting.find_map(|of| {
            let first = of.log.first_unread().filter(|_| !of.is_deleted())?;
            Some((of.id, first))
        });
        unread.map(|(id, first)| (self.topics.name_of(id), first))
    }

    /// Where the committed log of what clients call by a name ends, if it was ever cut below an offset.
    pub fn cut_below(&mut self, of: TopicPartition, offset: Offset, partitions: &mut Partitions) -> Option<Offset> {
        let log = *self.topics.logs_of(of, partitions).first()?;
        let log = &partitions[log];
        let is_below = log.losses().lowest_cut().is_some_and(|lowest| lowest < offset);
        is_below.then(|| Offset(log.log.end()))
    }

    /// Clients were told of more than is known to be committed: a leader deposed at the last moment, whom
    /// all still followed, may have been ahead of the next one's high watermark.
    pub fn is_ahead(&self, partitions: &Partitions) -> bool {
        partitions.all().iter().any(|of| {
            let losses = of.losses();
            let (log, missing_end) = (&of.log, || losses.missing_end().0);
            let is_due = |(offset, claimed): (&i64, &ReportedValue)| {
                losses.may_be_shown(Offset(*offset), claimed.value, None).is_none()
            };
            let reported = log.reported_end > log.end() && log.reported_end > missing_end();
            (reported || log.claims.iter().any(is_due)) && !losses.is_deleted()
        })
    }

    /// Partitions of whose log something was destroyed.
    pub fn cut_logs(&self, partitions: &Partitions) -> BTreeSet<String> {
        self.cut.iter().map(|log| self.topics.name_of(partitions[*log].id)).collect()
    }

    /// Counts: [`Counts::operations`] by kind, [`Counts::remarks`].
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The white-box judge's verdict.
    pub fn linearizability(&self, verdict: &Verdict) -> Linearizability {
        if verdict.fired().any(|fired| matches!(fired.scope, Scope::Client | Scope::History)) {
            Linearizability::Violated
        } else if self.finished && !self.admin_destroyed && !verdict.stop() {
            Linearizability::Holds
        } else {
            Linearizability::Unknown
        }
    }

    /// A client did or learned something.
    pub fn attempt(&mut self, client: usize, event: AttemptEvent, partitions: &mut Partitions, verdict: &mut Verdict) {
        self.calls += 1;
        verdict.event += 1;
        let number = verdict.event;
        let ClientHistories { topics, metadata, appends, polls, admins, counts, sessions, .. } = self;
        match event {
            AttemptEvent::ProduceInvoked { attempt, batch, partition, acks, count } => {
                appends.invoked(number, client, attempt, batch, partition, (acks, count));
            }
            AttemptEvent::ProduceSequence { attempt, producer_id: id, producer_epoch: epoch, base_sequence } => {
                let producer = BatchProducer { id, epoch, base_sequence };
                let partition = appends.sequence(client, attempt, producer);
                sessions.sends(client, partition, producer, verdict);
            }
            AttemptEvent::ProduceValues { attempt, first_value, count } => {
                appends.values(client, attempt, first_value, count);
            }
            AttemptEvent::ProduceOk { attempt, base_offset } => {
                appends.acked((client, attempt), base_offset.0, (topics, partitions), counts, verdict);
            }
            AttemptEvent::ProduceFailed { attempt, .. } => {
                if let Some(partition) = appends.partition_of(client, attempt) {
                    sessions.trouble(client, partition);
                }
                appends.failed(client, attempt, counts, verdict);
            }
            AttemptEvent::ProduceUnknown { attempt, .. } => {
                if let Some(partition) = appends.partition_of(client, attempt) {
                    sessions.trouble(client, partition);
                }
                appends.unknown(client, attempt, counts);
            }
            AttemptEvent::BatchAcked { batch, base_offset } => {
                appends.batch_acked((client, batch), base_offset.0, verdict);
            }
            AttemptEvent::BatchFailed { batch, .. } => {
                if let Some(partition) = appends.partition_of_batch((client, batch)) {
                    sessions.trouble(client, partition);
                }
            }
            AttemptEvent::BatchValues { batch, first_value, count } => {
                appends.name_values((client, batch), first_value, count);
            }
            AttemptEvent::BatchSplit { batch, into } => appends.split(number, client, batch, into),
            AttemptEvent::InitProducerIdInvoked { attempt, .. } => {
                self.initializing.insert((client, attempt));
            }
            AttemptEvent::InitProducerIdOk { attempt, producer_id, .. } => {
                self.initialized(client, attempt, Some(producer_id), Outcome::Done);
            }
            AttemptEvent::InitProducerIdFailed { attempt, .. } => {
                self.initialized(client, attempt, None, Outcome::Failed);
            }
            AttemptEvent::InitProducerIdUnknown { attempt } => {
                self.initialized(client, attempt, None, Outcome::Unknown);
            }
            AttemptEvent::ReadInvoked { attempt, api, partition, at } => {
                polls.invoked(number, (client, attempt), api, partition, at, verdict);
            }
            AttemptEvent::PollRecords { partition, leader_epoch, .. } => {
                polls.records(client, partition, leader_epoch);
            }
            AttemptEvent::PollRecord { attempt, offset, value } => {
                let mut around = polls::Around { topics, partitions, appends, counts, verdict };
                polls.record((client, attempt), (offset, value), &mut around);
            }
            AttemptEvent::ReadOk { attempt, partition, number } => {
                let mut around = polls::Around { topics, partitions, appends, counts, verdict };
                polls.ok((client, attempt), partition, number, &mut around);
            }
            AttemptEvent::EpochLost { partition, .. } => {
                let mut around = polls::Around { topics, partitions, appends, counts, verdict };
                polls.epoch_lost(client, partition, &mut around);
            }
            AttemptEvent::ReadFailed { attempt, partition, error } => {
                let mut around = polls::Around { topics, partitions, appends, counts, verdict };
                polls.failed((client, attempt), partition, error, &mut around);
            }
            AttemptEvent::ReadStale { attempt, partition, error } => {
                polls.stale((client, attempt), partition, error, counts);
            }
            AttemptEvent::ReadUnknown { attempt } => polls.unknown(client, attempt, counts),
            AttemptEvent::PositionSet { partition, offset, cause } => {
                let mut around = polls::Around { topics, partitions, appends, counts, verdict };
                polls.set(client, partition, (offset.0, cause), &mut around);
            }
            AttemptEvent::Unassigned { partition } => polls.unassigned(client, partition),
            _ if self.admin_destroyed => {}
            AttemptEvent::AdminInvoked { attempt, api_key, node, .. } => {
                let (node, end) = (self.broker_of(node), self.metadata.end);
                self.admins.invoked(client, attempt, api_key, node, end);
            }
            AttemptEvent::AdminTopicId { attempt, index, topic_id } => {
                admins.topic_id(client, attempt, index, topic_id);
            }
            AttemptEvent::AdminConfig { attempt, index, name_hash, value_hash } => {
                admins.config(client, attempt, index, name_hash, value_hash);
            }
            AttemptEvent::AdminResult { attempt, index, error, outcome } => {
                let mut around = admin::Around { topics, metadata, counts, verdict };
                admins.result((client, attempt), index, (error, outcome), &mut around);
            }
            AttemptEvent::AdminAnswered { attempt, error } => {
                let mut around = admin::Around { topics, metadata, counts, verdict };
                admins.answered(client, attempt, error, &mut around);
            }
            AttemptEvent::AdminUnknown { attempt } => admins.unknown(client, attempt, counts, verdict),
            // The application's own view: what its attempts say decides.
            AttemptEvent::SendRefused { .. }
            | AttemptEvent::ProducerFatal { .. }
            | AttemptEvent::ConsumerError { .. }
            | AttemptEvent::OperationDone { .. } => {}
        }
    }

    fn initialized(&mut self, client: usize, attempt: u32, given: Option<ProducerId>, outcome: Outcome) {
        if self.initializing.remove(&(client, attempt)) {
            self.counts.ended("init_producer_id", outcome);
            given.into_iter().for_each(|id| self.appends.given(client, id));
        }
    }

    /// The run is over: what could not be judged before. `complete`: it recovered, so that the
    /// committed logs have caught up with all leaders, and fresh consumers have read them. `overdue`: it
    /// had all the time for that, and did not.
    pub fn finish(&mut self, (complete, overdue): (bool, bool), partitions: &mut Partitions, verdict: &mut Verdict) {
        let ClientHistories { topics, appends, polls, counts, .. } = self;
        appends.finish(complete, (topics, partitions), counts, verdict);
        polls.finish(&mut polls::Around { topics, partitions, appends, counts, verdict });
        self.admins.finish(&mut self.counts);
        for _ in std::mem::take(&mut self.initializing) {
            self.counts.ended("init_producer_id", Outcome::Unknown);
        }
        for of in partitions.all() {
            if self.topics.by_id(of.id.topic_id).is_some() {
                self.finish_log(of, (complete, overdue), verdict);
            }
        }
        self.finished = true;
    }

    fn finish_log(&self, of: &PartitionModel, (complete, overdue): (bool, bool), verdict: &mut Verdict) {
        let (name, log, losses) = (self.topics.name_of(of.id), &of.log, of.losses());
        let end = log.end();
        for (offset, ReportedValue { value, acked, .. }) in &log.claims {
            if let Some(cause) = losses.may_be_shown(Offset(*offset), *value, None) {
                let is_deleted = cause == Excuse::AckedLostByDeletion;
                let of_lost = if *acked { Excuse::AckedAppendDestroyed } else { Excuse::ReadOfDestroyedRecord };
                verdict.excuse(if is_deleted { Excuse::RecordOfDeletedTopic } else { of_lost }, 1);
                continue;
            }
            let (invariant, how) = match acked {
                true => (&LostWrite::CLAIM, "acknowledged"),
                false if !complete && !overdue => continue, // a stale leader was ahead of all that followed
                false => (&UncommittedRead::CLAIM, "shown to a consumer"),
            };
            verdict.fail(invariant, || {
                format!("value {value} was {how} at offset {offset} of {name}, whose committed log ends at {end}")
            });
        }
        let settled = complete || overdue;
        if losses.is_deleted() || !settled {
            return;
        }
        if log.reported_end > end && log.reported_end <= losses.missing_end().0 {
            verdict.excuse(Excuse::ReadOfDestroyedRecord, 1);
        } else if log.reported_end > end {
            let reported = log.reported_end;
            verdict.fail(&UncommittedRead::CLAIM, || {
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
            verdict.fail(&Unseen::CLAIM, || {
                format!(
                    "value {} is acknowledged at offset {offset} of {name}, and no consumer ever read it",
                    record.value
                )
            });
        }
    }
}
