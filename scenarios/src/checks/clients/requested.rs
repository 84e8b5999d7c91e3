//! What entries of admin requests want, and which records of the metadata log they may bring about.

use crate::checks::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{NodeId, Uuid};
use raft::message::AdminRequest;
use raft::message::admin::{AlterConfigsResource, AlterableConfig, CreatableTopic, CreatePartitionsTopic};
use raft::message::admin::{DeleteTopicState, DescribeConfigsResource};

use super::metadata::{Effect, Resource};

claim! {
    /// Every record of the metadata log was requested by an attempt that did not definitely fail.
    UnaskedMetadata, Safety of History, "a closed list of definite failures; controller-broker.md §2.9";
}

/// AlterConfigOp.OpType.SUBTRACT
pub const SUBTRACT: i8 = 3;

/// What an alteration makes of a value (controller-broker.md §4.10); `None` for one that no controller accepts.
pub fn altered(config: &AlterableConfig, stored: Option<&Rc<str>>) -> Option<Option<Rc<str>>> {
    let stored = stored.into_iter().flat_map(|list| list.split(',')).filter(|item| !item.is_empty());
    let mut items: Vec<&str> = stored.collect();
    match (config.config_operation, &config.value) {
        (0, Some(value)) => return Some(Some(Rc::clone(value))),
        (1, _) => return Some(None),
        (2, Some(added)) => {
            for item in added.split(',') {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        (SUBTRACT, Some(removed)) => items.retain(|item| !removed.split(',').any(|other| other == *item)),
        _ => return None,
    }
    Some(Some(items.join(",").into()))
}

/// The last alteration of each config.
pub fn alterations(request: &AlterConfigsResource) -> BTreeMap<&Rc<str>, &AlterableConfig> {
    let accepted = request.configs.iter().filter(|config| altered(config, None).is_some());
    accepted.map(|config| (&config.name, config)).collect()
}

#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Create(CreatableTopic),
    Delete(DeleteTopicState),
    Grow(CreatePartitionsTopic),
    Alter(AlterConfigsResource),
    Describe(DescribeConfigsResource),
    Elect { preferred: bool, name: Rc<str>, partition: i32 },
    Unregister(NodeId),
}

impl Wish {
    /// Does this record do what is wanted, or some of it?
    pub fn may_make(&self, effect: &Effect) -> bool {
        match (self, effect) {
            (Wish::Create(topic), Effect::Created { name, .. }) => topic.name == *name,
            (Wish::Delete(topic), Effect::Deleted { name, id }) => match &topic.name {
                Some(wanted) => wanted == name,
                None => topic.topic_id == *id,
            },
            (Wish::Grow(topic), Effect::Added { name, partition }) => topic.name == *name && topic.count > *partition,
            (Wish::Alter(request), Effect::Configured { resource, name, before, after }) => {
                Resource(request.resource_type, Rc::clone(&request.resource_name)) == *resource
                    && alterations(request)
                        .get(name)
                        .is_some_and(|config| altered(config, before.as_ref()).as_ref() == Some(after))
            }
            (Wish::Unregister(wanted), Effect::Unregistered(broker)) => wanted == broker,
            _ => false,
        }
    }
}

/// An entry of an admin request, and what its answer says of it.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    pub wish: Wish,
    pub validate_only: bool,
    /// It may change something, and was neither answered nor given up.
    pub is_open: bool,
    pub topic_id: Uuid,
    /// Sum of the configs that are described.
    pub configs: u64,
}

impl RequestEntry {
    /// The entries of a request. An election of all leaders has none, since its answer names none.
    pub fn all_of(request: &AdminRequest) -> Vec<RequestEntry> {
        use AdminRequest as Of;
        let (wishes, validate_only): (Vec<Wish>, bool) = match request {
            Of::CreateTopics(of) => (of.topics.iter().cloned().map(Wish::Create).collect(), of.validate_only),
            Of::DeleteTopics(of) => (of.topics.iter().cloned().map(Wish::Delete).collect(), false),
            Of::CreatePartitions(of) => (of.topics.iter().cloned().map(Wish::Grow).collect(), of.validate_only),
            Of::IncrementalAlterConfigs(of) => {
                (of.resources.iter().cloned().map(Wish::Alter).collect(), of.validate_only)
            }
            Of::DescribeConfigs(of) => (of.resources.iter().cloned().map(Wish::Describe).collect(), false),
            Of::ElectLeaders(of) => {
                let preferred = of.election_type == 0; // ElectionType.PREFERRED
                let topics = of.topic_partitions.iter().flat_map(|topics| topics.iter());
                let all = topics.flat_map(|topic| topic.partitions.iter().map(move |it| (&topic.topic, *it)));
                let elect = |(name, partition)| Wish::Elect { preferred, name: Rc::clone(name), partition };
                (all.map(elect).collect(), false)
            }
            // Their answers have no entries.
            Of::DescribeQuorum(_) | Of::UpdateFeatures(_) | Of::AddRaftVoter(_) | Of::RemoveRaftVoter(_) => {
                (Vec::new(), false)
            }
            Of::UnregisterBroker(of) => (vec![Wish::Unregister(of.broker_id)], false),
        };
        let (is_open, topic_id) = (!validate_only, Uuid::ZERO);
        wishes.into_iter().map(|wish| RequestEntry { wish, validate_only, is_open, topic_id, configs: 0 }).collect()
    }
}
