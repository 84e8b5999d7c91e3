//! Topics and configs as objects.
//!
//! Brokers forward requests of admin clients to the active controller, and do so again when the link to it
//! breaks (controller-broker.md §5.7), which no client sees. So an attempt may be executed once more
//! than its answer says, also one that was refused because it had been executed before; and twice more
//! if others may undo it meanwhile (a topic is deleted, created anew by another client, and
//! deleted again by the same request). Answers that
//! needed no record show some state at or before the answer, maybe an old one (controller-broker.md §2.1): a
//! description, what exists already; and an alteration that found things as they should be wrote none.
//! What a history can then contradict: creations and deletions of a name that do not alternate, configs
//! that no order of the alterations leaves behind, partitions that nobody requested.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wgl::Operation;
use crate::wgl::interned::Object;

/// What was requested, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminOp {
    /// By the client.
    #[serde(rename = "asked")]
    pub requested: AdminAction,
    /// `None` if no answer says whether it was done.
    pub answered: Option<Answered>,
}

/// What an entry of an admin request requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminAction {
    /// CreateTopics.
    Create {
        /// If the request says.
        partitions: Option<u32>,
        /// Set from the start.
        configs: BTreeMap<String, String>,
    },
    /// DeleteTopics.
    Delete,
    /// CreatePartitions.
    Grow {
        /// How many there shall be.
        partitions: u32,
    },
    /// IncrementalAlterConfigs; the last change of each name.
    Alter(BTreeMap<String, Change>),
    /// DescribeConfigs.
    Describe,
}

/// A change of one config.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// To this.
    Set(String),
    /// To nothing.
    Delete,
    /// With these items, divided by commas, behind those of the list.
    Append(String),
    /// Without these.
    Subtract(String),
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answered {
    /// Done; of a topic with this id, if the answer has it.
    Done {
        /// Of the topic.
        id: Option<String>,
    },
    /// These are set.
    Described(BTreeMap<String, String>),
    /// Definitely not done by the execution that is answered.
    Refused {
        /// Kafka's name.
        error: String,
    },
}

/// Kafka's name of what a second creation is answered.
pub const TOPIC_ALREADY_EXISTS: &str = "TopicAlreadyExists";
/// Kafka's name of what a second growth is answered.
pub const INVALID_PARTITIONS: &str = "InvalidPartitions";
/// Errors that an execution meets because an earlier one has done what is requested.
const REPEATED: [&str; 6] = [
    TOPIC_ALREADY_EXISTS,
    INVALID_PARTITIONS,
    "UnknownTopicOrPartition",
    "UnknownTopicId",
    "InvalidReplicationFactor",
    "InvalidReplicaAssignment",
];

/// A step of the object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is created; the id is known if an answer had it.
    Create(Option<String>, Option<u32>, BTreeMap<String, String>),
    /// It ends.
    Delete(Option<String>),
    /// It has more partitions.
    Grow(u32),
    /// Its configs change.
    Alter(BTreeMap<String, Change>),
    /// It exists.
    Exists,
    /// It has so many partitions, or more.
    Has(u32),
    /// Just these configs are set.
    Shows(BTreeMap<String, String>),
}

/// What each operation of one object means, step by step: those that were executed as answered, those
/// that may be executed once or twice more, and states that were shown. Beside each step the place of its
/// operation; in the order of calls.
pub fn steps_of(operations: &[&Operation<&AdminOp>]) -> (Vec<Operation<Step>>, Vec<usize>) {
    let shown = shown_values(operations);
    let mut steps: Vec<(Operation<Step>, usize)> = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let AdminOp { requested, answered } = operation.op;
        let mut push = |called: u64, returned: Option<u64>, op: Step| {
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
                push(operation.called, operation.returned, Step::Create(id.clone(), *partitions, configs.clone()));
            }
            (AdminAction::Delete, Some(Answered::Done { id })) => {
                push(operation.called, operation.returned, Step::Delete(id.clone()));
            }
            (AdminAction::Grow { partitions }, Some(Answered::Done { .. })) => {
                push(operation.called, operation.returned, Step::Grow(*partitions));
            }
            (AdminAction::Create { .. }, _) if refusal == Some(TOPIC_ALREADY_EXISTS) => {
                push(0, operation.returned, Step::Exists);
            }
            (AdminAction::Grow { partitions }, _) if refusal == Some(INVALID_PARTITIONS) => {
                push(0, operation.returned, Step::Has(*partitions));
            }
            (AdminAction::Describe, Some(Answered::Described(configs))) => {
                push(0, operation.returned, Step::Shows(configs.clone()));
            }
            _ => {}
        }
    }
    steps.sort_by_key(|(step, place)| (step.called, *place));
    steps.into_iter().unzip()
}

/// May another operation undo this one while it continues? Then a second execution is not in vain.
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

/// Does the answer leave open that it was executed?
fn may_be_executed(op: &AdminOp) -> bool {
    match &op.answered {
        Some(Answered::Refused { error }) => REPEATED.contains(&error.as_str()),
        _ => true,
    }
}

/// The step of an execution that was reported to nobody. A value that no description shows is left out: it
/// explains nothing, and what follows explains as much without it.
fn executed_unseen(requested: &AdminAction, shown: &BTreeMap<&str, Vec<&str>>) -> Option<Step> {
    match requested {
        AdminAction::Create { partitions, configs } => Some(Step::Create(None, *partitions, configs.clone())),
        AdminAction::Delete => Some(Step::Delete(None)),
        AdminAction::Grow { partitions } => Some(Step::Grow(*partitions)),
        AdminAction::Alter(changes) => {
            let is_shown = |name: &str, value: &str| shown.get(name).is_some_and(|values| values.contains(&value));
            let unseen =
                |(name, change): (&String, &Change)| matches!(change, Change::Set(value) if !is_shown(name, value));
            let explains_nothing = changes.len() == 1 && changes.iter().all(unseen);
            (!explains_nothing).then(|| Step::Alter(changes.clone()))
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

/// A topic, or a broker, which is always there.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Must it be created first?
    pub is_topic: bool,
}

/// What a resource that exists is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alive {
    id: Option<String>,
    partitions: Option<u32>,
    configs: BTreeMap<String, String>,
}

impl Object for Resource {
    type State = Option<Alive>;
    type Op = Step;

    fn initial(&self) -> Option<Alive> {
        (!self.is_topic).then(|| Alive { id: None, partitions: None, configs: BTreeMap::new() })
    }

    fn step(&self, state: &Option<Alive>, step: &Step) -> Option<Option<Alive>> {
        let Some(alive) = state else {
            return match step {
                Step::Create(id, partitions, configs) => {
                    Some(Some(Alive { id: id.clone(), partitions: *partitions, configs: configs.clone() }))
                }
                _ => None,
            };
        };
        let mut next = alive.clone();
        match step {
            Step::Create(..) => return None,
            Step::Delete(id) => {
                let is_it = alive.id.as_ref().zip(id.as_ref()).is_none_or(|(alive, reported)| alive == reported);
                return is_it.then_some(None);
            }
            Step::Grow(partitions) => {
                next.partitions = Some(*partitions).filter(|more| alive.partitions.is_none_or(|had| had < *more));
                next.partitions?;
            }
            Step::Alter(changes) => changes.iter().for_each(|(name, change)| change.apply(name, &mut next.configs)),
            Step::Exists => {}
            Step::Has(partitions) if alive.partitions.is_some_and(|has| has < *partitions) => return None,
            Step::Has(_) => {}
            Step::Shows(configs) if *configs != alive.configs => return None,
            Step::Shows(_) => {}
        }
        Some(Some(next))
    }

    fn only_reads(&self, step: &Step) -> bool {
        matches!(step, Step::Exists | Step::Has(_) | Step::Shows(_))
    }
}

impl Change {
    /// What it makes of what is set (controller-broker.md §4.10).
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
