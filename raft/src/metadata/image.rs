//! The metadata as of an offset: what replaying the log up to there makes.
//!
//! * [`MetadataImage`]: all of it; a clone shares everything. Start here
//! * `features`, `cluster`, `topics`, `configs`: its parts; `partition`: one partition, and how a
//!   change is merged into it
//! * `changes`: what a replay touched; `replay_error`: what a replay refuses
//! * `shared_map`: how parts are shared; `digest`: how images are compared

mod changes;
mod cluster;
mod configs;
mod digest;
mod features;
mod partition;
mod replay_error;
mod shared_map;
mod topics;

use std::rc::Rc;

pub use changes::MetadataChanges;
pub use cluster::{BrokerRegistration, ClusterImage, ControllerRegistration};
pub use configs::{ConfigResource, ConfigResourceType, ConfigValues, ConfigurationsImage, broker_synonym};
pub use features::{ELIGIBLE_LEADER_REPLICAS_VERSION, FEATURES, FeaturesImage, KRAFT_VERSION, supported_levels};
pub use partition::{LeaderRecoveryState, PartitionRegistration, directory_id};
pub use replay_error::ReplayError;
pub use shared_map::SharedMap;
pub(crate) use topics::no_elr;
pub use topics::{TopicImage, TopicsImage};

use self::digest::{Part, entity_hash};
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch, ProducerId};
use crate::metadata::MetadataRecord;

/// How far an image goes (Kafka's `MetadataProvenance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataProvenance {
    /// Of the last record that it contains; -1 for the empty image.
    pub last_contained_offset: Offset,
    /// Of that record; -1 for the empty image.
    pub last_contained_epoch: LeaderEpoch,
    /// Timestamp of its batch, in ms of the leader's wall clock; -1 for the empty image.
    pub last_contained_log_time_ms: i64,
    /// Does a batch of the log end there? Only such an image may become a snapshot.
    pub is_offset_batch_aligned: bool,
}

impl MetadataProvenance {
    /// Of the empty image.
    pub const EMPTY: MetadataProvenance = MetadataProvenance {
        last_contained_offset: Offset(-1),
        last_contained_epoch: LeaderEpoch(-1),
        last_contained_log_time_ms: -1,
        is_offset_batch_aligned: false,
    };
}

/// Kafka's `MetadataImage`, and the replicated state of a controller. Parts are shared between
/// clones; [`replay`](Self::replay) copies what it changes of a part that is shared, and no more:
/// for a PartitionChange, one chunk of its topic's partitions and one of the topics.
#[derive(Clone, Debug)]
pub struct MetadataImage {
    provenance: MetadataProvenance,
    features: Rc<FeaturesImage>,
    cluster: Rc<ClusterImage>,
    topics: Rc<TopicsImage>,
    configs: Rc<ConfigurationsImage>,
    next_producer_id: Option<ProducerId>,
}

impl Default for MetadataImage {
    fn default() -> Self {
        MetadataImage {
            provenance: MetadataProvenance::EMPTY,
            features: Rc::default(),
            cluster: Rc::default(),
            topics: Rc::default(),
            configs: Rc::default(),
            next_producer_id: None,
        }
    }
}

/// Equal in what they say; how far they go does not count.
impl PartialEq for MetadataImage {
    fn eq(&self, other: &Self) -> bool {
        self.features == other.features
            && self.cluster == other.cluster
            && self.topics == other.topics
            && self.configs == other.configs
            && self.next_producer_id == other.next_producer_id
    }
}
impl Eq for MetadataImage {}

impl MetadataImage {
    /// How far it goes.
    pub fn provenance(&self) -> &MetadataProvenance {
        &self.provenance
    }

    /// Offset of the last record that it contains; -1 for the empty image.
    pub fn offset(&self) -> Offset {
        self.provenance.last_contained_offset
    }

    /// Last offset and epoch that it contains.
    pub fn highest_offset_and_epoch(&self) -> OffsetAndEpoch {
        OffsetAndEpoch { epoch: self.provenance.last_contained_epoch, offset: self.offset() }
    }

    /// Finalized features.
    pub fn features(&self) -> &Rc<FeaturesImage> {
        &self.features
    }

    /// Registrations.
    pub fn cluster(&self) -> &Rc<ClusterImage> {
        &self.cluster
    }

    /// Topics and partitions.
    pub fn topics(&self) -> &Rc<TopicsImage> {
        &self.topics
    }

    /// Dynamic configs.
    pub fn configs(&self) -> &Rc<ConfigurationsImage> {
        &self.configs
    }

    /// First id of the next block of producer ids.
    pub fn next_producer_id(&self) -> ProducerId {
        self.next_producer_id.unwrap_or(ProducerId(0))
    }

    /// 64 bits of everything it says, and of nothing else: equal images have equal digests,
    /// whatever history made them and however far they go. Known at once.
    pub fn digest(&self) -> u64 {
        let parts = [self.features.digest(), self.cluster.digest(), self.topics.digest(), self.configs.digest()];
        let producer_ids = self.next_producer_id.map_or(0, |next| entity_hash(Part::ProducerIds, &next, &next));
        parts.into_iter().fold(producer_ids, u64::wrapping_add)
    }

    /// The same, said to go this far.
    pub(super) fn at(mut self, provenance: MetadataProvenance) -> MetadataImage {
        self.provenance = provenance;
        self
    }

    /// Puts a topic back as it was (KAFKA-19383).
    pub(super) fn restore(&mut self, topic: &Rc<TopicImage>) {
        Rc::make_mut(&mut self.topics).restore(topic);
    }

    /// Applies one record and notes what it touched (controller-broker.md §1.2). An error is one
    /// of Kafka's fatal cases; then nothing was changed. NoOp and the records of transactions say
    /// nothing here: who replays must know what a transaction hides.
    pub fn replay(&mut self, record: &MetadataRecord, changes: &mut MetadataChanges) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                Rc::make_mut(&mut self.cluster).register_broker(record);
                changes.brokers.insert(record.broker_id);
            }
            MetadataRecord::UnregisterBroker(record) => {
                Rc::make_mut(&mut self.cluster).unregister_broker(record)?;
                changes.brokers.insert(record.broker_id);
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                Rc::make_mut(&mut self.cluster).change_broker(record)?;
                changes.brokers.insert(record.broker_id);
            }
            MetadataRecord::RegisterController(record) => {
                Rc::make_mut(&mut self.cluster).register_controller(record);
                changes.controllers.insert(record.controller_id);
            }
            MetadataRecord::UnregisterController(record) => {
                Rc::make_mut(&mut self.cluster).unregister_controller(record)?;
                changes.controllers.insert(record.controller_id);
            }
            MetadataRecord::Topic(record) => {
                Rc::make_mut(&mut self.topics).create(record)?;
                changes.topics.entry(record.topic_id).or_default();
            }
            MetadataRecord::Partition(record) => {
                changes.partition(Rc::make_mut(&mut self.topics).set_partition(record)?);
            }
            MetadataRecord::PartitionChange(record) => {
                changes.partition(Rc::make_mut(&mut self.topics).change_partition(record)?);
            }
            MetadataRecord::ClearElr(record) => {
                for id in Rc::make_mut(&mut self.topics).clear_elr(record)? {
                    changes.partition(id);
                }
            }
            MetadataRecord::RemoveTopic(record) => {
                let topic = Rc::make_mut(&mut self.topics).remove(record.topic_id)?;
                let resource = ConfigResource::topic(&topic.name);
                if self.configs.resources().contains_key(&resource)
                    && Rc::make_mut(&mut self.configs).remove_topic(&resource)
                {
                    changes.configs.insert(resource);
                }
                changes.topics.remove(&record.topic_id);
                changes.deleted_topics.insert(record.topic_id);
            }
            MetadataRecord::Config(record) => {
                changes.configs.insert(Rc::make_mut(&mut self.configs).replay(record)?);
            }
            MetadataRecord::FeatureLevel(record) => {
                if Rc::make_mut(&mut self.features).replay(record)? {
                    changes.features.insert(Rc::clone(&record.name));
                }
            }
            MetadataRecord::ProducerIds(record) => {
                let (current, next) = (self.next_producer_id(), record.next_producer_id);
                if next.0 <= current.0 {
                    return Err(ReplayError::ProducerIds { current, next });
                }
                self.next_producer_id = Some(next);
                changes.producer_ids = true;
            }
            MetadataRecord::NoOp(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => {}
        }
        Ok(())
    }
}
