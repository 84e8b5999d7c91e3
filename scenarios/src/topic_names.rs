//! Topic names in texts: nodes and checks identify a topic by its id, users by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::ids::{TopicIdPartition, Uuid};

/// The number of characters of an id that its first half determines; observations contain only that half.
const SHORT: usize = 10;

/// The topics of committed metadata, including deleted ones.
#[derive(Clone, Debug, Default)]
pub struct TopicNames {
    /// By the first half of the id.
    topics: BTreeMap<u64, Topic>,
}

#[derive(Clone, Debug)]
struct Topic {
    id: Uuid,
    name: Rc<str>,
    /// Another topic, earlier or later, has the same name.
    is_ambiguous: bool,
}

impl TopicNames {
    /// Of all topics that were committed.
    pub fn new(all: impl IntoIterator<Item = (Uuid, Rc<str>)>) -> TopicNames {
        let all: Vec<(Uuid, Rc<str>)> = all.into_iter().collect();
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, name) in &all {
            *named.entry(name).or_default() += 1;
        }
        let topic = |(id, name): &(Uuid, Rc<str>)| {
            (half(*id), Topic { id: *id, name: Rc::clone(name), is_ambiguous: named[&**name] > 1 })
        };
        TopicNames { topics: all.iter().map(topic).collect() }
    }

    /// The name of a topic, which others may have, too.
    pub fn name(&self, id: Uuid) -> Option<&str> {
        self.topics.get(&half(id)).map(|topic| &*topic.name)
    }

    /// A topic: its name, with a prefix of its id if others have the same name; only a prefix of its id if its name is
    /// not known.
    pub fn topic(&self, id: Uuid) -> String {
        self.of_half(half(id), "")
    }

    /// The same of a partition.
    pub fn partition(&self, of: PartitionTag) -> String {
        self.of_half(of.topic, &format!("-{}", of.partition))
    }

    fn of_half(&self, half: u64, partition: &str) -> String {
        match self.topics.get(&half) {
            Some(Topic { name, is_ambiguous: false, .. }) => format!("{name}{partition}"),
            Some(Topic { name, .. }) => format!("{name}{partition} (topic id {}…)", short(half)),
            None => format!("{}…{partition}", short(half)),
        }
    }

    /// The partitions of known topics that a text names, as `topic-0` or as metadata records do (`partitionId=0
    /// topic=topic`); without repetitions.
    pub fn partitions_in(&self, text: &str) -> Vec<String> {
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_partition = |word: &&str| {
            word.rsplit_once('-').is_some_and(|(topic, index)| {
                let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
                is_index && self.topics.values().any(|known| *known.name == *topic)
            })
        };
        let words = text.split(|c| !of_name(c)).map(|word| word.trim_end_matches('.')).filter(is_partition);
        let of_record = |rest: &str| {
            let (index, rest) = rest.split_once(" topic=")?;
            let topic = &rest[..rest.find(|c| !of_name(c)).unwrap_or(rest.len())];
            Some(format!("{topic}-{}", index.parse::<u32>().ok()?))
        };
        let of_records = text.split("partitionId=").skip(1).filter_map(of_record);
        words.map(str::to_owned).chain(of_records).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// A text of the checks, with partition names instead of the output of [`TopicIdPartition`].
    pub fn in_text(&self, text: &str) -> String {
        self.topics.values().fold(text.to_owned(), |text, topic| topic.in_text(&text))
    }
}

impl Topic {
    fn in_text(&self, text: &str) -> String {
        let id = format!("{}-", self.id);
        let mut parts = text.split(&id);
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (partition, rest) = part.split_at(digits);
            let with_id = if self.is_ambiguous { format!(" (topic id {})", self.id) } else { String::new() };
            named += &format!("{}-{partition}{with_id}{rest}", self.name);
        }
        named
    }
}

/// The first half of an id, as in observations.
fn half(id: Uuid) -> u64 {
    PartitionTag::from(TopicIdPartition { topic_id: id, partition: 0 }).topic
}

/// The characters of an id that its first half determines.
fn short(half: u64) -> String {
    let mut id = Uuid::ZERO;
    id.0[..8].copy_from_slice(&half.to_be_bytes());
    id.to_string().chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_have_names_and_ids_only_where_names_are_not_enough() {
        let id = |byte: u8| Uuid([byte; 16]);
        let (events, old, new, unknown) = (id(1), id(2), id(3), id(4));
        let name = |name: &str| Rc::from(name);
        let names = TopicNames::new([(events, name("events")), (old, name("log")), (new, name("log"))]);
        let partition = |topic_id, partition| TopicIdPartition { topic_id, partition };
        let text = format!(
            "partition {}: a, partition {}: b, {}",
            partition(events, 12),
            partition(new, 0),
            partition(unknown, 0)
        );
        let named = format!("partition events-12: a, partition log-0 (topic id {new}): b, {unknown}-0");
        assert_eq!(names.in_text(&text), named);
        assert_eq!(names.partition(partition(events, 12).into()), "events-12");
        assert_eq!(names.partition(partition(new, 0).into()), format!("log-0 (topic id {}…)", &new.to_string()[..10]));
        assert_eq!(names.partition(partition(unknown, 7).into()), format!("{}…-7", &unknown.to_string()[..10]));
        assert_eq!(names.topic(events), "events");
    }
}
