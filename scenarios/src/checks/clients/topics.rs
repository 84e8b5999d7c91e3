//! Topics over time: each name with all its lives (ids), and the committed logs of their partitions.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use raft::client::TopicPartition;
use raft::ids::{TopicIdPartition, Uuid};
use raft::sorted_map::SortedMap;

use crate::checks::replication::partitions::{PartitionIndex, Partitions};

/// The logs of one partition of a name: one, or many if it comes and goes.
pub type Logs = Rc<[PartitionIndex]>;

/// One life of a name: from the commit of its Topic record to that of its RemoveTopic.
#[derive(Clone, Debug)]
pub struct Life {
    /// Of the topic.
    pub name: Rc<str>,
    /// Of the topic.
    pub id: Uuid,
    /// Offset of the Topic record.
    pub created: i64,
    /// Offset of the RemoveTopic record.
    pub removed: Option<i64>,
    /// Offsets of the Partition records, by partition.
    pub partitions: Vec<i64>,
    /// How many of those followed the Topic record at once.
    pub initial: usize,
    /// Replicas of partition 0.
    pub replication_factor: usize,
    /// Sum of the hashes of the configs that it was created with.
    pub initial_configs: u64,
    /// An answer has named it as what was created.
    pub creation_reported: bool,
    /// An answer has said that it was deleted.
    pub deletion_reported: bool,
}

impl Life {
    /// Does the topic exist in the metadata below `end`?
    pub fn is_alive_at(&self, end: i64) -> bool {
        self.created < end && self.removed.is_none_or(|removed| removed >= end)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    /// In the order of creation.
    pub lives: Vec<Life>,
    by_name: BTreeMap<Rc<str>, Vec<usize>>,
    by_id: BTreeMap<Uuid, usize>,
    /// The names that clients call by index.
    client_names: Vec<Rc<str>>,
    /// How many lives each of these names has had.
    client_lives: Vec<usize>,
    client_logs: SortedMap<TopicPartition, Logs>,
}

impl Topics {
    /// `client_names` is the list that all clients were configured with.
    pub fn new(client_names: &[Rc<str>]) -> Topics {
        Topics { client_names: client_names.to_vec(), client_lives: vec![0; client_names.len()], ..Topics::default() }
    }

    /// A Topic record is committed.
    pub fn create(&mut self, offset: i64, name: &Rc<str>, id: Uuid) -> usize {
        let index = self.lives.len();
        self.lives.push(Life {
            name: Rc::clone(name),
            id,
            created: offset,
            removed: None,
            partitions: Vec::new(),
            initial: 0,
            replication_factor: 0,
            initial_configs: 0,
            creation_reported: false,
            deletion_reported: false,
        });
        self.by_name.entry(Rc::clone(name)).or_default().push(index);
        self.by_id.insert(id, index);
        for (lives, _) in self.client_lives.iter_mut().zip(&self.client_names).filter(|(_, other)| *other == name) {
            *lives += 1;
        }
        index
    }

    /// The life that an id stands for.
    pub fn by_id(&self, id: Uuid) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The lives of a name, oldest first.
    pub fn of_name(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// What clients call by an index.
    pub fn client_name(&self, topic: u16) -> Option<&Rc<str>> {
        self.client_names.get(usize::from(topic))
    }

    /// The logs of a client's partition: one for each life of its name, newest first.
    pub fn logs_of(&mut self, partition: TopicPartition, partitions: &mut Partitions) -> Logs {
        let lives = self.client_lives.get(usize::from(partition.topic)).copied().unwrap_or(0);
        if let Some(known) = self.client_logs.get(&partition).filter(|known| known.len() == lives) {
            return Rc::clone(known);
        }
        let name = self.client_name(partition.topic).cloned();
        let lives: Vec<usize> = name.map_or_else(Vec::new, |name| self.of_name(&name).to_vec());
        let log = |life: usize| {
            let topic_id = self.lives[life].id;
            partitions.index_of(TopicIdPartition { topic_id, partition: partition.partition })
        };
        let found: Logs = lives.into_iter().rev().map(log).collect();
        self.client_logs.insert(partition, Rc::clone(&found));
        found
    }

    /// The first state in the range (by its end) in which a name exists and has this partition.
    pub fn first_with_partition(&self, name: &str, partition: usize, ends: RangeInclusive<i64>) -> Option<i64> {
        let (first, last) = ends.into_inner();
        let lives = self.of_name(name).iter().map(|life| &self.lives[*life]);
        let mut lives = lives.filter(|life| life.removed.is_none_or(|removed| removed >= first));
        lives.find_map(|life| Some(first.max(life.partitions.get(partition)? + 1))).filter(|end| *end <= last)
    }

    /// The first state in the range (by its end) in which no topic of a name has this partition.
    pub fn first_without_partition(&self, name: &str, partition: i32, ends: RangeInclusive<i64>) -> Option<i64> {
        let (mut end, last) = ends.into_inner();
        let partition = usize::try_from(partition).unwrap_or(usize::MAX);
        for life in self.of_name(name).iter().map(|life| &self.lives[*life]) {
            if life.partitions.get(partition).is_some_and(|created| *created < end) && life.is_alive_at(end) {
                end = life.removed? + 1;
            }
        }
        (end <= last).then_some(end)
    }

    /// How a log is called in messages.
    pub fn name_of(&self, of: TopicIdPartition) -> String {
        let name = self.by_id(of.topic_id).map(|life| &self.lives[life].name);
        name.map_or_else(|| of.to_string(), |name| format!("{name}-{}", of.partition))
    }
}
