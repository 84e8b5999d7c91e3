//! The committed metadata log as a sequence of states: what each record changed, and in which
//! states something was so. A state is named by its end: state `n` is what the records below
//! offset `n` make.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use raft::client::text_hash;
use raft::ids::NodeId;
use raft::metadata::MetadataRecord;
use raft::metadata::records::{Config, NO_LEADER_CHANGE, Partition};

use super::topics::Topics;

/// Kafka's `ConfigResource`: type and name.
pub type Resource = (i8, Rc<str>);

const TOPIC_RESOURCE: i8 = 2;

/// `topic NAME`, `broker ID`, as messages say it.
pub fn resource_name((kind, name): &Resource) -> String {
    match (*kind, &**name) {
        (TOPIC_RESOURCE, name) => format!("topic {name}"),
        (_, "") => "the default of all brokers".to_owned(),
        (_, name) => format!("broker {name}"),
    }
}

/// Values of one config, each from its offset on.
type Values = Vec<(i64, Option<Rc<str>>)>;

/// The configs of one resource over time.
#[derive(Clone, Debug, Default)]
pub struct ConfigHistory {
    /// By name.
    values: BTreeMap<Rc<str>, Values>,
    /// Offsets of changes, with the sum of the hashes of all that is set from there on.
    sums: Vec<(i64, u64)>,
    by_sum: BTreeMap<u64, Vec<usize>>,
}

impl ConfigHistory {
    /// What is set in the state `end`.
    pub fn value_at(&self, name: &str, end: i64) -> Option<&Rc<str>> {
        let values = self.values.get(name)?;
        let below = values.partition_point(|(offset, _)| *offset < end);
        values[..below].last()?.1.as_ref()
    }

    fn set(&mut self, offset: i64, name: &Rc<str>, value: Option<Rc<str>>) {
        let before = self.value_at(name, i64::MAX).map_or(0, |value| config_hash(text_hash(name), text_hash(value)));
        let after = value.as_ref().map_or(0, |value| config_hash(text_hash(name), text_hash(value)));
        let sum = self.sums.last().map_or(0, |(_, sum)| *sum).wrapping_sub(before).wrapping_add(after);
        self.values.entry(Rc::clone(name)).or_default().push((offset, value));
        self.note(offset, sum);
    }

    fn note(&mut self, offset: i64, sum: u64) {
        self.by_sum.entry(sum).or_default().push(self.sums.len());
        self.sums.push((offset, sum));
    }

    fn clear(&mut self, offset: i64) {
        for values in self.values.values_mut().filter(|values| values.last().is_some_and(|(_, v)| v.is_some())) {
            values.push((offset, None));
        }
        self.note(offset, 0);
    }

    /// The first state in the range in which just the configs with this sum are set.
    pub fn first_with(&self, sum: u64, ends: RangeInclusive<i64>) -> Option<i64> {
        let (first, last) = ends.into_inner();
        if sum == 0 && self.sums.first().is_none_or(|(offset, _)| first <= *offset) {
            return Some(first);
        }
        let places = self.by_sum.get(&sum)?;
        let until = |place: usize| self.sums.get(place + 1).map_or(i64::MAX, |(offset, _)| *offset);
        let at = places.partition_point(|place| until(*place) < first);
        let end = first.max(self.sums[*places.get(at)?].0 + 1);
        (end <= last).then_some(end)
    }

    /// States in the range that differ in what is set: the first, and each after a change.
    pub fn states(&self, ends: RangeInclusive<i64>) -> impl Iterator<Item = i64> {
        let (first, last) = ends.into_inner();
        let from = self.sums.partition_point(|(offset, _)| *offset < first);
        let changes = self.sums[from..].iter().map(|(offset, _)| offset + 1);
        std::iter::once(first).chain(changes).take_while(move |end| *end <= last)
    }
}

/// Hash of one config that is set; they are summed.
pub fn config_hash(name_hash: u64, value_hash: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&[name_hash.to_le_bytes(), value_hash.to_le_bytes()].concat())
}

/// A topic's creation, whose records are coming.
#[derive(Clone, Copy, Debug)]
struct Creating {
    life: usize,
    /// Ordinal of its last record: the rest is told at once.
    last: u64,
}

/// Who led a partition.
#[derive(Clone, Debug)]
struct Leaders {
    /// Its first replica.
    preferred: NodeId,
    /// Each from its offset on, that of the Partition record first; PartitionChange records that name
    /// none, too.
    history: Vec<(i64, NodeId)>,
}

/// What a record means to who may have asked for it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// None of a client's business: brokers and controllers write it, or it belongs to a creation.
    Internal,
    /// A topic was created.
    Created(usize),
    /// A topic was deleted.
    Deleted(usize),
    /// A partition was added: life and partition.
    Added(usize, usize),
    /// A config was changed: resource, name, value before and after.
    Configured(Resource, Rc<str>, Option<Rc<str>>, Option<Rc<str>>),
    /// A broker was unregistered.
    Unregistered(NodeId),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// One past the last committed offset.
    pub end: i64,
    configs: BTreeMap<Resource, ConfigHistory>,
    no_configs: ConfigHistory,
    creating: Option<Creating>,
    /// By life and partition.
    leaders: BTreeMap<(usize, i32), Leaders>,
    /// By broker: offsets of registrations (true) and ends of them.
    registered: BTreeMap<NodeId, Vec<(i64, bool)>>,
}

impl Metadata {
    /// A record is committed.
    pub fn replay(&mut self, (ordinal, offset): (u64, i64), record: &MetadataRecord, topics: &mut Topics) -> Effect {
        assert!(offset >= self.end, "metadata is committed in order: {offset} after {}", self.end);
        self.end = offset + 1;
        let creating = self.creating.take().filter(|creating| creating.last + 1 == ordinal);
        match record {
            MetadataRecord::Topic(record) => {
                let life = topics.create(offset, &record.name, record.topic_id);
                self.creating = Some(Creating { life, last: ordinal });
                Effect::Created(life)
            }
            MetadataRecord::ClearElr(_) => {
                self.creating = creating.map(|creating| Creating { last: ordinal, ..creating });
                Effect::Internal
            }
            MetadataRecord::Partition(record) => self.partition((ordinal, offset), record, creating, topics),
            MetadataRecord::Config(record) => self.config((ordinal, offset), record, creating, topics),
            MetadataRecord::RemoveTopic(record) => {
                let Some(life) = topics.by_id(record.topic_id) else { return Effect::Internal };
                topics.lives[life].removed = Some(offset);
                let resource = (TOPIC_RESOURCE, Rc::clone(&topics.lives[life].name));
                if let Some(configs) = self.configs.get_mut(&resource) {
                    configs.clear(offset);
                }
                Effect::Deleted(life)
            }
            MetadataRecord::PartitionChange(record) => {
                if let Some(life) = topics.by_id(record.topic_id)
                    && let Some(leaders) = self.leaders.get_mut(&(life, record.partition_id))
                {
                    let before = leaders.history.last().map_or(NodeId::NONE, |(_, leader)| *leader);
                    let leader = if record.leader == NO_LEADER_CHANGE { before } else { record.leader };
                    leaders.history.push((offset, leader));
                }
                Effect::Internal
            }
            MetadataRecord::RegisterBroker(record) => {
                self.registered.entry(record.broker_id).or_default().push((offset, true));
                Effect::Internal
            }
            MetadataRecord::UnregisterBroker(record) => {
                self.registered.entry(record.broker_id).or_default().push((offset, false));
                Effect::Unregistered(record.broker_id)
            }
            _ => Effect::Internal,
        }
    }

    fn partition(
        &mut self,
        (ordinal, offset): (u64, i64),
        record: &Partition,
        creating: Option<Creating>,
        topics: &mut Topics,
    ) -> Effect {
        let Some(index) = topics.by_id(record.topic_id) else { return Effect::Internal };
        let life = &mut topics.lives[index];
        if usize::try_from(record.partition_id) != Ok(life.partitions.len()) {
            return Effect::Internal; // its state is written anew
        }
        life.partitions.push(offset);
        let preferred = record.replicas.first().copied().unwrap_or(NodeId::NONE);
        let history = vec![(offset, record.leader)];
        self.leaders.insert((index, record.partition_id), Leaders { preferred, history });
        if creating.is_some_and(|creating| creating.life == index) {
            life.initial = life.partitions.len();
            life.replication_factor = record.replicas.len();
            self.creating = Some(Creating { last: ordinal, life: index });
            return Effect::Internal;
        }
        Effect::Added(index, life.partitions.len() - 1)
    }

    fn config(
        &mut self,
        (ordinal, offset): (u64, i64),
        record: &Config,
        creating: Option<Creating>,
        topics: &mut Topics,
    ) -> Effect {
        let resource = (record.resource_type, Rc::clone(&record.resource_name));
        let history = self.configs.entry(resource.clone()).or_default();
        let before = history.value_at(&record.name, i64::MAX).cloned();
        history.set(offset, &record.name, record.value.clone());
        if let Some(creating) = creating {
            let life = &mut topics.lives[creating.life];
            if resource.0 == TOPIC_RESOURCE && resource.1 == life.name && life.partitions.is_empty() {
                if let Some(value) = &record.value {
                    let hash = config_hash(text_hash(&record.name), text_hash(value));
                    life.initial_configs = life.initial_configs.wrapping_add(hash);
                }
                self.creating = Some(Creating { last: ordinal, ..creating });
                return Effect::Internal;
            }
        }
        if self.registered.is_empty() {
            return Effect::Internal; // bootstrap: no client can have been there
        }
        Effect::Configured(resource, Rc::clone(&record.name), before, record.value.clone())
    }

    /// The configs of a resource.
    pub fn configs(&self, resource: &Resource) -> &ConfigHistory {
        self.configs.get(resource).unwrap_or(&self.no_configs)
    }

    /// Was a PartitionChange committed for the partition in these offsets? Whatever such a record does,
    /// and be it to shrink an ELR, ElectLeaders answers that it was done (controller-broker.md §4.8).
    pub fn was_changed_in(&self, place: (usize, i32), offsets: &RangeInclusive<i64>) -> bool {
        let changes = self.leaders.get(&place).map_or(&[][..], |leaders| &leaders.history[1..]);
        let at = changes.partition_point(|(offset, _)| offset < offsets.start());
        changes.get(at).is_some_and(|(offset, _)| offset <= offsets.end())
    }

    /// The first state in the range in which a name has this partition, and `holds` of its leader
    /// and its first replica.
    pub fn first_led(
        &self,
        topics: &Topics,
        (name, partition): (&str, i32),
        ends: RangeInclusive<i64>,
        holds: impl Fn(NodeId, NodeId) -> bool,
    ) -> Option<i64> {
        let (first, last) = ends.into_inner();
        topics.of_name(name).iter().find_map(|life| {
            let leaders = self.leaders.get(&(*life, partition))?;
            let removed = topics.lives[*life].removed.unwrap_or(i64::MAX);
            let nexts = leaders.history[1..].iter().map(|(offset, _)| *offset).chain([removed]);
            let mut spans = leaders.history.iter().zip(nexts);
            spans.find_map(|((from, leader), to)| {
                let end = first.max(from + 1);
                (end <= to.min(last) && holds(*leader, leaders.preferred)).then_some(end)
            })
        })
    }

    /// The first state in the range in which a broker is not registered.
    pub fn first_without_broker(&self, broker: NodeId, ends: RangeInclusive<i64>) -> Option<i64> {
        let (first, last) = ends.into_inner();
        let changes = self.registered.get(&broker).map_or(&[][..], Vec::as_slice);
        let below = changes.partition_point(|(offset, _)| *offset < first);
        if below.checked_sub(1).is_none_or(|at| !changes[at].1) {
            return Some(first);
        }
        let gone = changes[below..].iter().find(|(_, registered)| !registered)?;
        (gone.0 < last).then_some(gone.0 + 1)
    }

    /// Was a broker unregistered in these offsets?
    pub fn was_unregistered_in(&self, broker: NodeId, offsets: RangeInclusive<i64>) -> bool {
        let changes = self.registered.get(&broker).map_or(&[][..], Vec::as_slice);
        let at = changes.partition_point(|(offset, _)| offset < offsets.start());
        changes[at..].iter().take_while(|(offset, _)| offset <= offsets.end()).any(|(_, registered)| !registered)
    }
}

/// The first state in the range in which a name exists.
pub fn first_alive(topics: &Topics, name: &str, ends: RangeInclusive<i64>) -> Option<i64> {
    let (first, last) = ends.into_inner();
    let lives = topics.of_name(name);
    let from = lives.partition_point(|life| topics.lives[*life].removed.is_some_and(|removed| removed < first));
    let life = &topics.lives[*lives.get(from)?];
    let end = first.max(life.created + 1);
    (end <= last).then_some(end)
}

/// The first state in the range in which a name does not exist.
pub fn first_absent(topics: &Topics, name: &str, ends: RangeInclusive<i64>) -> Option<i64> {
    let (first, last) = ends.into_inner();
    let lives = topics.of_name(name);
    let from = lives.partition_point(|life| topics.lives[*life].removed.is_some_and(|removed| removed < first));
    match lives.get(from).map(|life| &topics.lives[*life]) {
        Some(life) if life.is_alive_at(first) => life.removed.map(|removed| removed + 1).filter(|end| *end <= last),
        _ => Some(first),
    }
}
