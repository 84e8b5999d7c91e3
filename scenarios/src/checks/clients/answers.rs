//! What each admin answer proves: the committed metadata between call and return, or a state that
//! the answer shows (controller-broker.md §2.9, §4.1, §4.2, §4.8, §4.10).

use crate::checks::prelude::*;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

use raft::ids::NodeId;
use raft::message::ErrorCode;
use raft::message::admin::{CreatableTopic, CreatePartitionsTopic, DeleteTopicState};

use super::metadata::{Configs, Led, Metadata, Resource, TOPIC_RESOURCE, sum_of};
use super::requested::{RequestEntry, SUBTRACT, Wish, alterations, altered};
use super::timelines::Timelines;

claim! {
    /// A committed admin operation takes effect, in the order of commits, between its call and its return,
    /// and its answer describes its effect.
    LinearizableAdmin, Safety of History, "Herlihy and Wing; commit offsets order the operations";
    /// An answer that needs no commit shows a state that is not older than any state that its connection
    /// showed before.
    StaleAdminAnswer, Safety of History, "controller-broker.md §2.1, §4.1, §4.2: some state at or after what was seen";
}

/// The earliest state that an answer may show (a later one need not have been seen), if it shows any, and whether no
/// state since the call fits it, too; or the claim that it breaks, and how.
pub(super) type Proof = Result<Option<(i64, bool)>, (&'static Claim, String)>;

fn wrong(what: String) -> Proof {
    Err((&LinearizableAdmin::CLAIM, what))
}

fn made(state: i64) -> Proof {
    Ok(Some((state, false)))
}

/// Does a request that was executed fail so if it is executed again, or if another operation has
/// undone it meanwhile?
pub(super) fn repeats(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::TopicAlreadyExists
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InvalidPartitions
            | ErrorCode::InvalidReplicationFactor
            | ErrorCode::InvalidReplicaAssignment
            | ErrorCode::BrokerIdNotRegistered
    )
}

fn led_text(led: &Option<Led>) -> String {
    led.map_or_else(
        || "no such partition".to_owned(),
        |led| format!("leader {}, preferred {}", led.leader, led.preferred),
    )
}

fn configs_text(configs: &Configs) -> String {
    let texts: Vec<String> = configs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if texts.is_empty() { "no configs".to_owned() } else { texts.join(" ") }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// Where the committed metadata ended at the call.
    pub called_at: i64,
    /// The state that the client had seen over the same link.
    pub floor: i64,
    /// Where the committed metadata ends at the return.
    pub end: i64,
}

impl When {
    /// Of an answer that shows a state; `first` gives the first in a range that fits it.
    fn shown(self, first: impl Fn(RangeInclusive<i64>) -> Option<i64>) -> Option<(i64, bool)> {
        Some((first(self.floor..=self.end)?, first(self.called_at.max(self.floor)..=self.end).is_none()))
    }

    /// It shows a value that is such; `or` says that there is none.
    fn shows<K: Ord, T>(
        self,
        (of, key): (&Timelines<K, T>, &K),
        is_such: impl Fn(&T) -> bool,
        or: fmt::Arguments<'_>,
        value: impl Fn(&T) -> String,
    ) -> Proof {
        let shown = self.shown(|states| of.first(key, states, &is_such));
        shown.map(Some).ok_or_else(|| {
            let values = of.text(key, self.floor..=self.end, value);
            (&StaleAdminAnswer::CLAIM, format!("{or} ({values})"))
        })
    }
}

impl RequestEntry {
    pub(super) fn done(&self, when: When, metadata: &mut Metadata) -> Proof {
        let since_call = when.called_at..when.end;
        match &self.wish {
            Wish::Create(topic) => self.created(topic, when, metadata),
            Wish::Delete(topic) => self.deleted(topic, when, metadata),
            Wish::Grow(_) | Wish::Alter(_) if self.validate_only => Ok(None),
            Wish::Grow(CreatePartitionsTopic { name, count, .. }) => {
                let last = (Rc::clone(name), (count - 1).max(0));
                let is_added = |led: &Option<Led>| led.is_some_and(|led| !led.changed);
                let grown = metadata.partitions.made(&last, since_call, is_added);
                let what =
                    || format!("{name} is reported to have {count} partitions, but was not changed since the call");
                grown.map_or_else(|| wrong(what()), made)
            }
            // What it leaves behind holds in one state: a record of its own made that so, or it found it so and wrote
            // nothing, which a controller that is behind may do.
            Wish::Alter(request) => {
                let resource = &Resource(request.resource_type, Rc::clone(&request.resource_name));
                let alterations = alterations(request);
                let holds = |configs: &Configs| {
                    alterations.iter().all(|(name, config)| {
                        let value = configs.get(*name);
                        // SUBTRACT from what is not set leaves an empty list.
                        let is_nothing = config.config_operation == SUBTRACT && value.is_none();
                        is_nothing || altered(config, value).is_some_and(|after| after.as_ref() == value)
                    })
                };
                match when.shown(|states| metadata.configs.first(resource, states, holds)) {
                    None => wrong(format!(
                        "the alteration of {resource} is reported as successful, but no state from offset {} to {} has the change ({})",
                        when.floor,
                        when.end,
                        metadata.configs.text(resource, when.floor..=when.end, configs_text)
                    )),
                    shown => Ok(shown),
                }
            }
            Wish::Describe(request) => {
                let resource = &Resource(request.resource_type, Rc::clone(&request.resource_name));
                let floor = when.floor;
                when.shows(
                    (&metadata.configs, resource),
                    |configs| sum_of(configs) == self.configs,
                    format_args!("no state from offset {floor} on has exactly these configs of {resource}"),
                    configs_text,
                )
            }
            // Whatever a PartitionChange does, and be it to shrink an ELR, ElectLeaders answers that it was done
            // (controller-broker.md §4.8).
            Wish::Elect { name, partition, .. } => {
                let is_changed = |led: &Option<Led>| led.is_some_and(|led| led.changed);
                match metadata.partitions.made(&(Rc::clone(name), *partition), since_call, is_changed) {
                    Some(_) => Ok(None),
                    None => wrong(format!(
                        "{name}-{partition} is reported to have a new leader, but was not changed since the call"
                    )),
                }
            }
            Wish::Unregister(broker) => match metadata.registered.made(broker, since_call, |registered| !registered) {
                Some(_) => made(when.called_at),
                None => wrong(format!("broker {broker} is reported unregistered, but was not since the call")),
            },
        }
    }

    fn created(&self, topic: &CreatableTopic, when: When, metadata: &mut Metadata) -> Proof {
        let (name, id) = (&topic.name, self.topic_id);
        let life = metadata.by_id(id).map(|life| &mut metadata.lives[life]);
        let life = match life {
            None if self.validate_only => return Ok(None),
            Some(_) if self.validate_only => {
                return wrong(format!("creating {name} was only to be validated, and is committed as {id}"));
            }
            None => return wrong(format!("{name} is reported created as {id}, but that is not committed")),
            Some(life) => life,
        };
        if std::mem::replace(&mut life.creation_reported, true) {
            return wrong(format!("{name} is reported created a second time, as {id}"));
        }
        if life.created < when.called_at {
            return wrong(format!("{name} is reported created as {id}, committed at {} before the call", life.created));
        }
        let configs = topic.configs.iter().filter_map(|config| Some((&config.name, config.value.as_ref()?)));
        let partitions = match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len(),
            requested => usize::try_from(requested).unwrap_or(1),
        };
        let factor = match topic.assignments.first() {
            Some(assignment) => assignment.broker_ids.len(),
            None => usize::try_from(topic.replication_factor).unwrap_or(life.replication_factor),
        };
        let as_requested = life.name == *name
            && life.initial >= partitions
            && life.replication_factor == factor
            && life.initial_configs == sum_of(configs);
        if !as_requested {
            return wrong(format!(
                "topic {name}: {partitions} partitions with replication factor {factor} were requested; \
                 {} with {}, or other configs, are committed",
                life.initial, life.replication_factor
            ));
        }
        made(life.created + 1)
    }

    fn deleted(&self, topic: &DeleteTopicState, when: When, metadata: &mut Metadata) -> Proof {
        let id = self.topic_id;
        let requested = match &topic.name {
            Some(name) => format!("topic {name}"),
            None => format!("topic id {}", topic.topic_id),
        };
        let Some(life) = metadata.by_id(id).map(|life| &mut metadata.lives[life]) else {
            return wrong(format!("{requested} is reported deleted as {id}, which was never created"));
        };
        if std::mem::replace(&mut life.deletion_reported, true) {
            return wrong(format!("{requested} is reported deleted a second time, as {id}"));
        }
        let meant = topic.name.as_ref().map_or(topic.topic_id == id, |name| *name == life.name);
        match life.removed {
            Some(removed) if meant && removed >= when.called_at => made(removed + 1),
            removed => wrong(format!(
                "{requested} is reported deleted as {id}; {} was removed at offset: {}",
                life.name,
                or_none(removed)
            )),
        }
    }

    /// It was refused: some state must be a reason.
    pub(super) fn refused(&self, error: ErrorCode, when: When, metadata: &Metadata) -> Proof {
        let Metadata { names, partitions, .. } = metadata;
        let floor = when.floor;
        let id_text = |life: &Option<usize>| match life {
            Some(life) => format!("topic id {}", metadata.lives[*life].id),
            None => "no such topic".to_owned(),
        };
        let unknown = matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
        let name = match &self.wish {
            Wish::Create(CreatableTopic { name, .. }) if error == ErrorCode::TopicAlreadyExists => {
                let or = format_args!("{name} is reported, but exists in no state from offset {floor} on");
                return when.shows((names, name), Option::is_some, or, id_text);
            }
            Wish::Grow(CreatePartitionsTopic { name, count, .. })
                if error == ErrorCode::InvalidPartitions && *count > 0 =>
            {
                let last = (Rc::clone(name), count - 1);
                let or = format_args!(
                    "{name} is reported with {count} partitions, but has that number in no state from offset {floor} on"
                );
                return when.shows((partitions, &last), Option::is_some, or, led_text);
            }
            Wish::Unregister(broker) if error == ErrorCode::BrokerIdNotRegistered => {
                let or = format_args!(
                    "broker {broker} is reported unknown, but is registered in all states from offset {floor} on"
                );
                let text = |registered: &bool| if *registered { "registered" } else { "not registered" }.to_owned();
                return when.shows((&metadata.registered, broker), |registered| !registered, or, text);
            }
            // By KIP-460's rules.
            Wish::Elect { preferred, name, partition } => {
                let of = (Rc::clone(name), *partition);
                let is_led =
                    |led: &Led| if *preferred { led.leader == led.preferred } else { led.leader != NodeId::NONE };
                let is_reason = |led: &Option<Led>| match error {
                    ErrorCode::ElectionNotNeeded => led.is_some_and(|led| is_led(&led)),
                    ErrorCode::PreferredLeaderNotAvailable | ErrorCode::EligibleLeadersNotAvailable => {
                        led.is_some_and(|led| !is_led(&led))
                    }
                    ErrorCode::UnknownTopicOrPartition => led.is_none(),
                    _ => true,
                };
                let or = format_args!("{name}-{partition}: {error}, but no state from offset {floor} on explains that");
                return when.shows((partitions, &of), is_reason, or, led_text);
            }
            Wish::Delete(DeleteTopicState { name, topic_id }) => {
                let life = || metadata.by_id(*topic_id).map(|life| &metadata.lives[life].name);
                name.as_ref().or_else(life)
            }
            Wish::Grow(topic) => Some(&topic.name),
            Wish::Alter(request) if request.resource_type == TOPIC_RESOURCE => Some(&request.resource_name),
            Wish::Describe(request) if request.resource_type == TOPIC_RESOURCE => Some(&request.resource_name),
            _ => None,
        };
        match name.filter(|_| unknown) {
            Some(name) => {
                let or = format_args!("{name} is reported unknown, but exists in all states from offset {floor} on");
                when.shows((names, name), Option::is_none, or, id_text)
            }
            None => Ok(None),
        }
    }
}
