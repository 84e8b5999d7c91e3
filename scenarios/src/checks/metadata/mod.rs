//! Committed metadata: the checks' own replay of it, and what must hold of every record and of what
//! nodes publish.
//!
//! * this file: the ghost image, one batch after the other, and its digest at each offset
//! * [`brokers`]: broker epochs; [`sessions`]: who must be fenced, [`heard`]: who must not;
//!   [`leaving`]: who must be let go; [`producer_ids`]: blocks and ids
//! * [`partitions`] judges the ISR and ELR of each, [`elr`] what a new `min.insync.replicas` does to them;
//!   [`isr_changes`]: what controllers answer to leaders
//!
//! Only a cluster with brokers has it: a quorum's records say nothing to an image.

pub mod brokers;
pub mod elr;
pub mod heard;
pub mod isr_changes;
pub mod leaving;
pub mod partitions;
pub mod producer_ids;
pub mod sessions;

use crate::checks::claim::Claimed;
use crate::checks::claim::claim;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicIdPartition, Uuid};
use raft::log::Batch;
use raft::message::cluster::{
    AlterPartitionResponse, BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
};
use raft::metadata::image::{MetadataChanges, PartitionRegistration};
use raft::metadata::records::RegisterBroker;
use raft::metadata::{MetadataImage, MetadataRecord};

use self::brokers::BrokerEpochs;
use self::heard::Heard;
use self::isr_changes::IsrChanges;
use self::leaving::Leaving;
use self::partitions::Rules;
use self::producer_ids::ProducerIds;
use super::committed::Committed;
use super::ghost::ledger::Ledger;
use super::loss::excuses::Excuse;
use super::verdict::Verdict;

claim! {
    /// Nodes that have published up to the same offset have the image that results from replaying the
    /// committed log; the published offset of one process never goes back, nor past the committed offset.
    ImagesEqualAtEqualOffsets, Safety of Metadata, "KIP-631; KIP-966 TLA+ (Vanlightly): MetadataLogMatchingProperty";
    /// Every committed record can be replayed on the records before it.
    CommittedMetadataReplays, Safety of Metadata, "Kafka: a record that does not replay is a fatal fault of every controller";
}

/// What one committed batch changes of what brokers may see. A transaction changes it when it ends.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// The image before.
    pub before: MetadataImage,
    /// What was touched.
    pub changes: MetadataChanges,
    /// Brokers that registered.
    pub registered: BTreeSet<NodeId>,
    /// Of them, those that did so as another process, without word of a clean shutdown of the one
    /// before: they lose their places in ELRs (KIP-966).
    pub unclean: BTreeSet<NodeId>,
    /// Topics whose `min.insync.replicas` was altered, empty for that of all: that clears the ELR (controller-broker.md §4.9).
    pub elr_cleared: BTreeSet<Rc<str>>,
    /// ELRs that were made under a `min.insync.replicas` which it replaced, and how many states of
    /// partitions stood in [`Update::partitions`] by then.
    pub outdated_elrs: Vec<(TopicIdPartition, usize)>,
    /// The batch; `None` of control records, and of one that cannot be read.
    pub batch: Option<Rc<Batch>>,
    /// Partitions as each record left them, in order: a leader may hear of any of these states.
    pub partitions: Vec<PartitionState>,
}

/// A partition as one record left it.
#[derive(Clone, Debug)]
pub struct PartitionState {
    /// Which.
    pub id: TopicIdPartition,
    /// Its state.
    pub registration: Rc<PartitionRegistration>,
    /// Its topic's effective `min.insync.replicas` then: a later record of the batch may alter it.
    pub min_isr: usize,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct MetadataGhost {
    /// What is committed and not hidden by a transaction.
    image: MetadataImage,
    /// The records of an open transaction on top, and what they change.
    hidden: Option<(MetadataImage, Update)>,
    /// Batches of the committed log that were replayed.
    replayed: usize,
    /// Where the image changed, and its digest from there on; ascending.
    digests: Vec<(Offset, u64)>,
    brokers: BrokerEpochs,
    heard: Heard,
    leaving: Leaving,
    /// One past the last committed record that was replayed, and the epoch of its batch.
    end: Offset,
    epoch: LeaderEpoch,
    /// Blocks and ids.
    pub producer_ids: ProducerIds,
    /// Proposals of ISRs.
    pub isr_changes: IsrChanges,
    rules: Rules,
    /// How far each server has published in this life.
    published: Vec<Option<Offset>>,
    /// Where the committed log ended when each server booted.
    booted_at: Vec<Offset>,
    /// Where the first registration of each broker's newest incarnation stands.
    registered_at: BTreeMap<NodeId, Offset>,
    /// By broker and incarnation: the epoch of the life before, if that shut down cleanly. A
    /// RegisterBroker record does not say it, the request did.
    left_cleanly: BTreeMap<(NodeId, Uuid), BrokerEpoch>,
}

impl MetadataGhost {
    /// Before the first record, for so many servers; `min_insync_replicas` is the controllers'
    /// static value, `shortest_session_ms` the least `broker.session.timeout.ms` of any.
    pub fn new(servers: usize, min_insync_replicas: i32, shortest_session_ms: u64) -> MetadataGhost {
        MetadataGhost {
            image: MetadataImage::default(),
            hidden: None,
            replayed: 0,
            digests: Vec::new(),
            brokers: BrokerEpochs::default(),
            heard: Heard::new(shortest_session_ms),
            leaving: Leaving::default(),
            end: Offset(0),
            epoch: LeaderEpoch(0),
            producer_ids: ProducerIds::default(),
            isr_changes: IsrChanges::default(),
            rules: Rules { min_insync_replicas },
            published: vec![None; servers],
            booted_at: vec![Offset(0); servers],
            registered_at: BTreeMap::new(),
            left_cleanly: BTreeMap::new(),
        }
    }

    /// A controller takes a registration; its retries say the same.
    pub fn registration_taken(&mut self, request: &BrokerRegistrationRequest) {
        let life = (request.broker_id, request.incarnation_id);
        self.left_cleanly.insert(life, request.previous_broker_epoch);
    }

    /// Clean is a restart if the last life's epoch is told; the same process anew is no restart.
    fn restarts_uncleanly(&self, record: &RegisterBroker) -> bool {
        let Some(before) = self.image.cluster().broker(record.broker_id) else { return true };
        let told = self.left_cleanly.get(&(record.broker_id, record.incarnation_id));
        before.incarnation_id != record.incarnation_id && told != Some(&before.epoch)
    }

    /// A controller takes a heartbeat, of a connection and correlation id.
    pub fn heartbeat_taken(&mut self, at_ns: u64, of: (usize, u64, i32), request: &BrokerHeartbeatRequest) {
        self.heard.taken(at_ns, of, request);
        self.leaving.taken(of, request, &self.image);
    }

    /// A controller answers it.
    pub fn heartbeat_answered(
        &mut self,
        of: (usize, u64, i32),
        answer: &BrokerHeartbeatResponse,
        verdict: &mut Verdict,
    ) {
        self.heard.answered(of, answer);
        self.leaving.answered(of, answer, (&self.image, self.end), verdict);
    }

    /// A controller answers a proposal, of a server, connection and correlation id.
    pub fn isr_change_answered(
        &mut self,
        of: (usize, u64, i32),
        answer: &AlterPartitionResponse,
        verdict: &mut Verdict,
    ) {
        self.isr_changes.answered(of, answer, &self.image, verdict);
    }

    /// A controller claims an epoch.
    pub fn claimed(&mut self, server: usize, epoch: LeaderEpoch) {
        self.heard.claimed(server, epoch);
        self.leaving.starts_anew(server);
    }

    /// A process is gone.
    pub fn down(&mut self, server: usize) {
        self.heard.down(server);
        self.isr_changes.down(server);
        self.leaving.starts_anew(server);
    }

    /// The image of everything committed, as nodes may see it.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The effective `min.insync.replicas` of a topic now, as the controllers count it (§4.4).
    pub fn min_isr(&self, topic: &str) -> usize {
        self.rules.min_isr(&self.image, topic)
    }

    /// The epoch by which a broker is registered; unknown if it is not.
    pub fn broker_epoch(&self, broker: NodeId) -> BrokerEpoch {
        self.image.cluster().broker(broker).map_or(BrokerEpoch::UNKNOWN, |broker| broker.epoch)
    }

    /// The next batch of the committed log that was not replayed; `None` if there is none. The
    /// update is of what nodes may see.
    pub fn advance(&mut self, committed: &Committed, ledger: &Ledger, verdict: &mut Verdict) -> Option<Update> {
        if committed.losses(ledger).last_cut().is_some() {
            // Its images were handed out: nobody can say what still follows from them.
            if verdict.ended_by().is_none() {
                verdict.end_excused(Excuse::CommittedMetadataDestroyed);
            }
            return None;
        }
        let known = ledger.get(*committed.batches.get(self.replayed)?);
        self.replayed += 1;
        let mut update = Update { before: self.image.clone(), ..Update::default() };
        if known.control {
            return Some(update);
        }
        let parsed = Batch::parse(known.bytes()).map(|(batch, _)| Rc::new(batch));
        let batch = parsed.as_ref().ok().cloned();
        self.epoch = batch.as_ref().map_or(self.epoch, |batch| batch.epoch);
        let records = parsed.as_ref().map_err(|error| *error).and_then(|batch| batch.metadata_records());
        match records {
            Ok(records) => {
                for (offset, record) in records {
                    self.record(offset, record, &mut update, verdict);
                }
            }
            Err(error) => verdict.fail(&CommittedMetadataReplays::CLAIM, || {
                format!("the batch committed at offset {} cannot be read: {error}", known.base)
            }),
        }
        self.end = batch.as_ref().map_or(self.end, |batch| batch.next_offset());
        update.batch = batch;
        if update.changes.is_empty() {
            return Some(update);
        }
        self.rules.judge(&update, &self.image, verdict);
        elr::judge(&update, &self.image, verdict);
        Some(update)
    }

    fn record(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
        match (record, self.hidden.is_some()) {
            (MetadataRecord::BeginTransaction(_), false) => {
                self.hidden = Some((self.image.clone(), Update::default()));
            }
            (MetadataRecord::EndTransaction(_), true) => {
                if let Some((image, shown)) = self.hidden.take() {
                    self.image = image;
                    update.merge(shown);
                    self.note_digest(offset);
                }
            }
            (MetadataRecord::AbortTransaction(_), true) => self.hidden = None,
            (
                MetadataRecord::BeginTransaction(_)
                | MetadataRecord::EndTransaction(_)
                | MetadataRecord::AbortTransaction(_),
                _,
            ) => verdict.fail(&CommittedMetadataReplays::CLAIM, || {
                format!("{} is committed at offset {offset}, out of order", record.name())
            }),
            (record, false) => {
                self.replay(offset, record, update, verdict);
                self.note_digest(offset);
            }
            (record, true) => {
                let Some((hidden, mut shown)) = self.hidden.take() else { return };
                let visible = std::mem::replace(&mut self.image, hidden);
                self.replay(offset, record, &mut shown, verdict);
                self.hidden = Some((std::mem::replace(&mut self.image, visible), shown));
            }
        }
    }

    fn replay(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                self.brokers.registered(offset, record, verdict);
                let known = self.image.cluster().broker(record.broker_id);
                brokers::keeps_state(known.map(|known| &**known), record, verdict);
                self.leaving.registered(record.broker_id);
                if known.is_none_or(|known| known.incarnation_id != record.incarnation_id) {
                    self.registered_at.insert(record.broker_id, offset);
                }
                update.registered.insert(record.broker_id);
                if self.restarts_uncleanly(record) {
                    update.unclean.insert(record.broker_id);
                }
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                self.leaving.registered(record.broker_id);
                if record.fenced == 1 {
                    self.heard.fenced(record.broker_id, record.broker_epoch, self.epoch, verdict);
                }
            }
            MetadataRecord::ProducerIds(record) => {
                self.producer_ids.allocated(self.image.next_producer_id(), record);
            }
            MetadataRecord::Partition(record) => partitions::is_new(&self.image, record, offset, verdict),
            MetadataRecord::ClearElr(record) => {
                update.elr_cleared.insert(Rc::clone(&record.topic_name));
            }
            MetadataRecord::Config(record) if &*record.name == "min.insync.replicas" => {
                let (outdated, count) = (elr::outdated(&self.image, record), update.partitions.len());
                update.outdated_elrs.extend(outdated.into_iter().map(|id| (id, count)));
                update.elr_cleared.insert(Rc::clone(&record.resource_name));
            }
            _ => {}
        }
        if let Err(error) = self.image.replay(record, &mut update.changes) {
            return verdict.fail(&CommittedMetadataReplays::CLAIM, || {
                format!("{} committed at offset {offset} does not replay: {error}", record.name())
            });
        }
        let (image, partitions) = (&self.image, &mut update.partitions);
        let one = |topic_id, partition| {
            let id = TopicIdPartition { topic_id, partition };
            let registration = Rc::clone(image.topics().partition(id)?);
            let min_isr = self.rules.min_isr(image, &image.topics().topic(topic_id)?.name);
            Some(PartitionState { id, registration, min_isr })
        };
        match record {
            MetadataRecord::Partition(record) => partitions.extend(one(record.topic_id, record.partition_id)),
            MetadataRecord::PartitionChange(record) => partitions.extend(one(record.topic_id, record.partition_id)),
            MetadataRecord::ClearElr(_) => {
                partitions.extend(update.changes.partitions().filter_map(|id| one(id.topic_id, id.partition)));
            }
            _ => {}
        }
    }

    fn note_digest(&mut self, offset: Offset) {
        let digest = self.image.digest();
        if self.digests.last().is_none_or(|(_, last)| *last != digest) {
            self.digests.push((offset, digest));
        }
    }

    /// Of the image up to an offset (inclusive).
    fn digest_at(&self, offset: Offset) -> u64 {
        let count = self.digests.partition_point(|(from, _)| *from <= offset);
        count.checked_sub(1).map_or_else(|| MetadataImage::default().digest(), |last| self.digests[last].1)
    }

    /// A process begins.
    pub fn booted(&mut self, server: usize, committed_end: Offset) {
        self.published[server] = None;
        self.booted_at[server] = committed_end;
    }

    /// Has this life of a broker registered, and does it know? Before, it may have roles by the
    /// image it finds (publishers are installed first, §5.2), but serves nobody.
    pub fn is_registered(&self, server: usize, id: NodeId) -> bool {
        let registered = self.registered_at.get(&id).filter(|at| **at >= self.booted_at[server]);
        registered.is_some_and(|at| self.published[server].is_some_and(|published| published >= *at))
    }

    /// How far a server has published in this life.
    pub fn published(&self, server: usize) -> Option<Offset> {
        self.published[server]
    }

    /// A server has published an image up to `offset` (inclusive).
    pub fn publishes(
        &mut self,
        (server, id): (usize, NodeId),
        offset: Offset,
        digest: u64,
        committed_end: Offset,
        verdict: &mut Verdict,
    ) {
        let before = self.published[server].replace(offset).unwrap_or(Offset(-1));
        if offset >= committed_end {
            verdict.fail(&ImagesEqualAtEqualOffsets::CLAIM, || {
                format!("node {id} publishes an image up to {offset}; the committed log ends at {committed_end}")
            });
        } else if offset < before {
            verdict.fail(&ImagesEqualAtEqualOffsets::CLAIM, || {
                format!("node {id} publishes an image up to {offset}, after one up to {before}")
            });
        } else if digest != self.digest_at(offset) {
            verdict.fail(&ImagesEqualAtEqualOffsets::CLAIM, || {
                format!("node {id} publishes an image up to {offset} that differs from the one that the committed records give")
            });
        }
    }
}

impl Update {
    /// What was hidden comes to light.
    fn merge(&mut self, shown: Update) {
        let Update { before: _, batch: _, changes, registered, unclean, elr_cleared, outdated_elrs, partitions } =
            shown;
        let known = self.partitions.len();
        self.outdated_elrs.extend(outdated_elrs.into_iter().map(|(id, from)| (id, known + from)));
        self.partitions.extend(partitions);
        self.changes.brokers.extend(changes.brokers);
        self.changes.controllers.extend(changes.controllers);
        self.changes.features.extend(changes.features);
        self.changes.configs.extend(changes.configs);
        for deleted in &changes.deleted_topics {
            self.changes.topics.remove(deleted);
        }
        self.changes.deleted_topics.extend(changes.deleted_topics);
        for (topic, partitions) in changes.topics {
            self.changes.topics.entry(topic).or_default().extend(partitions);
        }
        self.changes.producer_ids |= changes.producer_ids;
        self.registered.extend(registered);
        self.unclean.extend(unclean);
        self.elr_cleared.extend(elr_cleared);
    }
}
