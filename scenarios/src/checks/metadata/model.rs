//! Committed metadata by the checks' own account: the image, one batch after the other, and its digest at each offset.

use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::ids::{BrokerEpoch, NodeId, Offset, TopicIdPartition, Uuid};
use raft::log::Batch;
use raft::message::cluster::BrokerRegistrationRequest;
use raft::metadata::MetadataRecord;
use raft::metadata::records::RegisterBroker;

use super::image::ReferenceImage;
use super::partition::ReferencePartition;
use crate::checks::committed::Committed;
use crate::checks::server_model::ledger::Ledger;

claim! {
    /// Every committed record can be replayed on the records before it.
    CommittedMetadataReplays, Safety of Metadata, "Kafka: a record that does not replay is a fatal fault of every controller";
}

/// What one committed batch changes of what brokers may see, beside the rows of the image that it touches. A transaction
/// changes it when it ends.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub registered: BTreeSet<NodeId>,
    /// Of them, those that did so as another process, without word of a clean shutdown of the one
    /// before: they lose their places in ELRs (KIP-966).
    pub unclean: BTreeSet<NodeId>,
    /// Topics whose `min.insync.replicas` was altered, empty for that of all: that clears the ELR (controller-broker.md §4.9).
    pub elr_cleared: BTreeSet<Rc<str>>,
    /// The batch; `None` of control records, and of one that cannot be read.
    pub batch: Option<Rc<Batch>>,
    /// Partitions as each record left them, in order: a leader may learn of any of these states.
    pub partitions: Vec<PartitionState>,
}

/// A partition as one record left it.
#[derive(Clone, Debug)]
pub struct PartitionState {
    pub id: TopicIdPartition,
    /// Where the record stands.
    pub offset: Offset,
    pub registration: Rc<ReferencePartition>,
    /// Its topic's effective `min.insync.replicas` then: a later record of the batch may alter it.
    pub min_isr: usize,
}

/// A transaction that has begun and not ended (KIP-868).
#[derive(Clone, Debug)]
struct Transaction {
    /// The image with its records on top.
    latest: ReferenceImage,
    records: Vec<(Offset, MetadataRecord)>,
}

#[derive(Clone, Debug)]
pub struct MetadataModel {
    /// What is committed and not hidden by a transaction.
    image: ReferenceImage,
    hidden: Option<Transaction>,
    replayed: usize,
    /// Where the image changed, and its digest from there on; ascending.
    digests: Vec<(Offset, u64)>,
    /// One past the last committed record that was replayed.
    end: Offset,
    min_insync_replicas: i32,
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
            image: ReferenceImage::default(),
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

    /// Clean is a restart if the last incarnation's epoch is reported; the same process anew is no restart.
    fn restarts_uncleanly(&self, record: &RegisterBroker) -> bool {
        let Some(before) = self.image.brokers.get(&record.broker_id) else { return true };
        let reported = self.left_cleanly.get(&(record.broker_id, record.incarnation_id));
        before.incarnation_id != record.incarnation_id && reported != Some(&before.broker_epoch)
    }

    /// The image of everything committed, as nodes may see it.
    pub fn image(&self) -> &ReferenceImage {
        &self.image
    }

    /// The same with the records of an open transaction on top.
    pub fn latest(&self) -> &ReferenceImage {
        self.hidden.as_ref().map_or(&self.image, |open| &open.latest)
    }

    /// One past the last committed record that was replayed.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The effective `min.insync.replicas` of a topic now, as the controllers count it: at most the replicas of
    /// partition 0 (controller-broker.md §4.4).
    fn min_isr(&self, topic: &str) -> usize {
        let wanted = self.image.min_insync_replicas(topic, self.min_insync_replicas);
        let first = self.image.topic_id(topic).map(|topic_id| TopicIdPartition { topic_id, partition: 0 });
        let first = first.and_then(|first| self.image.partitions.get(&first));
        usize::try_from(wanted).unwrap_or(0).min(first.map_or(usize::MAX, |first| first.replicas.len()))
    }

    /// The next batch of the committed log that was not replayed, to replay it record by record; `None` if there is none.
    /// Without a batch, it is one of control records, or cannot be read.
    pub fn next(&mut self, committed: &Committed, ledger: &Ledger, verdict: &mut Verdict) -> Option<Update> {
        if let Some(excuse) = committed.losses(ledger).may_not_be_replayed() {
            if verdict.ended_by().is_none() {
                verdict.end_excused(excuse);
            }
            return None;
        }
        let known = ledger.get(*committed.batches.get(self.replayed)?);
        self.replayed += 1;
        let mut update = Update::default();
        self.image.begin_batch();
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
                self.hidden = Some(Transaction { latest: self.image.clone(), records: Vec::new() });
            }
            (MetadataRecord::EndTransaction(_), true) => {
                for (at, record) in self.hidden.take().into_iter().flat_map(|open| open.records) {
                    self.change(at, &record, update, verdict);
                }
                self.note_digest(offset);
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
                let Some(open) = &mut self.hidden else { return };
                match open.latest.replay(record) {
                    Ok(()) => open.records.push((offset, record.clone())),
                    Err(error) => does_not_replay(offset, record, &error, verdict),
                }
            }
        }
    }

    fn change(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                let known = self.image.brokers.get(&record.broker_id);
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
        if let Err(error) = self.image.replay(record) {
            return does_not_replay(offset, record, &error, verdict);
        }
        let image = &self.image;
        let one = |topic_id, partition| {
            let id = TopicIdPartition { topic_id, partition };
            let registration = Rc::clone(image.partitions.get(&id)?);
            let min_isr = self.min_isr(image.topics.get(&topic_id)?);
            Some(PartitionState { id, offset, registration, min_isr })
        };
        let partitions = &mut update.partitions;
        match record {
            MetadataRecord::Partition(record) => partitions.extend(one(record.topic_id, record.partition_id)),
            MetadataRecord::PartitionChange(record) => partitions.extend(one(record.topic_id, record.partition_id)),
            MetadataRecord::ClearElr(_) => {
                partitions.extend(image.partitions.touched().filter_map(|id| one(id.topic_id, id.partition)));
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
        count.checked_sub(1).map_or(0, |last| self.digests[last].1)
    }

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

    pub fn published(&self, server: usize) -> Option<Offset> {
        self.published[server]
    }

    /// A server has published an image up to `offset` (inclusive).
    pub fn publishes(&mut self, server: usize, offset: Offset) {
        self.published[server] = Some(offset);
    }
}

#[cold]
#[track_caller]
fn does_not_replay(offset: Offset, record: &MetadataRecord, error: &str, verdict: &mut Verdict) {
    verdict.fail(&CommittedMetadataReplays::CLAIM, || {
        format!("{} committed at offset {offset} does not replay: {error}", record.name())
    });
}
