//! The reference image: what the committed records say, by a second reader who shares no code of replay with `raft`.
//! One table per kind of entity, and each record changes rows as Kafka's documentation of it says (KIP-631; `ClusterDelta`,
//! `TopicsDelta`, `ConfigurationsDelta`, `FeaturesDelta`, `ProducerIdsDelta`). What Kafka's controllers refuse to replay is
//! an error here.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, NodeId, ProducerId, TopicIdPartition, Uuid};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChange, ClearElr, Config, FeatureLevel, PartitionChange,
    RegisterBroker, RegisterController,
};

use super::digest::Walk;
use super::partition::{LOST, MIGRATING, ReferencePartition, UNASSIGNED};
use super::table::{Row, Table};

/// `ConfigResource.Type.TOPIC`
pub const TOPIC: i8 = 2;
/// `ConfigResource.Type.BROKER`; the one without a name is the default of all.
const BROKER: i8 = 4;
/// And those of client metrics and groups.
const RESOURCE_TYPES: [i8; 4] = [TOPIC, BROKER, 16, 32];

const METADATA_VERSION: &str = "metadata.version";
const ELR_VERSION: &str = "eligible.leader.replicas.version";
/// The first `metadata.version` whose records have fields for ELRs (4.0-IV1).
const ELR_SUPPORTED: i16 = 23;
/// The oldest `metadata.version` (3.3-IV3).
const MINIMUM: i16 = 7;

/// A config: type and name of the resource, and its own name.
pub type ConfigKey = (i8, Rc<str>, Rc<str>);

/// What is registered of a broker: its newest RegisterBrokerRecord, as changed since.
pub type ReferenceBroker = Rc<RegisterBroker>;

#[derive(Clone, Debug, Default)]
pub struct ReferenceImage {
    /// Levels of those that are on.
    pub features: Table<Rc<str>, i16>,
    pub brokers: Table<NodeId, ReferenceBroker>,
    pub controllers: Table<NodeId, Rc<RegisterController>>,
    pub topics: Table<Uuid, Rc<str>>,
    topic_ids: BTreeMap<Rc<str>, Uuid>,
    pub partitions: Table<TopicIdPartition, Rc<ReferencePartition>>,
    pub configs: Table<ConfigKey, Rc<str>>,
    /// The first id of the next block.
    pub producer_ids: Table<(), ProducerId>,
}

impl ReferenceImage {
    /// A batch begins: what it finds is what was before it.
    pub fn begin_batch(&mut self) {
        self.features.begin();
        self.brokers.begin();
        self.controllers.begin();
        self.topics.begin();
        self.partitions.begin();
        self.configs.begin();
        self.producer_ids.begin();
    }

    pub fn is_touched(&self) -> bool {
        self.features.is_touched()
            || self.brokers.is_touched()
            || self.controllers.is_touched()
            || self.topics.is_touched()
            || self.partitions.is_touched()
            || self.configs.is_touched()
            || self.producer_ids.is_touched()
    }

    /// 64 bits of all that it says (`raft::metadata::image::digest`).
    pub fn digest(&self) -> u64 {
        let sums = [
            self.features.digest(),
            self.brokers.digest(),
            self.controllers.digest(),
            self.topics.digest(),
            self.partitions.digest(),
            self.configs.digest(),
            self.producer_ids.digest(),
        ];
        sums.into_iter().fold(0, u64::wrapping_add)
    }

    pub fn is_elr_enabled(&self) -> bool {
        is_elr_enabled(|feature| self.features.get(feature).copied())
    }

    pub fn was_elr_enabled(&self) -> bool {
        is_elr_enabled(|feature| self.features.before(feature).copied())
    }

    /// May the broker lead and be in an ISR?
    pub fn is_active(&self, id: NodeId) -> bool {
        self.brokers.get(&id).is_some_and(|broker| is_active(broker))
    }

    /// Might it before the batch?
    pub fn was_active(&self, id: NodeId) -> bool {
        self.brokers.before(&id).is_some_and(|broker| is_active(broker))
    }

    /// Is it registered, and a replica in this directory online for all that is known? One that reported no directory
    /// is from before 3.7: all of its are taken to be online (KAFKA-16162).
    pub fn is_online(&self, id: NodeId, directory: Uuid) -> bool {
        self.brokers.get(&id).is_some_and(|broker| match directory {
            LOST => false,
            UNASSIGNED | MIGRATING => true,
            _ => broker.log_dirs.is_empty() || broker.log_dirs.contains(&directory),
        })
    }

    /// The epoch by which a broker is registered; unknown if it is not.
    pub fn broker_epoch(&self, id: NodeId) -> BrokerEpoch {
        self.brokers.get(&id).map_or(BrokerEpoch::UNKNOWN, |broker| broker.broker_epoch)
    }

    pub fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.topic_ids.get(name).copied()
    }

    pub fn partitions_of(&self, topic_id: Uuid) -> impl Iterator<Item = (TopicIdPartition, &Rc<ReferencePartition>)> {
        let of = |partition| TopicIdPartition { topic_id, partition };
        self.partitions.range(of(i32::MIN)..=of(i32::MAX)).map(|(id, partition)| (*id, partition))
    }

    pub fn deleted_topics(&self) -> impl Iterator<Item = Uuid> {
        self.topics.touched().copied().filter(|id| !self.topics.contains_key(id))
    }

    /// What is set for a topic, or for all brokers: the two configs of these names in Kafka have one name for both.
    fn topic_config(&self, topic: &str, name: &str) -> Option<&str> {
        let of = |kind, resource: &str| self.configs.get(&(kind, resource.into(), name.into()));
        of(TOPIC, topic).or_else(|| of(BROKER, "")).map(|value| value.trim())
    }

    /// `min.insync.replicas` of a topic, or the static value.
    pub fn min_insync_replicas(&self, topic: &str, static_value: i32) -> i32 {
        let value = self.topic_config(topic, "min.insync.replicas");
        value.and_then(|value| value.parse().ok()).unwrap_or(static_value)
    }

    /// `unclean.leader.election.enable` of a topic, or the static value.
    pub fn unclean_leader_election_enable(&self, topic: &str, static_value: bool) -> bool {
        let value = self.topic_config(topic, "unclean.leader.election.enable");
        value.map_or(static_value, |value| value.eq_ignore_ascii_case("true"))
    }

    /// The first id of the next block of producer ids.
    pub fn next_producer_id(&self) -> ProducerId {
        self.producer_ids.get(&()).copied().unwrap_or(ProducerId(0))
    }

    /// Applies a record; after an error nothing has changed.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), String> {
        match record {
            MetadataRecord::RegisterBroker(record) => {
                self.brokers.set(record.broker_id, Some(Rc::new(record.clone())));
            }
            MetadataRecord::UnregisterBroker(record) => {
                self.registered(record.broker_id, record.broker_epoch)?;
                self.brokers.set(record.broker_id, None);
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                let changed = changed(self.registered(record.broker_id, record.broker_epoch)?, record)?;
                self.brokers.set(record.broker_id, Some(Rc::new(changed)));
            }
            MetadataRecord::FenceBroker(record) => self.fence(record.id, record.epoch, true)?,
            MetadataRecord::UnfenceBroker(record) => self.fence(record.id, record.epoch, false)?,
            MetadataRecord::RegisterController(record) => {
                self.controllers.set(record.controller_id, Some(Rc::new(record.clone())));
            }
            MetadataRecord::UnregisterController(record) => {
                let id = record.controller_id;
                self.controllers.get(&id).ok_or_else(|| format!("controller {id} is not registered"))?;
                self.controllers.set(id, None);
            }
            MetadataRecord::Topic(record) => {
                if self.topic_ids.contains_key(&record.name) || self.topics.contains_key(&record.topic_id) {
                    return Err(format!("topic {} or id {} exists", record.name, record.topic_id));
                }
                self.topic_ids.insert(Rc::clone(&record.name), record.topic_id);
                self.topics.set(record.topic_id, Some(Rc::clone(&record.name)));
            }
            MetadataRecord::RemoveTopic(record) => self.remove_topic(record.topic_id)?,
            MetadataRecord::Partition(record) => {
                let id = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
                self.topics.get(&id.topic_id).ok_or_else(|| no_topic(id.topic_id))?;
                self.partitions.set(id, Some(Rc::new(ReferencePartition::new(record)?)));
            }
            MetadataRecord::PartitionChange(record) => self.change_partition(record)?,
            MetadataRecord::ClearElr(record) => self.clear_elr(record)?,
            MetadataRecord::Config(record) => self.config(record)?,
            MetadataRecord::FeatureLevel(record) => self.feature_level(record)?,
            MetadataRecord::ProducerIds(record) => {
                let (current, next) = (self.next_producer_id(), record.next_producer_id);
                if next <= current {
                    return Err(format!("the next producer id goes from {current} to {next}"));
                }
                self.producer_ids.set((), Some(next));
            }
            MetadataRecord::NoOp(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => {}
        }
        Ok(())
    }

    fn fence(&mut self, id: NodeId, epoch: BrokerEpoch, fenced: bool) -> Result<(), String> {
        let changed = RegisterBroker { fenced, ..RegisterBroker::clone(self.registered(id, epoch)?) };
        self.brokers.set(id, Some(Rc::new(changed)));
        Ok(())
    }

    fn registered(&self, id: NodeId, epoch: BrokerEpoch) -> Result<&ReferenceBroker, String> {
        let broker = self.brokers.get(&id).ok_or_else(|| format!("broker {id} is not registered"))?;
        if broker.broker_epoch == epoch {
            Ok(broker)
        } else {
            Err(format!("broker {id} is registered with epoch {}, not {epoch}", broker.broker_epoch))
        }
    }

    /// With its partitions and configs.
    fn remove_topic(&mut self, id: Uuid) -> Result<(), String> {
        let name = Rc::clone(self.topics.get(&id).ok_or_else(|| no_topic(id))?);
        let partitions: Vec<TopicIdPartition> = self.partitions_of(id).map(|(id, _)| id).collect();
        for partition in partitions {
            self.partitions.set(partition, None);
        }
        let configs = self.configs.range((TOPIC, Rc::clone(&name), Rc::from(""))..).map(|(key, _)| key.clone());
        let configs: Vec<ConfigKey> = configs.take_while(|(kind, of, _)| *kind == TOPIC && *of == name).collect();
        for config in configs {
            self.configs.set(config, None);
        }
        self.topic_ids.remove(&name);
        self.topics.set(id, None);
        Ok(())
    }

    fn change_partition(&mut self, record: &PartitionChange) -> Result<(), String> {
        let id = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
        let partition = self.partitions.get(&id).ok_or_else(|| format!("there is no partition {id}"))?;
        let changed = partition.changed(record)?;
        self.partitions.set(id, Some(Rc::new(changed)));
        Ok(())
    }

    /// As if each partition of the topic, or of all, that has any were changed to have none (KIP-966).
    fn clear_elr(&mut self, record: &ClearElr) -> Result<(), String> {
        let of_topic = match &*record.topic_name {
            "" => None,
            name => Some(self.topic_id(name).ok_or_else(|| format!("there is no topic {name}"))?),
        };
        let is_concerned = |id: &TopicIdPartition| of_topic.is_none_or(|topic| id.topic_id == topic);
        let concerned = self.partitions.iter().filter(|(id, partition)| is_concerned(id) && partition.has_elr());
        let cleared = concerned.map(|(id, partition)| {
            let (none, nothing) = (Some(Rc::default()), PartitionChange::nothing(*id));
            let change = PartitionChange { eligible_leader_replicas: none.clone(), last_known_elr: none, ..nothing };
            Ok((*id, partition.changed(&change)?))
        });
        for (id, partition) in cleared.collect::<Result<Vec<_>, String>>()? {
            self.partitions.set(id, Some(Rc::new(partition)));
        }
        Ok(())
    }

    fn config(&mut self, record: &Config) -> Result<(), String> {
        if !RESOURCE_TYPES.contains(&record.resource_type) {
            return Err(format!("no config resource has the type {}", record.resource_type));
        }
        let key = (record.resource_type, Rc::clone(&record.resource_name), Rc::clone(&record.name));
        self.configs.set(key, record.value.clone());
        Ok(())
    }

    /// `kraft.version` is raft's own, in control records.
    fn feature_level(&mut self, record: &FeatureLevel) -> Result<(), String> {
        let (feature, level) = (&record.name, record.feature_level);
        let lowest = if **feature == *METADATA_VERSION { MINIMUM } else { 0 };
        if level < lowest {
            return Err(format!("level {level} of feature {feature} is below {lowest}"));
        }
        if **feature != *"kraft.version" {
            self.features.set(Rc::clone(feature), (level > 0).then_some(level));
        }
        Ok(())
    }
}

fn no_topic(id: Uuid) -> String {
    format!("there is no topic with id {id}")
}

fn is_active(broker: &RegisterBroker) -> bool {
    !broker.fenced && !broker.in_controlled_shutdown
}

fn is_elr_enabled(level: impl Fn(&str) -> Option<i16>) -> bool {
    level(ELR_VERSION).is_some() && level(METADATA_VERSION).is_some_and(|level| level >= ELR_SUPPORTED)
}

/// `BrokerRegistrationFencingChange` and `BrokerRegistrationInControlledShutdownChange`: -1, 0 and 1.
fn changed(broker: &RegisterBroker, change: &BrokerRegistrationChange) -> Result<RegisterBroker, String> {
    let mut after = broker.clone();
    after.fenced = match change.fenced {
        -1 => false,
        0 => broker.fenced,
        1 => true,
        other => return Err(format!("the fencing of broker {} cannot change by {other}", broker.broker_id)),
    };
    after.in_controlled_shutdown = match change.in_controlled_shutdown {
        0 => broker.in_controlled_shutdown,
        1 => true,
        other => {
            return Err(format!("the controlled shutdown of broker {} cannot change by {other}", broker.broker_id));
        }
    };
    if !change.log_dirs.is_empty() {
        after.log_dirs = Rc::clone(&change.log_dirs);
    }
    if change.cordoned_log_dirs.is_some() {
        after.cordoned_log_dirs = change.cordoned_log_dirs.clone();
    }
    Ok(after)
}

fn end_point(walk: Walk, at: &BrokerEndpoint) -> Walk {
    walk.text(&at.name).text(&at.host).number(at.port).number(at.security_protocol)
}

fn supported(walk: Walk, feature: &BrokerFeature) -> Walk {
    walk.text(&feature.name).number(feature.min_supported_version).number(feature.max_supported_version)
}

impl Row<Rc<str>> for i16 {
    fn digest(&self, feature: &Rc<str>) -> u64 {
        Walk::of(1).text(feature).number(*self).finish()
    }
}

impl Row<NodeId> for ReferenceBroker {
    fn digest(&self, id: &NodeId) -> u64 {
        let walk = Walk::of(2).number(id.0).number(self.broker_epoch.0).uuid(self.incarnation_id);
        let walk = walk.list(&self.end_points, end_point).list(&self.features, supported);
        let walk = walk.maybe(self.rack.as_deref(), Walk::text);
        let walk = walk.number(self.fenced).number(self.in_controlled_shutdown).number(self.is_migrating_zk_broker);
        walk.uuids(&self.log_dirs).maybe(self.cordoned_log_dirs.as_deref(), Walk::uuids).finish()
    }
}

impl Row<NodeId> for Rc<RegisterController> {
    fn digest(&self, id: &NodeId) -> u64 {
        let walk = Walk::of(3).number(id.0).uuid(self.incarnation_id).number(self.zk_migration_ready);
        walk.list(&self.end_points, end_point).list(&self.features, supported).finish()
    }
}

impl Row<Uuid> for Rc<str> {
    fn digest(&self, id: &Uuid) -> u64 {
        Walk::of(4).uuid(*id).text(self).finish()
    }
}

impl Row<ConfigKey> for Rc<str> {
    fn digest(&self, (kind, resource, name): &ConfigKey) -> u64 {
        Walk::of(6).number(*kind).text(resource).text(name).text(self).finish()
    }
}

/// Its key is the id itself.
impl Row<()> for ProducerId {
    fn digest(&self, (): &()) -> u64 {
        Walk::of(7).number(self.0).number(self.0).finish()
    }
}
