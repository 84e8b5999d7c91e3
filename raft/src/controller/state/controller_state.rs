//! The replayed records as a whole (controller-broker.md §4.0).

use super::{
    ClusterState, ConfigState, FeatureState, MIN_INSYNC_REPLICAS, ResourceType, Topic, TopicState,
    UNCLEAN_LEADER_ELECTION_ENABLE,
};
use crate::bugs::{Bug, Bugs};
use crate::controller::settings::{ControllerSettings, ELR_VERSION, level};
use crate::fixes::Fixes;
use crate::ids::{NodeId, Offset, ProducerId, TopicIdPartition};
use crate::metadata::MetadataRecord;
use crate::metadata::image::PartitionRegistration;
use crate::metadata::records::{BrokerRegistrationChange, FenceBroker, UnfenceBroker};

/// A record that cannot be replayed: a fatal fault in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{record} at offset {offset} cannot be replayed: {why}")]
pub struct ReplayError {
    /// Kafka's name of its type.
    pub record: &'static str,
    /// Offset of the record.
    pub offset: Offset,
    pub why: String,
}

/// The metadata records up to some offset, replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerState {
    pub features: FeatureState,
    pub cluster: ClusterState,
    pub topics: TopicState,
    pub configs: ConfigState,
    /// First id of the next block.
    pub next_producer_id: ProducerId,
}

impl Default for ControllerState {
    fn default() -> ControllerState {
        ControllerState {
            features: FeatureState::default(),
            cluster: ClusterState::default(),
            topics: TopicState::default(),
            configs: ConfigState::default(),
            next_producer_id: ProducerId(0),
        }
    }
}

impl ControllerState {
    /// Replays the record at `offset`. Records of metadata transactions are handled by
    /// [`ReplayedState`](super::replayed::ReplayedState); they change nothing here.
    pub fn replay(
        &mut self,
        record: &MetadataRecord,
        offset: Offset,
        (bugs, fixes): (Bugs, Fixes),
    ) -> Result<(), ReplayError> {
        let result = match record {
            MetadataRecord::RegisterBroker(record) => {
                self.cluster.replay_register_broker(record, offset);
                Ok(())
            }
            MetadataRecord::UnregisterBroker(record) => {
                self.cluster.replay_unregister_broker(record).map_err(|refused| refused.to_string())
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                self.cluster.replay_registration_change(record).map_err(|refused| refused.to_string())
            }
            MetadataRecord::FenceBroker(FenceBroker { id, epoch }) => {
                let change = BrokerRegistrationChange::of_fencing(*id, *epoch, true);
                self.cluster.replay_registration_change(&change).map_err(|refused| refused.to_string())
            }
            MetadataRecord::UnfenceBroker(UnfenceBroker { id, epoch }) => {
                let change = BrokerRegistrationChange::of_fencing(*id, *epoch, false);
                self.cluster.replay_registration_change(&change).map_err(|refused| refused.to_string())
            }
            MetadataRecord::RegisterController(record) => {
                self.cluster.image_mut().register_controller(record);
                Ok(())
            }
            MetadataRecord::UnregisterController(record) => {
                self.cluster.image_mut().unregister_controller(record).map_err(|refused| refused.to_string())
            }
            MetadataRecord::Topic(record) => self.topics.replay_topic(record),
            MetadataRecord::Partition(record) => self.topics.replay_partition(record),
            MetadataRecord::PartitionChange(record) => self.topics.replay_partition_change(record),
            MetadataRecord::RemoveTopic(record) => self.topics.replay_remove_topic(record).map(|name| {
                if !bugs.has(Bug::ConfigsOutliveTopic) {
                    self.configs.remove_resource(ResourceType::Topic, &name);
                }
            }),
            MetadataRecord::ClearElr(record) => self.topics.replay_clear_elr(record, fixes),
            MetadataRecord::Config(record) => {
                self.configs.replay(record);
                Ok(())
            }
            MetadataRecord::FeatureLevel(record) => self.features.replay(record),
            MetadataRecord::ProducerIds(record) => {
                let next = record.next_producer_id;
                if next > self.next_producer_id {
                    self.next_producer_id = next;
                    Ok(())
                } else {
                    Err(format!("the next producer id goes from {} to {next}", self.next_producer_id))
                }
            }
            MetadataRecord::NoOp(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => Ok(()),
        };
        result.map_err(|why| ReplayError { record: record.name(), offset, why })
    }

    /// Whether the feature of KIP-966 is enabled.
    pub fn elr_enabled(&self) -> bool {
        self.features.level(ELR_VERSION) >= 1 && self.features.metadata_version() >= level::ELR
    }

    /// Registered, unfenced, and not in controlled shutdown.
    pub fn is_active(&self, broker: NodeId) -> bool {
        self.cluster.broker(broker).is_some_and(|broker| broker.is_active())
    }

    /// A topic's `min.insync.replicas`, at most the replica count of its partition 0 (§4.4).
    pub fn effective_min_isr(&self, topic: &Topic, settings: &ControllerSettings) -> usize {
        let configured = self
            .configs
            .effective(&topic.name, MIN_INSYNC_REPLICAS, settings.node_id)
            .and_then(|value| value.trim().parse::<usize>().ok())
            .unwrap_or_else(|| usize::try_from(settings.min_insync_replicas).unwrap_or(1));
        let replicas = topic.partitions.get(&0).map_or(1, |partition| partition.replicas.len());
        configured.min(replicas)
    }

    /// A topic's `unclean.leader.election.enable` (§4.8).
    pub fn unclean_election_enabled(&self, topic: &str, settings: &ControllerSettings) -> bool {
        self.configs
            .effective(topic, UNCLEAN_LEADER_ELECTION_ENABLE, settings.node_id)
            .map_or(settings.unclean_leader_election_enable, |value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// A partition and its topic.
    pub fn partition(&self, partition: TopicIdPartition) -> Option<(&Topic, &PartitionRegistration)> {
        let topic = self.topics.topic(partition.topic_id)?;
        Some((topic, topic.partitions.get(&partition.partition)?))
    }
}
