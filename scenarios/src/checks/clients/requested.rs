//! Who may have asked for a record of the metadata log: what admin attempts want, for as long as
//! they may still bring it about.
//!
//! A wish is open while its attempt is; after an answer that leaves it open it may come true at any
//! time; after success or a definite failure it cannot any more. A committed record needs a wish
//! that was open or undecided, and if only open ones speak for it, one of them must not turn out to
//! have failed.

use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::ids::{NodeId, Uuid};

use super::metadata::{Effect, Resource, resource_name};
use super::topics::Topics;

claim! {
    /// Every record of the metadata log was requested by an attempt that did not definitely fail.
    UnaskedMetadata, Safety of History, "a closed list of definite failures; controller-broker.md §2.9";
}

/// What is to be done to one config.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// SET
    Set(Rc<str>),
    /// DELETE
    Delete,
    /// APPEND these items, divided by commas.
    Append(Rc<str>),
    /// SUBTRACT these.
    Subtract(Rc<str>),
}

impl Change {
    /// Of `AlterableConfig.config_operation`; `None` for what no controller accepts.
    pub fn of(operation: i8, value: Option<&Rc<str>>) -> Option<Change> {
        match (operation, value.cloned()) {
            (0, Some(value)) => Some(Change::Set(value)),
            (1, _) => Some(Change::Delete),
            (2, Some(value)) => Some(Change::Append(value)),
            (3, Some(value)) => Some(Change::Subtract(value)),
            _ => None,
        }
    }

    /// What it makes of a value (controller-broker.md §4.10).
    pub fn apply(&self, stored: Option<&Rc<str>>) -> Option<Rc<str>> {
        let items = || -> Vec<&str> {
            stored.map(|list| list.split(',').filter(|item| !item.is_empty()).collect()).unwrap_or_default()
        };
        match self {
            Change::Set(value) => Some(Rc::clone(value)),
            Change::Delete => None,
            Change::Append(added) => {
                let mut items = items();
                for item in added.split(',') {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                Some(items.join(",").into())
            }
            Change::Subtract(received) => {
                let mut items = items();
                items.retain(|item| !received.split(',').any(|gone| gone == *item));
                Some(items.join(",").into())
            }
        }
    }
}

/// What an entry of an admin request wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// CreateTopics.
    Create(Rc<str>),
    /// DeleteTopics, by name.
    Delete(Rc<str>),
    /// DeleteTopics, by id.
    DeleteId(Uuid),
    /// CreatePartitions: up to so many.
    Grow(Rc<str>, i32),
    /// IncrementalAlterConfigs: of a resource, of a name.
    Alter(Resource, Rc<str>, Change),
    /// UnregisterBroker.
    Unregister(NodeId),
}

/// Client, attempt, entry.
pub type Asker = (usize, u32, u16);

/// A record for which only open attempts speak.
#[derive(Clone, Debug)]
struct Waiting {
    what: String,
    created: Option<usize>,
    askers: Vec<Asker>,
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Done; a creation made this topic.
    Done(Option<usize>),
    /// It may be done, or yet to be done.
    Undecided,
    /// It has done nothing.
    Failed,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct RequestedChanges {
    open: BTreeMap<Wish, BTreeSet<Asker>>,
    undecided: BTreeSet<Wish>,
    waiting: BTreeMap<i64, Waiting>,
    waits_for: BTreeMap<Asker, Vec<i64>>,
}

impl RequestedChanges {
    /// An entry is asked for.
    pub fn asks(&mut self, asker: Asker, wish: Wish) {
        self.open.entry(wish).or_default().insert(asker);
    }

    /// An entry has ended, with all that it wanted.
    pub fn ended(&mut self, asker: Asker, wishes: &[Wish], ended: Ended, verdict: &mut Verdict) {
        for wish in wishes {
            if let Some(askers) = self.open.get_mut(wish) {
                askers.remove(&asker);
                if askers.is_empty() {
                    self.open.remove(wish);
                }
            }
            if ended == Ended::Undecided {
                self.undecided.insert(wish.clone());
            }
        }
        for offset in self.waits_for.remove(&asker).unwrap_or_default() {
            let Some(record) = self.waiting.get_mut(&offset) else { continue };
            let speaks = match ended {
                Ended::Done(created) => created.is_none() || created == record.created,
                Ended::Undecided => true,
                Ended::Failed => false,
            };
            if speaks {
                self.waiting.remove(&offset);
                continue;
            }
            record.askers.retain(|other| *other != asker);
            if record.askers.is_empty() {
                let Waiting { what, .. } = self.waiting.remove(&offset).expect("it was just found");
                verdict.fail(&UnaskedMetadata::CLAIM, || {
                    format!("{what} is committed at offset {offset}, but the attempt that requested it definitely failed or made another record")
                });
            }
        }
    }

    /// A record is committed; somebody must have asked for it.
    pub fn committed(&mut self, offset: i64, effect: &Effect, topics: &Topics, verdict: &mut Verdict) {
        let (what, created, wishes) = match effect {
            Effect::Internal => return,
            Effect::Created(life) => {
                let name = &topics.lives[*life].name;
                (format!("topic {name}"), Some(*life), vec![Wish::Create(Rc::clone(name))])
            }
            Effect::Deleted(life) => {
                let life = &topics.lives[*life];
                let wishes = vec![Wish::Delete(Rc::clone(&life.name)), Wish::DeleteId(life.id)];
                (format!("the deletion of {}", life.name), None, wishes)
            }
            Effect::Added(life, partition) => {
                let name = &topics.lives[*life].name;
                let more = Wish::Grow(Rc::clone(name), i32::try_from(partition + 1).unwrap_or(i32::MAX));
                let most = Wish::Grow(Rc::clone(name), i32::MAX);
                let open = self.open.range(&more..=&most).map(|(wish, _)| wish.clone());
                let undecided = self.undecided.range(&more..=&most).next().cloned();
                (format!("partition {partition} of {name}"), None, open.chain(undecided).collect())
            }
            Effect::Configured(resource, name, before, after) => {
                let first = Wish::Alter(resource.clone(), Rc::clone(name), Change::Set("".into()));
                let of_this = |wish: &&Wish| matches!(wish, Wish::Alter(r, n, _) if r == resource && n == name);
                let open = self.open.range(&first..).map(|(wish, _)| wish).take_while(of_this);
                let undecided = self.undecided.range(&first..).take_while(of_this);
                let makes = |wish: &&Wish| match wish {
                    Wish::Alter(_, _, change) => change.apply(before.as_ref()) == *after,
                    _ => false,
                };
                let wishes = open.chain(undecided).filter(makes).cloned().collect();
                (
                    format!(
                        "{name} = {} of {} (before: {})",
                        or_none(after.as_ref()),
                        resource_name(resource),
                        or_none(before.as_ref())
                    ),
                    None,
                    wishes,
                )
            }
            Effect::Unregistered(broker) => {
                (format!("the end of broker {broker}"), None, vec![Wish::Unregister(*broker)])
            }
        };
        if wishes.iter().any(|wish| self.undecided.contains(wish)) {
            return;
        }
        let open = wishes.iter().filter_map(|wish| self.open.get(wish)).flatten();
        let askers: Vec<Asker> = open.copied().collect();
        if askers.is_empty() {
            return verdict.fail(&UnaskedMetadata::CLAIM, || {
                format!("{what} is committed at offset {offset}, but no client requested it, or the request was definitely refused")
            });
        }
        for asker in &askers {
            self.waits_for.entry(*asker).or_default().push(offset);
        }
        self.waiting.insert(offset, Waiting { what, created, askers });
    }
}
