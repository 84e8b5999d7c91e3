//! The metadata at an offset: the result of replaying the log up to it.
//!
//! * [`MetadataImage`]: the complete image; a clone shares all parts. Start here
//! * `features`, `cluster`, `topics`, `configs`: its parts; `partition`: one partition, and the merge of a change into
//!   it
//! * `changes`: the entities that a replay changed; `replay_error`: the errors of a replay
//! * `write`: the records of an image, for a snapshot
//! * `shared_map`: sharing of parts; `digest`: comparison of images

mod changes;
mod cluster;
mod configs;
mod digest;
mod features;
mod partition;
mod replay_error;
mod shared_map;
mod topics;
mod write;

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

use self::digest::{EntityKind, entity_hash};
use crate::ids::{LeaderEpoch, Offset, ProducerId};
use crate::metadata::MetadataRecord;
use crate::metadata::records::{BrokerRegistrationChange, FenceBroker, UnfenceBroker};

/// The last offset and epoch of an image (Kafka's `MetadataProvenance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataProvenance {
    /// Offset of the last contained record; -1 for the empty image.
    pub last_contained_offset: Offset,
    /// Epoch of that record; -1 for the empty image.
    pub last_contained_epoch: LeaderEpoch,
    /// Timestamp of its batch, in ms of the leader's wall clock; -1 for the empty image.
    pub last_contained_log_time_ms: i64,
    /// Whether a batch of the log ends there. Only such an image may become a snapshot.
    pub is_offset_batch_aligned: bool,
}

impl MetadataProvenance {
    /// The provenance of the empty image.
    pub const EMPTY: MetadataProvenance = MetadataProvenance {
        last_contained_offset: Offset(-1),
        last_contained_epoch: LeaderEpoch(-1),
        last_contained_log_time_ms: -1,
        is_offset_batch_aligned: false,
    };
}

/// Kafka's `MetadataImage`, and the replicated state of a controller. Parts are shared between clones;
/// [`replay`](Self::replay) copies only the changed parts: for a PartitionChange, one chunk of its topic's partitions
/// and one of the topics.
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

/// Images are equal if their content is; the provenance is not compared.
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
    pub fn provenance(&self) -> &MetadataProvenance {
        &self.provenance
    }

    /// Offset of the last contained record; -1 for the empty image.
    pub fn offset(&self) -> Offset {
        self.provenance.last_contained_offset
    }

    pub fn features(&self) -> &Rc<FeaturesImage> {
        &self.features
    }

    pub fn cluster(&self) -> &Rc<ClusterImage> {
        &self.cluster
    }

    pub fn topics(&self) -> &Rc<TopicsImage> {
        &self.topics
    }

    pub fn configs(&self) -> &Rc<ConfigurationsImage> {
        &self.configs
    }

    /// First id of the next block of producer ids.
    pub fn next_producer_id(&self) -> ProducerId {
        self.next_producer_id.unwrap_or(ProducerId(0))
    }

    /// A 64-bit digest of the content, without the provenance: equal images have equal digests, whatever their history.
    /// Maintained incrementally.
    pub fn digest(&self) -> u64 {
        let parts = [self.features.digest(), self.cluster.digest(), self.topics.digest(), self.configs.digest()];
        let producer_ids = self.next_producer_id.map_or(0, |next| entity_hash(EntityKind::ProducerIds, &next, &next));
        parts.into_iter().fold(producer_ids, u64::wrapping_add)
    }

    /// The same image with this provenance.
    pub(crate) fn at(mut self, provenance: MetadataProvenance) -> MetadataImage {
        self.provenance = provenance;
        self
    }

    /// Restores a topic (KAFKA-19383).
    pub(super) fn restore(&mut self, topic: &Rc<TopicImage>) {
        Rc::make_mut(&mut self.topics).restore(topic);
    }

    /// Applies one record and adds the changed entities to `changes` (controller-broker.md §1.2). An error is one of
    /// Kafka's fatal cases; then nothing was changed. NoOp and transaction records have no effect here: the caller
    /// handles transactions.
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
            MetadataRecord::FenceBroker(FenceBroker { id, epoch }) => {
                let change = BrokerRegistrationChange::of_fencing(*id, *epoch, true);
                Rc::make_mut(&mut self.cluster).change_broker(&change)?;
                changes.brokers.insert(*id);
            }
            MetadataRecord::UnfenceBroker(UnfenceBroker { id, epoch }) => {
                let change = BrokerRegistrationChange::of_fencing(*id, *epoch, false);
                Rc::make_mut(&mut self.cluster).change_broker(&change)?;
                changes.brokers.insert(*id);
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
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => {}
        }
        Ok(())
    }
}
