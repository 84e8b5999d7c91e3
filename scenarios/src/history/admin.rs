//! Topics and configs as objects.
//!
//! Brokers forward requests of admin clients to the active controller, and do so again when the link to it breaks
//! (controller-broker.md §5.7), which no client sees. So an attempt may be executed once more than its response says,
//! also one that was refused because it had been executed before; and twice more if other clients may undo it meanwhile
//! (a topic is deleted, created anew by another client, and deleted again by the same request). Responses that needed
//! no record show the state at or before the response, possibly an old one (controller-broker.md §2.1): a description,
//! or a topic that already exists. An alteration that changes nothing writes no record. What a history can then
//! contradict: creations and deletions of a name that do not alternate, configs that no order of the alterations
//! produces, partitions that no client requested.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wgl::Operation;
use crate::wgl::interned::Object;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminOp {
    #[serde(rename = "asked")]
    pub requested: AdminAction,
    /// `None` if no response says whether it was executed.
    pub answered: Option<Answered>,
}

/// What an entry of an admin request requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminAction {
    Create {
        partitions: Option<u32>,
        /// Set at the creation.
        configs: BTreeMap<String, String>,
    },
    Delete,
    /// CreatePartitions.
    Grow {
        /// The requested total.
        partitions: u32,
    },
    /// IncrementalAlterConfigs; the last change of each name.
    Alter(BTreeMap<String, Change>),
    Describe,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    Set(String),
    Delete,
    /// With these items added at the end of the comma-separated list.
    Append(String),
    /// Without these items.
    Subtract(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answered {
    /// Executed; of a topic with this id, if the response has it.
    Done { id: Option<String> },
    /// A description: exactly these configs are set.
    Described(BTreeMap<String, String>),
    /// Definitely not done by the execution that was answered.
    Refused {
        /// Kafka's name of the error.
        error: String,
    },
}

/// Kafka's name of the error of a second creation.
pub const TOPIC_ALREADY_EXISTS: &str = "TopicAlreadyExists";
/// Kafka's name of the error of a second CreatePartitions.
pub const INVALID_PARTITIONS: &str = "InvalidPartitions";
/// Errors of an execution that finds its request already executed.
const REPEATED: [&str; 6] = [
    TOPIC_ALREADY_EXISTS,
    INVALID_PARTITIONS,
    "UnknownTopicOrPartition",
    "UnknownTopicId",
    "InvalidReplicationFactor",
    "InvalidReplicaAssignment",
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminStep {
    /// It is created; the id is known if a response had it.
    Create(Option<String>, Option<u32>, BTreeMap<String, String>),
    /// It is deleted.
    Delete(Option<String>),
    /// It has more partitions.
    Grow(u32),
    /// Its configs change.
    Alter(BTreeMap<String, Change>),
    Exists,
    /// It has at least this number of partitions.
    Has(u32),
    /// Exactly these configs are set.
    Shows(BTreeMap<String, String>),
}

/// The steps that the operations of one object mean: those that were executed as answered, those that may be executed
/// once or twice more, and states that were shown. Each step comes with the place of its operation; in the order of
/// calls.
pub fn steps_of(operations: &[&Operation<&AdminOp>]) -> (Vec<Operation<AdminStep>>, Vec<usize>) {
    let shown = shown_values(operations);
    let mut steps: Vec<(Operation<AdminStep>, usize)> = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let AdminOp { requested, answered } = operation.op;
        let mut push = |called: u64, returned: Option<u64>, op: AdminStep| {
            steps.push((Operation { process: operation.process, called, returned, op }, place));
        };
        let refusal = match answered {
            Some(Answered::Refused { error }) => Some(error.as_str()),
            _ => None,
        };
        if may_be_executed(operation.op)
            && let Some(step) = executed_unseen(requested, &shown)
        {
            let again = if may_be_undone(operations, place) { 2 } else { 1 };
            (0..again).for_each(|_| push(operation.called, None, step.clone()));
        }
        match (requested, answered) {
            (AdminAction::Create { partitions, configs }, Some(Answered::Done { id })) => {
                push(operation.called, operation.returned, AdminStep::Create(id.clone(), *partitions, configs.clone()));
            }
            (AdminAction::Delete, Some(Answered::Done { id })) => {
                push(operation.called, operation.returned, AdminStep::Delete(id.clone()));
            }
            (AdminAction::Grow { partitions }, Some(Answered::Done { .. })) => {
                push(operation.called, operation.returned, AdminStep::Grow(*partitions));
            }
            (AdminAction::Create { .. }, _) if refusal == Some(TOPIC_ALREADY_EXISTS) => {
                push(0, operation.returned, AdminStep::Exists);
            }
            (AdminAction::Grow { partitions }, _) if refusal == Some(INVALID_PARTITIONS) => {
                push(0, operation.returned, AdminStep::Has(*partitions));
            }
            (AdminAction::Describe, Some(Answered::Described(configs))) => {
                push(0, operation.returned, AdminStep::Shows(configs.clone()));
            }
            _ => {}
        }
    }
    steps.sort_by_key(|(step, place)| (step.called, *place));
    steps.into_iter().unzip()
}

/// Whether another operation may undo this one while it continues; only then can a second execution have an effect.
fn may_be_undone(operations: &[&Operation<&AdminOp>], place: usize) -> bool {
    let ends = |operation: &Operation<&AdminOp>| operation.returned.unwrap_or(u64::MAX);
    let this = operations[place];
    let undoes = |other: &Operation<&AdminOp>| match (&this.op.requested, &other.op.requested) {
        (AdminAction::Create { .. }, requested) => matches!(requested, AdminAction::Delete),
        (AdminAction::Delete | AdminAction::Grow { .. }, requested) => matches!(requested, AdminAction::Create { .. }),
        (AdminAction::Alter(_), requested) => matches!(requested, AdminAction::Create { .. } | AdminAction::Alter(_)),
        (AdminAction::Describe, _) => false,
    };
    let overlaps = |other: &Operation<&AdminOp>| other.called < ends(this) && this.called < ends(other);
    let mut others = operations.iter().enumerate().filter(|(at, _)| *at != place);
    others.any(|(_, other)| undoes(other) && overlaps(other) && may_be_executed(other.op))
}

/// Whether it may have been executed, by its response.
fn may_be_executed(op: &AdminOp) -> bool {
    match &op.answered {
        Some(Answered::Refused { error }) => REPEATED.contains(&error.as_str()),
        _ => true,
    }
}

/// The step of an execution that no response reported. A value that no description shows is left out: it explains
/// nothing, and later steps explain as much without it.
fn executed_unseen(requested: &AdminAction, shown: &BTreeMap<&str, Vec<&str>>) -> Option<AdminStep> {
    match requested {
        AdminAction::Create { partitions, configs } => Some(AdminStep::Create(None, *partitions, configs.clone())),
        AdminAction::Delete => Some(AdminStep::Delete(None)),
        AdminAction::Grow { partitions } => Some(AdminStep::Grow(*partitions)),
        AdminAction::Alter(changes) => {
            let is_shown = |name: &str, value: &str| shown.get(name).is_some_and(|values| values.contains(&value));
            let unseen =
                |(name, change): (&String, &Change)| matches!(change, Change::Set(value) if !is_shown(name, value));
            let explains_nothing = changes.len() == 1 && changes.iter().all(unseen);
            (!explains_nothing).then(|| AdminStep::Alter(changes.clone()))
        }
        AdminAction::Describe => None,
    }
}

/// Every value that a description shows, by name.
fn shown_values<'a>(operations: &[&Operation<&'a AdminOp>]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for operation in operations {
        if let Some(Answered::Described(configs)) = &operation.op.answered {
            for (name, value) in configs {
                shown.entry(name).or_default().push(value);
            }
        }
    }
    shown
}

/// A topic, or a broker, which always exists.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Whether it must be created first.
    pub is_topic: bool,
}

/// The state of a resource that exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alive {
    id: Option<String>,
    partitions: Option<u32>,
    configs: BTreeMap<String, String>,
}

impl Object for Resource {
    type State = Option<Alive>;
    type Op = AdminStep;

    fn initial(&self) -> Option<Alive> {
        (!self.is_topic).then(|| Alive { id: None, partitions: None, configs: BTreeMap::new() })
    }

    fn step(&self, state: &Option<Alive>, step: &AdminStep) -> Option<Option<Alive>> {
        let Some(alive) = state else {
            return match step {
                AdminStep::Create(id, partitions, configs) => {
                    Some(Some(Alive { id: id.clone(), partitions: *partitions, configs: configs.clone() }))
                }
                _ => None,
            };
        };
        let mut next = alive.clone();
        match step {
            AdminStep::Create(..) => return None,
            AdminStep::Delete(id) => {
                let is_it = alive.id.as_ref().zip(id.as_ref()).is_none_or(|(alive, reported)| alive == reported);
                return is_it.then_some(None);
            }
            AdminStep::Grow(partitions) => {
                next.partitions = Some(*partitions).filter(|more| alive.partitions.is_none_or(|had| had < *more));
                next.partitions?;
            }
            AdminStep::Alter(changes) => {
                changes.iter().for_each(|(name, change)| change.apply(name, &mut next.configs))
            }
            AdminStep::Exists => {}
            AdminStep::Has(partitions) if alive.partitions.is_some_and(|has| has < *partitions) => return None,
            AdminStep::Has(_) => {}
            AdminStep::Shows(configs) if *configs != alive.configs => return None,
            AdminStep::Shows(_) => {}
        }
        Some(Some(next))
    }

    fn only_reads(&self, step: &AdminStep) -> bool {
        matches!(step, AdminStep::Exists | AdminStep::Has(_) | AdminStep::Shows(_))
    }
}

impl Change {
    /// Applies the change (controller-broker.md §4.10).
    fn apply(&self, name: &str, configs: &mut BTreeMap<String, String>) {
        let items = |list: &str| -> Vec<String> {
            list.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        let stored = configs.get(name).map(|list| items(list)).unwrap_or_default();
        let after = match self {
            Change::Set(value) => Some(value.clone()),
            Change::Delete => None,
            Change::Append(added) => {
                let mut list = stored;
                for item in items(added) {
                    if !list.contains(&item) {
                        list.push(item);
                    }
                }
                Some(list.join(","))
            }
            Change::Subtract(received) => {
                let received = items(received);
                Some(stored.into_iter().filter(|item| !received.contains(item)).collect::<Vec<_>>().join(","))
            }
        };
        match after {
            Some(value) => configs.insert(name.to_owned(), value),
            None => configs.remove(name),
        };
    }
}
