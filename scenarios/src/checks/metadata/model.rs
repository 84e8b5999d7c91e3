//! Committed metadata by the checks' own account: the image, one batch after the other, and its digest at each offset.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::ids::{BrokerEpoch, NodeId, Offset, TopicIdPartition, Uuid};
use raft::log::Batch;
use raft::message::cluster::BrokerRegistrationRequest;
use raft::metadata::image::{MetadataChanges, PartitionRegistration};
use raft::metadata::records::RegisterBroker;
use raft::metadata::{MetadataImage, MetadataRecord};

use crate::checks::claim::Claimed;
use crate::checks::claim::claim;
use crate::checks::committed::Committed;
use crate::checks::ghost::ledger::Ledger;
use crate::checks::loss::excuses::Excuse;
use crate::checks::verdict::Verdict;

claim! {
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
    /// Where the record stands.
    pub offset: Offset,
    /// Its state.
    pub registration: Rc<PartitionRegistration>,
    /// Its topic's effective `min.insync.replicas` then: a later record of the batch may alter it.
    pub min_isr: usize,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct MetadataModel {
    /// What is committed and not hidden by a transaction.
    image: MetadataImage,
    /// The records of an open transaction on top, and what they change.
    hidden: Option<(MetadataImage, Update)>,
    /// Batches of the committed log that were replayed.
    replayed: usize,
    /// Where the image changed, and its digest from there on; ascending.
    digests: Vec<(Offset, u64)>,
    /// One past the last committed record that was replayed.
    end: Offset,
    /// The controllers' static `min.insync.replicas`.
    min_insync_replicas: i32,
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

impl MetadataModel {
    /// Before the first record, for so many servers; `min_insync_replicas` is the controllers'
    /// static value.
    pub fn new(servers: usize, min_insync_replicas: i32) -> MetadataModel {
        MetadataModel {
            image: MetadataImage::default(),
            hidden: None,
            replayed: 0,
            digests: Vec::new(),
            end: Offset(0),
            min_insync_replicas,
            published: vec![None; servers],
            booted_at: vec![Offset(0); servers],
            registered_at: BTreeMap::new(),
            left_cleanly: BTreeMap::new(),
        }
    }

    /// A controller receives a registration; its retries say the same.
    pub fn registration_received(&mut self, request: &BrokerRegistrationRequest) {
        let life = (request.broker_id, request.incarnation_id);
        self.left_cleanly.insert(life, request.previous_broker_epoch);
    }

    /// Clean is a restart if the last life's epoch is told; the same process anew is no restart.
    fn restarts_uncleanly(&self, record: &RegisterBroker) -> bool {
        let Some(before) = self.latest().cluster().broker(record.broker_id) else { return true };
        let previous = self.left_cleanly.get(&(record.broker_id, record.incarnation_id));
        before.incarnation_id != record.incarnation_id && previous != Some(&before.epoch)
    }

    /// The image of everything committed, as nodes may see it.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The same with the records of an open transaction on top.
    pub fn latest(&self) -> &MetadataImage {
        self.hidden.as_ref().map_or(&self.image, |(image, _)| image)
    }

    /// One past the last committed record that was replayed.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The effective `min.insync.replicas` of a topic now, as the controllers count it: at most the replicas of
    /// partition 0 (controller-broker.md §4.4).
    fn min_isr(&self, topic: &str) -> usize {
        let image = self.latest();
        let wanted = image.configs().min_insync_replicas(topic, NodeId::NONE, self.min_insync_replicas);
        let first = image.topics().topic_by_name(topic).and_then(|topic| topic.partitions.get(&0));
        usize::try_from(wanted).unwrap_or(0).min(first.map_or(usize::MAX, |first| first.replicas.len()))
    }

    /// The epoch by which a broker is registered; unknown if it is not.
    pub fn broker_epoch(&self, broker: NodeId) -> BrokerEpoch {
        self.image.cluster().broker(broker).map_or(BrokerEpoch::UNKNOWN, |broker| broker.epoch)
    }

    /// The next batch of the committed log that was not replayed, to replay it record by record; `None` if there is none.
    /// Without a batch, it is one of control records, or cannot be read.
    pub fn next(&mut self, committed: &Committed, ledger: &Ledger, verdict: &mut Verdict) -> Option<Update> {
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
        match known.parse() {
            Ok(batch) if batch.metadata_records().is_ok() => {
                self.end = batch.next_offset();
                update.batch = Some(Rc::new(batch));
            }
            _ => verdict.fail(&CommittedMetadataReplays::CLAIM, || {
                format!("the batch committed at offset {} cannot be read", known.base)
            }),
        }
        Some(update)
    }

    /// Replays the next record of the batch that `update` is of.
    pub fn replay(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
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
                self.change(offset, record, update, verdict);
                self.note_digest(offset);
            }
            (record, true) => {
                let mut shown = self.hidden.as_mut().map(|(_, shown)| std::mem::take(shown)).unwrap_or_default();
                self.change(offset, record, &mut shown, verdict);
                if let Some((_, hidden)) = &mut self.hidden {
                    *hidden = shown;
                }
            }
        }
    }

    fn change(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                let known = self.latest().cluster().broker(record.broker_id);
                let is_another = known.is_none_or(|known| known.incarnation_id != record.incarnation_id);
                if self.restarts_uncleanly(record) {
                    update.unclean.insert(record.broker_id);
                }
                update.registered.insert(record.broker_id);
                if is_another {
                    self.registered_at.insert(record.broker_id, offset);
                }
            }
            MetadataRecord::ClearElr(record) => {
                update.elr_cleared.insert(Rc::clone(&record.topic_name));
            }
            MetadataRecord::Config(record) if &*record.name == "min.insync.replicas" => {
                update.elr_cleared.insert(Rc::clone(&record.resource_name));
            }
            _ => {}
        }
        let image = self.hidden.as_mut().map_or(&mut self.image, |(image, _)| image);
        if let Err(error) = image.replay(record, &mut update.changes) {
            return verdict.fail(&CommittedMetadataReplays::CLAIM, || {
                format!("{} committed at offset {offset} does not replay: {error}", record.name())
            });
        }
        let image = self.latest();
        let one = |topic_id, partition| {
            let id = TopicIdPartition { topic_id, partition };
            let registration = Rc::clone(image.topics().partition(id)?);
            let min_isr = self.min_isr(&image.topics().topic(topic_id)?.name);
            Some(PartitionState { id, offset, registration, min_isr })
        };
        let partitions = &mut update.partitions;
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
    pub fn digest_at(&self, offset: Offset) -> u64 {
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
    pub fn publishes(&mut self, server: usize, offset: Offset) {
        self.published[server] = Some(offset);
    }
}

impl Update {
    /// What was hidden comes to light.
    fn merge(&mut self, shown: Update) {
        let Update { before: _, batch: _, changes, registered, unclean, elr_cleared, partitions } = shown;
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
