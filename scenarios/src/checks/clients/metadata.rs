//! The committed metadata log as a sequence of states: topics with all their lives (ids), partitions, configs and
//! registrations, and what each record changed that a client may have requested.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use raft::client::{TopicPartition, text_hash};
use raft::ids::{NodeId, TopicIdPartition, Uuid};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{Config, NO_LEADER_CHANGE, Partition};
use raft::sorted_map::SortedMap;

use super::timelines::Timelines;
use crate::checks::replication::partitions::{PartitionIndex, Partitions};
use crate::checks::verdict::or_none;

/// ConfigResource.Type.TOPIC
pub const TOPIC_RESOURCE: i8 = 2;

/// Kafka's `ConfigResource`: type and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(pub i8, pub Rc<str>);

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, &*self.1) {
            (TOPIC_RESOURCE, name) => write!(f, "topic {name}"),
            (_, "") => f.write_str("the default of all brokers"),
            (_, name) => write!(f, "broker {name}"),
        }
    }
}

pub type Configs = BTreeMap<Rc<str>, Rc<str>>;

/// Hash of one config that is set; they are summed.
pub fn config_hash(name_hash: u64, value_hash: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&[name_hash.to_le_bytes(), value_hash.to_le_bytes()].concat())
}

pub fn sum_of<'a>(configs: impl IntoIterator<Item = (&'a Rc<str>, &'a Rc<str>)>) -> u64 {
    let hash = |(name, value): (&Rc<str>, &Rc<str>)| config_hash(text_hash(name), text_hash(value));
    configs.into_iter().map(hash).fold(0, u64::wrapping_add)
}

/// One life of a topic's name: from the commit of its Topic record to that of its RemoveTopic.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub name: Rc<str>,
    pub id: Uuid,
    /// Offset of the Topic record.
    pub created: i64,
    /// Offset of the RemoveTopic record.
    pub removed: Option<i64>,
    partitions: i32,
    /// How many partitions followed the Topic record at once.
    pub initial: usize,
    /// Replicas of the last of these.
    pub replication_factor: usize,
    pub initial_configs: u64,
    /// An answer has named it as what was created.
    pub creation_reported: bool,
    /// An answer has said that it was deleted.
    pub deletion_reported: bool,
}

/// A partition as one record leaves it.
#[derive(Clone, Copy, Debug)]
pub struct Led {
    pub leader: NodeId,
    pub preferred: NodeId,
    /// By a PartitionChange record, not by its Partition record.
    pub changed: bool,
}

/// A record that a client must have requested.
#[derive(Clone, Debug)]
pub enum Effect {
    Created { life: usize, name: Rc<str> },
    Deleted { name: Rc<str>, id: Uuid },
    Added { name: Rc<str>, partition: i32 },
    Configured { resource: Resource, name: Rc<str>, before: Option<Rc<str>>, after: Option<Rc<str>> },
    Unregistered(NodeId),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Created { name, .. } => write!(f, "topic {name}"),
            Effect::Deleted { name, .. } => write!(f, "the deletion of {name}"),
            Effect::Added { name, partition } => write!(f, "partition {partition} of {name}"),
            Effect::Configured { resource, name, before, after } => {
                let (before, after) = (or_none(before.as_ref()), or_none(after.as_ref()));
                write!(f, "{name} = {after} of {resource} (before: {before})")
            }
            Effect::Unregistered(broker) => write!(f, "the end of broker {broker}"),
        }
    }
}

/// The logs of one partition of a name: one, or many if it comes and goes.
pub type Logs = Rc<[PartitionIndex]>;

#[derive(Clone, Debug, Default)]
pub struct Metadata {
    pub end: i64,
    pub lives: Vec<Life>,
    by_id: BTreeMap<Uuid, usize>,
    /// The life that a topic's name stands for.
    pub names: Timelines<Rc<str>, Option<usize>>,
    /// By the name of the topic.
    pub partitions: Timelines<(Rc<str>, i32), Option<Led>>,
    pub configs: Timelines<Resource, Configs>,
    pub registered: Timelines<NodeId, bool>,
    /// A topic (its life) whose creation the records before this one belong to, with no other event between them.
    pub creating: Option<usize>,
    /// The names that clients call by index.
    client_names: Vec<Rc<str>>,
    client_logs: SortedMap<TopicPartition, Logs>,
}

impl Metadata {
    /// `client_names` is the list that all clients were configured with.
    pub fn new(client_names: &[Rc<str>]) -> Metadata {
        Metadata { client_names: client_names.to_vec(), ..Metadata::default() }
    }

    /// A record is committed. `None`: it is no client's, since brokers and controllers write it, or it belongs to a
    /// creation.
    pub fn replay(&mut self, offset: i64, record: &MetadataRecord) -> Option<Effect> {
        assert!(offset >= self.end, "metadata is committed in order: {offset} after {}", self.end);
        self.end = offset + 1;
        let creating = self.creating.take();
        match record {
            MetadataRecord::Topic(record) => {
                let (life, name, id) = (self.lives.len(), Rc::clone(&record.name), record.topic_id);
                self.names.push(Rc::clone(&name), offset, Some(life));
                self.lives.push(Life { name: Rc::clone(&name), id, created: offset, ..Life::default() });
                self.by_id.insert(id, life);
                let client_names = &self.client_names;
                self.client_logs.retain(|of, _| client_names.get(usize::from(of.topic)) != Some(&name));
                self.creating = Some(life);
                return Some(Effect::Created { life, name });
            }
            MetadataRecord::ClearElr(_) => self.creating = creating,
            MetadataRecord::Partition(record) => return self.partition(offset, record, creating),
            MetadataRecord::Config(record) => return self.config(offset, record, creating),
            MetadataRecord::RemoveTopic(record) => {
                let life = self.by_id(record.topic_id)?;
                let life = &mut self.lives[life];
                life.removed = Some(offset);
                let (name, id) = (Rc::clone(&life.name), life.id);
                self.names.push(Rc::clone(&name), offset, None);
                for partition in 0..life.partitions {
                    self.partitions.push((Rc::clone(&name), partition), offset, None);
                }
                self.configs.push(Resource(TOPIC_RESOURCE, Rc::clone(&name)), offset, Configs::new());
                return Some(Effect::Deleted { name, id });
            }
            MetadataRecord::PartitionChange(record) => {
                let name = &self.lives[self.by_id(record.topic_id)?].name;
                let key = (Rc::clone(name), record.partition_id);
                let led = (*self.partitions.now(&key))?;
                let leader = if record.leader == NO_LEADER_CHANGE { led.leader } else { record.leader };
                self.partitions.push(key, offset, Some(Led { leader, changed: true, ..led }));
            }
            MetadataRecord::RegisterBroker(record) => self.registered.push(record.broker_id, offset, true),
            MetadataRecord::UnregisterBroker(record) => {
                self.registered.push(record.broker_id, offset, false);
                return Some(Effect::Unregistered(record.broker_id));
            }
            _ => {}
        }
        None
    }

    fn partition(&mut self, offset: i64, record: &Partition, creating: Option<usize>) -> Option<Effect> {
        let index = self.by_id(record.topic_id)?;
        let (life, partition) = (&mut self.lives[index], record.partition_id);
        if partition != life.partitions {
            return None; // its state is written anew
        }
        life.partitions += 1;
        let preferred = record.replicas.first().copied().unwrap_or(NodeId::NONE);
        let led = Led { leader: record.leader, preferred, changed: false };
        let name = Rc::clone(&life.name);
        self.partitions.push((Rc::clone(&name), partition), offset, Some(led));
        if creating != Some(index) {
            return Some(Effect::Added { name, partition });
        }
        if partition == 0 {
            life.initial_configs = sum_of(self.configs.now(&Resource(TOPIC_RESOURCE, Rc::clone(&name))));
        }
        life.initial += 1;
        life.replication_factor = record.replicas.len();
        self.creating = creating;
        None
    }

    fn config(&mut self, offset: i64, record: &Config, creating: Option<usize>) -> Option<Effect> {
        let resource = Resource(record.resource_type, Rc::clone(&record.resource_name));
        let (name, after) = (Rc::clone(&record.name), record.value.clone());
        let mut configs = self.configs.now(&resource).clone();
        let before = match &after {
            Some(value) => configs.insert(Rc::clone(&name), Rc::clone(value)),
            None => configs.remove(&name),
        };
        self.configs.push(resource.clone(), offset, configs);
        let is_of = |life: &Life| resource.0 == TOPIC_RESOURCE && resource.1 == life.name && life.partitions == 0;
        if creating.is_some_and(|life| is_of(&self.lives[life])) {
            self.creating = creating;
            return None;
        }
        // Before any broker is registered: bootstrap, where no client can have been.
        (!self.registered.is_empty()).then_some(Effect::Configured { resource, name, before, after })
    }

    pub fn by_id(&self, id: Uuid) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The logs of a client's partition: one for each life of its name, newest first.
    pub fn logs_of(&mut self, of: TopicPartition, partitions: &mut Partitions) -> Logs {
        if let Some(known) = self.client_logs.get(&of) {
            return Rc::clone(known);
        }
        let name = self.client_names.get(usize::from(of.topic));
        let lives = name.map_or(&[][..], |name| self.names.changes(name, 0..i64::MAX)).iter().rev();
        let ids = lives.filter_map(|(_, life)| Some(self.lives[(*life)?].id));
        let id = |topic_id| TopicIdPartition { topic_id, partition: of.partition };
        let found: Logs = ids.map(|topic_id| partitions.index_of(id(topic_id))).collect();
        self.client_logs.insert(of, Rc::clone(&found));
        found
    }

    pub fn name_of(&self, of: TopicIdPartition) -> String {
        let name = self.by_id(of.topic_id).map(|life| &self.lives[life].name);
        name.map_or_else(|| of.to_string(), |name| format!("{name}-{}", of.partition))
    }
}
