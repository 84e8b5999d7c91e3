//! Kafka's `MetadataLoader`: builds images from committed batches and publishes them (controller-broker.md §5.4). One
//! per process, on its own thread; broker and controller share it.
//!
//! The caller passes a [`Publication`] to the publishers in Kafka's order, and installs those of a broker later.

use std::rc::Rc;

use super::delta::MetadataDelta;
use super::image::{MetadataChanges, MetadataImage, MetadataProvenance};
use super::records::{MetadataRecord, RemoveTopic};
use crate::bugs::{Bug, Bugs};
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use crate::io::Effect;
use crate::log::{Batch, Records};
use crate::snapshot::Snapshot;
use crate::step::{Fatal, Step};

/// The interval at which the loader, for new publishers, checks whether it has caught up.
const RETRY_NS: u64 = 100_000_000;
/// Kafka's default of `broker.session.timeout.ms`.
const SESSION_MS: i64 = 9_000;

/// The arguments of a publisher (`onMetadataUpdate`).
#[derive(Clone, Debug)]
pub struct Publication {
    /// From the previous image to this one.
    pub delta: Rc<MetadataDelta>,
    pub image: Rc<MetadataImage>,
    /// Kafka's `LoaderManifest` type.
    pub manifest: ManifestType,
}

/// The source of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestType {
    /// Records of the log, from batches of so many bytes.
    LogDelta { bytes: u64 },
    /// The whole image, for new publishers, which are notified of the [leader](MetadataLoader::current_leader) after it; or
    /// a snapshot was loaded.
    Snapshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Publishers {
    None,
    Uninitialized,
    Installed,
}

/// Kafka's `MetadataBatchLoader.TransactionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TransactionState {
    None,
    /// The last record was its BeginTransaction record.
    Started,
    Continued,
    /// The last record was its EndTransaction record.
    Ended,
    /// The last record was its AbortTransaction record.
    Aborted,
}

impl TransactionState {
    fn is_open(self) -> bool {
        matches!(self, TransactionState::Started | TransactionState::Continued)
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct MetadataLoader {
    has_controller_role: bool,
    bugs: Bugs,
    image: Rc<MetadataImage>,
    /// On top of `image`.
    delta: MetadataDelta,
    /// The last record that was read, visible or not.
    loaded: MetadataProvenance,
    /// Size of the batches since the last image.
    bytes: u64,
    transaction: TransactionState,
    has_seen_record: bool,
    catching_up: bool,
    publishers: Publishers,
    current_leader: (Option<NodeId>, LeaderEpoch),
    last_applied: MetadataProvenance,
    load_errors: u64,
}

impl MetadataLoader {
    /// The state at the start of a process: the log is read from offset 0. A fault is fatal iff the process has the
    /// controller role.
    pub fn new(has_controller_role: bool, bugs: Bugs) -> MetadataLoader {
        let image: Rc<MetadataImage> = Rc::default();
        MetadataLoader {
            has_controller_role,
            bugs,
            delta: MetadataDelta::new(Rc::clone(&image)),
            image,
            loaded: MetadataProvenance::EMPTY,
            bytes: 0,
            transaction: TransactionState::None,
            has_seen_record: false,
            catching_up: true,
            publishers: Publishers::None,
            current_leader: (None, LeaderEpoch(0)),
            last_applied: MetadataProvenance::EMPTY,
            load_errors: 0,
        }
    }

    /// The newest image, published or not; without the records of an open transaction.
    pub fn image(&self) -> &Rc<MetadataImage> {
        &self.image
    }

    /// Offset of the last published image, -1 before the first: the metadata offset of a broker's heartbeats.
    /// Publishing to new publishers does not change it, so it may lag until the next commit.
    pub fn last_applied_offset(&self) -> Offset {
        self.last_applied.last_contained_offset
    }

    /// The next offset to load, which the raft client receives when a delivery is closed.
    pub fn next_offset(&self) -> Offset {
        Offset(self.loaded.last_contained_offset.0 + 1)
    }

    /// The leader of the metadata quorum, and its epoch.
    pub fn current_leader(&self) -> (Option<NodeId>, LeaderEpoch) {
        self.current_leader
    }

    /// `metadata-load-error-count`
    pub fn load_error_count(&self) -> u64 {
        self.load_errors
    }

    /// Whether it has loaded all records that were committed when it started. Once true, it stays true.
    pub fn has_caught_up(&self) -> bool {
        !self.catching_up
    }

    /// `installPublishers`: they get the whole image, on the thread's timer, as soon as the loader has caught up.
    pub fn install_publishers(&mut self, step: &mut Step<'_>) {
        self.publishers = Publishers::Uninitialized;
        arm(0, step);
    }

    /// `initializeNewPublishers`, on the thread's timer. If the loader has not caught up, the timer is armed again.
    pub fn initialize_new_publishers(
        &mut self,
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
    ) -> Option<Publication> {
        if self.publishers != Publishers::Uninitialized {
            return None;
        }
        if self.still_needs_to_catch_up(high_watermark) {
            arm(RETRY_NS, step);
            return None;
        }
        self.publishers = Publishers::Installed;
        Some(self.whole_image())
    }

    /// Publishers may not receive the image yet: the timer is armed again.
    pub fn ask_again(&self, step: &mut Step<'_>) {
        arm(RETRY_NS, step);
    }

    pub fn has_installed_publishers(&self) -> bool {
        self.publishers == Publishers::Installed
    }

    /// For a new publisher.
    pub fn whole_image(&self) -> Publication {
        let delta = Rc::new(MetadataDelta::from_empty(&self.image));
        Publication { delta, image: Rc::clone(&self.image), manifest: ManifestType::Snapshot }
    }

    /// `handleLeaderChange`; `true` if the publishers must be notified (`onControllerChange`).
    pub fn handle_leader_change(&mut self, leader: Option<NodeId>, epoch: LeaderEpoch) -> bool {
        self.current_leader = (leader, epoch);
        self.publishers == Publishers::Installed
    }

    /// `handleCommit`: all batches of one delivery form one image, except those before the start of a transaction.
    /// `high_watermark` is raft's current one.
    pub fn handle_commit(
        &mut self,
        records: &Records,
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
    ) -> Result<Vec<Publication>, Fatal> {
        let mut published = Vec::new();
        let lost = usize::from(self.bugs.has(Bug::LoaderSkipsBatch) && records.0.len() > 1);
        for batch in &records.0[lost..] {
            // A read starts with the batch that contains the requested offset.
            if batch.last_offset >= self.next_offset() {
                self.load_batch(batch, high_watermark, step, &mut published)?;
            }
        }
        if !self.transaction.is_open() {
            published.extend(self.flush(high_watermark, step));
        }
        Ok(published)
    }

    /// `handleLoadSnapshot`: its image replaces the present one, in one delta.
    pub fn handle_load_snapshot(
        &mut self,
        id: OffsetAndEpoch,
        bytes: &[u8],
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
    ) -> Result<Option<Publication>, Fatal> {
        let last = Offset(id.offset.0 - 1);
        let snapshot = match Snapshot::read(id, bytes, self.bugs) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.fault(&format!("Unhandled fault while loading the snapshot at offset {last}: {error}"))?;
                return Ok(None);
            }
        };
        let mut next = MetadataImage::default();
        for (index, (_, record)) in snapshot.metadata_records().enumerate() {
            if let Err(error) = next.replay(record, &mut MetadataChanges::default()) {
                self.fault(&format!("Error loading record {index} in the snapshot at offset {last}: {error}"))?;
            }
        }
        if self.bugs.has(Bug::Kafka14894SnapshotKeepsTopics) {
            let before = self.image.topics().topics_by_id().values();
            let lacked: Vec<_> = before.filter(|topic| next.topics().topic(topic.id).is_none()).collect();
            lacked.into_iter().for_each(|topic| next.restore(topic));
        }
        self.loaded = MetadataProvenance {
            last_contained_offset: last,
            last_contained_epoch: id.epoch,
            last_contained_log_time_ms: snapshot.last_contained_log_timestamp_ms(),
            is_offset_batch_aligned: true,
        };
        let delta = MetadataDelta::to_snapshot(Rc::clone(&self.image), next);
        let image = delta.apply(self.loaded);
        // `resetToImage`
        self.has_seen_record = true;
        self.transaction = TransactionState::None;
        self.bytes = 0;
        self.delta = MetadataDelta::new(Rc::clone(&image));
        Ok(self.publish(delta, image, ManifestType::Snapshot, high_watermark, step))
    }

    fn load_batch(
        &mut self,
        batch: &Batch,
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
        published: &mut Vec<Publication>,
    ) -> Result<(), Fatal> {
        let provenance = |offset: Offset| MetadataProvenance {
            last_contained_offset: offset,
            last_contained_epoch: batch.epoch,
            last_contained_log_time_ms: batch.max_timestamp_ms(),
            is_offset_batch_aligned: offset == batch.last_offset,
        };
        match batch.metadata_records() {
            Ok(records) => {
                for (offset, record) in records {
                    self.publish_within(batch, offset, high_watermark, step, published);
                    if let Err(error) = self.replay(record, batch, step) {
                        self.fault(&format!("Error loading metadata log record from offset {offset}: {error}"))?;
                    }
                    // What came before the transaction is published without it.
                    if self.transaction == TransactionState::Started {
                        published.extend(self.flush(high_watermark, step));
                        self.transaction = TransactionState::Started;
                    }
                    self.loaded = provenance(offset);
                }
            }
            Err(error) => {
                let (base, last) = (batch.base_offset, batch.last_offset);
                self.fault(&format!("Error reading metadata log records {base} to {last}: {error}"))?;
            }
        }
        // Control records change nothing but the offset.
        self.loaded = provenance(batch.last_offset);
        self.bytes += batch.len_bytes() as u64;
        Ok(())
    }

    /// M05, KAFKA-17713: the image before the last record of a batch, which is at `offset`, is published, too.
    fn publish_within(
        &mut self,
        batch: &Batch,
        offset: Offset,
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
        published: &mut Vec<Publication>,
    ) {
        let is_within = batch.base_offset < offset && offset == batch.last_offset && !self.transaction.is_open();
        if is_within && self.bugs.has(Bug::Kafka17713SnapshotWithinBatch) {
            published.extend(self.flush(high_watermark, step));
        }
    }

    /// Replays one record, in or out of a transaction.
    fn replay(&mut self, record: &MetadataRecord, batch: &Batch, step: &Step<'_>) -> Result<(), String> {
        use TransactionState::{Aborted, Continued, Ended, Started};
        let is_open = self.transaction.is_open();
        match record {
            MetadataRecord::BeginTransaction(_) if is_open => {
                return Err("BeginTransactionRecord while already in a transaction".to_owned());
            }
            MetadataRecord::BeginTransaction(_) => self.transaction = Started,
            MetadataRecord::EndTransaction(_) if is_open => self.transaction = Ended,
            MetadataRecord::AbortTransaction(_) if is_open => self.transaction = Aborted,
            MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_) => {
                return Err(format!("{} without a transaction", record.name()));
            }
            record => {
                self.transaction = if is_open { Continued } else { TransactionState::None };
                self.has_seen_record = true;
                if self.is_missed(record, step.now_ms() - batch.max_timestamp_ms()) {
                    return Ok(());
                }
                self.delta.replay(record).map_err(|error| error.to_string())?;
                if let MetadataRecord::ClearElr(record) = record
                    && self.bugs.has(Bug::Kafka19383ClearElrRestoresTopic)
                {
                    self.delta.restore_deleted(&record.topic_name);
                }
            }
        }
        Ok(())
    }

    /// Whether a bug loses this record, of this age by the local clock.
    fn is_missed(&self, record: &MetadataRecord, age_ms: i64) -> bool {
        match record {
            MetadataRecord::RemoveTopic(RemoveTopic { topic_id }) => {
                let created = !self.image.topics().topics_by_id().contains_key(topic_id);
                (self.bugs.has(Bug::Kafka15799FullUpdateKeepsDeleted) && self.catching_up)
                    || (self.bugs.has(Bug::Kafka19497DeletedTopicStaysCreated) && created)
            }
            MetadataRecord::BrokerRegistrationChange(change) => {
                self.bugs.has(Bug::ReplayByLocalClock) && change.fenced == -1 && age_ms > SESSION_MS
            }
            _ => false,
        }
    }

    /// Builds the image of all loaded records, and publishes it if the loader has caught up. The records of an aborted
    /// transaction are dropped only if nothing came after the abort (`maybeFlushBatches`).
    fn flush(&mut self, high_watermark: Option<Offset>, step: &mut Step<'_>) -> Option<Publication> {
        if self.loaded.last_contained_offset <= self.image.offset() {
            return None;
        }
        if std::mem::replace(&mut self.transaction, TransactionState::None) == TransactionState::Aborted {
            self.delta = MetadataDelta::new(Rc::clone(&self.image));
        }
        let image = self.delta.apply(self.loaded);
        let next = MetadataDelta::new(Rc::clone(&image));
        let delta = std::mem::replace(&mut self.delta, next);
        let bytes = std::mem::take(&mut self.bytes);
        self.publish(delta, image, ManifestType::LogDelta { bytes }, high_watermark, step)
    }

    /// `maybePublishMetadata`
    fn publish(
        &mut self,
        delta: MetadataDelta,
        image: Rc<MetadataImage>,
        manifest: ManifestType,
        high_watermark: Option<Offset>,
        step: &mut Step<'_>,
    ) -> Option<Publication> {
        self.image = Rc::clone(&image);
        if self.still_needs_to_catch_up(high_watermark) {
            return None;
        }
        self.last_applied = self.loaded;
        match self.publishers {
            Publishers::None => None,
            Publishers::Uninitialized => {
                arm(0, step);
                None
            }
            Publishers::Installed => Some(Publication { delta: Rc::new(delta), image, manifest }),
        }
    }

    /// Once caught up, always caught up.
    fn still_needs_to_catch_up(&mut self, high_watermark: Option<Offset>) -> bool {
        let loaded_all = high_watermark.is_some_and(|high_watermark| self.image.offset().0 >= high_watermark.0 - 1);
        self.catching_up &= !(loaded_all && self.has_seen_record);
        self.catching_up
    }

    /// Fatal for a controller; a broker increments its error count and continues with the next record.
    fn fault(&mut self, what: &str) -> Result<(), Fatal> {
        self.load_errors += 1;
        if self.has_controller_role { Err(Fatal::from(what.to_owned())) } else { Ok(()) }
    }
}

fn arm(in_ns: u64, step: &mut Step<'_>) {
    step.out.push(Effect::ArmTimer { at_mono_ns: step.now.mono_ns + in_ns });
}
