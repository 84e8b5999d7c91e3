//! What each admin answer proves: the committed metadata between call and return, or a state that
//! the answer shows (controller-broker.md §2.9, §4.1, §4.2, §4.8, §4.10).

use super::admin::{Around, Attempt};
use super::metadata::{Resource, config_hash, first_absent, first_alive, resource_name};
use super::requested::{Change, Wish};
use crate::checks::prelude::*;
use raft::client::text_hash;
use raft::ids::{NodeId, Uuid};
use raft::message::admin::{AlterConfigsResource, CreatableTopic, DeleteTopicState, ElectLeadersRequest};
use raft::message::{AdminRequest, ErrorCode};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

claim! {
    /// A committed admin operation takes effect, in the order of commits, between its call and its return,
    /// and its answer describes its effect.
    LinearizableAdmin, Safety of History, "Herlihy and Wing; commit offsets order the operations";
    /// An answer that needs no commit shows a state that is not older than any state that its connection
    /// showed before.
    StaleAdminAnswer, Safety of History, "controller-broker.md §2.1, §4.1, §4.2: some state at or after what was seen";
}

/// ElectLeaders: ElectionType.PREFERRED
const PREFERRED: i8 = 0;

/// What an entry's answer proves.
pub(super) enum Proof {
    /// It is right, and shows a state at or after this one; none since the call if it is stale.
    State { state: i64, stale: bool },
    /// It is right, and says nothing of a state.
    Nothing,
    /// It cannot be.
    Wrong(&'static Claim, String),
}

fn wrong(what: String) -> Proof {
    Proof::Wrong(&LinearizableAdmin::CLAIM, what)
}

/// It was done, and made this state.
fn made(state: i64) -> Proof {
    Proof::State { state, stale: false }
}

/// What each entry of a request wants; nothing if it is only to be validated.
pub(super) fn wishes_of(request: &AdminRequest) -> BTreeMap<u16, Vec<Wish>> {
    let entries: Vec<Vec<Wish>> = match request {
        AdminRequest::CreateTopics(request) if !request.validate_only => {
            request.topics.iter().map(|topic| vec![Wish::Create(Rc::clone(&topic.name))]).collect()
        }
        AdminRequest::DeleteTopics(request) => {
            let wish = |topic: &DeleteTopicState| match &topic.name {
                Some(name) => Wish::Delete(Rc::clone(name)),
                None => Wish::DeleteId(topic.topic_id),
            };
            request.topics.iter().map(|topic| vec![wish(topic)]).collect()
        }
        AdminRequest::CreatePartitions(request) if !request.validate_only => {
            request.topics.iter().map(|topic| vec![Wish::Grow(Rc::clone(&topic.name), topic.count)]).collect()
        }
        AdminRequest::IncrementalAlterConfigs(request) if !request.validate_only => {
            let wish = |resource: &AlterConfigsResource| {
                let of: Resource = (resource.resource_type, Rc::clone(&resource.resource_name));
                let changes = changes_of(resource).into_iter();
                changes.map(|(name, change)| Wish::Alter(of.clone(), name, change)).collect()
            };
            request.resources.iter().map(wish).collect()
        }
        AdminRequest::UnregisterBroker(request) => vec![vec![Wish::Unregister(request.broker_id)]],
        _ => Vec::new(),
    };
    (0..).zip(entries).collect()
}

/// The last change of each config.
fn changes_of(resource: &AlterConfigsResource) -> BTreeMap<Rc<str>, Change> {
    let change = |config: &raft::message::admin::AlterableConfig| {
        let change = Change::of(config.config_operation, config.value.as_ref())?;
        Some((Rc::clone(&config.name), change))
    };
    resource.configs.iter().filter_map(change).collect()
}

/// Kind of operation by its api key, as counted.
pub(super) fn kind(api_key: i16) -> &'static str {
    match api_key {
        19 => "create_topic",
        20 => "delete_topic",
        32 => "describe_configs",
        37 => "create_partitions",
        43 => "elect_leaders",
        44 => "alter_configs",
        64 => "unregister_broker",
        _ => "other_admin",
    }
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

impl Attempt {
    /// A state that the answer shows, from `floor` on, or none that fits.
    fn shown(
        &self,
        (floor, end): (i64, i64),
        first: impl Fn(RangeInclusive<i64>) -> Option<i64>,
        what: impl FnOnce() -> String,
    ) -> Proof {
        match first(floor..=end) {
            Some(state) => Proof::State { state, stale: first(self.called_at.max(floor)..=end).is_none() },
            None => Proof::Wrong(&StaleAdminAnswer::CLAIM, what()),
        }
    }

    /// An entry was done.
    pub(super) fn done(&self, index: u16, floor: i64, around: &mut Around<'_>) -> Proof {
        let at = usize::from(index);
        let topic_id = self.topic_ids.get(&index).copied().unwrap_or(Uuid::ZERO);
        let Some(request) = &self.request else { return Proof::Nothing };
        match request {
            AdminRequest::CreateTopics(request) => match request.topics.get(at) {
                Some(topic) => self.created(topic, topic_id, request.validate_only, around),
                None => Proof::Nothing,
            },
            AdminRequest::DeleteTopics(request) => match request.topics.get(at) {
                Some(topic) => self.deleted(topic, topic_id, around),
                None => Proof::Nothing,
            },
            AdminRequest::CreatePartitions(request) if !request.validate_only => match request.topics.get(at) {
                Some(topic) => self.grown(&topic.name, topic.count, around),
                None => Proof::Nothing,
            },
            AdminRequest::IncrementalAlterConfigs(request) if !request.validate_only => {
                match request.resources.get(at) {
                    Some(resource) => self.altered(resource, floor, around),
                    None => Proof::Nothing,
                }
            }
            AdminRequest::DescribeConfigs(request) => {
                let Some(requested) = request.resources.get(at) else { return Proof::Nothing };
                let resource: Resource = (requested.resource_type, Rc::clone(&requested.resource_name));
                let sum = self.config_sums.get(&index).copied().unwrap_or(0);
                let configs = around.metadata.configs(&resource);
                self.shown(
                    (floor, around.metadata.end),
                    |states| configs.first_with(sum, states),
                    || {
                        format!(
                            "no state from offset {floor} on has exactly these configs of {}",
                            resource_name(&resource)
                        )
                    },
                )
            }
            AdminRequest::ElectLeaders(request) => self.elected(request, at, around),
            AdminRequest::UnregisterBroker(request) => {
                let broker = request.broker_id;
                if around.metadata.was_unregistered_in(broker, self.called_at..=around.metadata.end - 1) {
                    made(self.called_at)
                } else {
                    wrong(format!("broker {broker} is reported unregistered, but was not since the call"))
                }
            }
            AdminRequest::CreatePartitions(_) | AdminRequest::IncrementalAlterConfigs(_) => Proof::Nothing,
        }
    }

    fn created(&self, topic: &CreatableTopic, id: Uuid, validate_only: bool, around: &mut Around<'_>) -> Proof {
        let name = &topic.name;
        let life = around.topics.by_id(id);
        if validate_only {
            return match life {
                Some(_) => wrong(format!("creating {name} was only to be validated, and is committed as {id}")),
                None => Proof::Nothing,
            };
        }
        let Some(life) = life.map(|life| &mut around.topics.lives[life]) else {
            return wrong(format!("{name} is reported created as {id}, but that is not committed"));
        };
        if std::mem::replace(&mut life.creation_reported, true) {
            return wrong(format!("{name} is reported created a second time, as {id}"));
        }
        let configs = topic.configs.iter().filter_map(|config| {
            let value = config.value.as_deref()?;
            Some(config_hash(text_hash(&config.name), text_hash(value)))
        });
        let configs = configs.fold(0, u64::wrapping_add);
        let partitions = match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len(),
            requested => usize::try_from(requested).unwrap_or(1),
        };
        let factor = match topic.assignments.first() {
            Some(assignment) => assignment.broker_ids.len(),
            None => usize::try_from(topic.replication_factor).unwrap_or(life.replication_factor),
        };
        if life.created < self.called_at {
            return wrong(format!("{name} is reported created as {id}, committed at {} before the call", life.created));
        }
        let as_requested = life.name == *name
            && life.initial >= partitions
            && life.replication_factor == factor
            && life.initial_configs == configs;
        if !as_requested {
            return wrong(format!(
                "topic {name}: {partitions} partitions with replication factor {factor} were requested; \
                 {} with {}, or other configs, are committed",
                life.initial, life.replication_factor
            ));
        }
        made(life.created + 1)
    }

    fn deleted(&self, requested: &DeleteTopicState, id: Uuid, around: &mut Around<'_>) -> Proof {
        let Some(life) = around.topics.by_id(id).map(|life| &mut around.topics.lives[life]) else {
            return wrong(format!(
                "{} is reported deleted as {id}, which was never created",
                requested_name(requested)
            ));
        };
        if std::mem::replace(&mut life.deletion_reported, true) {
            return wrong(format!("{} is reported deleted a second time, as {id}", requested_name(requested)));
        }
        let meant = requested.name.as_ref().map_or(requested.topic_id == id, |name| *name == life.name);
        match life.removed {
            Some(removed) if meant && removed >= self.called_at => made(removed + 1),
            removed => {
                let removed = or_none(removed);
                let requested = requested_name(requested);
                wrong(format!(
                    "{requested} is reported deleted as {id}; {} was removed at offset: {removed}",
                    life.name
                ))
            }
        }
    }

    fn grown(&self, name: &Rc<str>, count: i32, around: &mut Around<'_>) -> Proof {
        let last = usize::try_from(count - 1).unwrap_or(0);
        let lives = around.topics.of_name(name).iter().map(|life| &around.topics.lives[*life]);
        let grown = lives.filter_map(|life| life.partitions.get(last)).find(|offset| **offset >= self.called_at);
        match grown.copied() {
            Some(offset) => made(offset + 1),
            None => wrong(format!("{name} is reported to have {count} partitions, but was not changed since the call")),
        }
    }

    /// What it leaves behind holds in one state: a record of its own made that so, or it found it
    /// so and wrote nothing, which a controller that is behind may do.
    fn altered(&self, resource: &AlterConfigsResource, floor: i64, around: &mut Around<'_>) -> Proof {
        let of: Resource = (resource.resource_type, Rc::clone(&resource.resource_name));
        let (changes, history) = (changes_of(resource), around.metadata.configs(&of));
        let holds = |end: &i64| {
            changes.iter().all(|(name, change)| {
                let value = history.value_at(name, *end);
                change.apply(value).as_ref() == value || is_empty_list(change, value)
            })
        };
        let end = around.metadata.end;
        // The earliest: a later one that holds, too, need not have been seen.
        match history.states(floor..=end).find(holds) {
            Some(state) => {
                let stale = !history.states(self.called_at.max(floor)..=end).any(|state| holds(&state));
                Proof::State { state, stale }
            }
            None => wrong(format!(
                "the alteration of {} is reported as successful, but no state from offset {floor} to {end} has the change",
                resource_name(&of)
            )),
        }
    }

    fn elected(&self, request: &ElectLeadersRequest, at: usize, around: &mut Around<'_>) -> Proof {
        let Some((name, partition)) = requested_election(request, at) else { return Proof::Nothing };
        let offsets = self.called_at..=around.metadata.end - 1;
        let mut lives = around.topics.of_name(name).iter();
        if lives.any(|life| around.metadata.was_changed_in((*life, partition), &offsets)) {
            Proof::Nothing
        } else {
            wrong(format!("{name}-{partition} is reported to have a new leader, but was not changed since the call"))
        }
    }

    /// An election was refused, by KIP-460's rules.
    fn not_elected(
        &self,
        (request, at): (&ElectLeadersRequest, usize),
        error: ErrorCode,
        range: (i64, i64),
        around: &mut Around<'_>,
    ) -> Proof {
        let Some(of @ (name, partition)) = requested_election(request, at) else { return Proof::Nothing };
        let (topics, metadata) = (&*around.topics, around.metadata);
        let preferred = request.election_type == PREFERRED;
        // Is it led as it is to be?
        let is_led = |leader: NodeId, first: NodeId| if preferred { leader == first } else { leader != NodeId::NONE };
        let what = || format!("{name}-{partition}: {error}, but no state from offset {} on explains that", range.0);
        match error {
            ErrorCode::ElectionNotNeeded => {
                self.shown(range, |ends| metadata.first_led(topics, of, ends, is_led), what)
            }
            ErrorCode::PreferredLeaderNotAvailable | ErrorCode::EligibleLeadersNotAvailable => self.shown(
                range,
                |ends| metadata.first_led(topics, of, ends, |leader, first| !is_led(leader, first)),
                what,
            ),
            ErrorCode::UnknownTopicOrPartition => {
                self.shown(range, |ends| topics.first_without_partition(name, partition, ends), what)
            }
            _ => Proof::Nothing,
        }
    }

    /// An entry was refused: some state must be a reason.
    pub(super) fn refused(&self, index: u16, error: ErrorCode, floor: i64, around: &mut Around<'_>) -> Proof {
        let (at, range) = (usize::from(index), (floor, around.metadata.end));
        let topics = &*around.topics;
        let unknown = matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
        let Some(request) = &self.request else { return Proof::Nothing };
        let name: Option<Rc<str>> = match request {
            AdminRequest::CreateTopics(request) => {
                let Some(topic) = request.topics.get(at) else { return Proof::Nothing };
                if error == ErrorCode::TopicAlreadyExists {
                    return self.shown(
                        range,
                        |states| first_alive(topics, &topic.name, states),
                        || format!("{} is reported, but exists in no state from offset {floor} on", topic.name),
                    );
                }
                None
            }
            AdminRequest::DeleteTopics(request) => {
                let topic = request.topics.get(at);
                let by_id = |id: Uuid| topics.by_id(id).map(|life| Rc::clone(&topics.lives[life].name));
                topic.and_then(|topic| topic.name.clone().or_else(|| by_id(topic.topic_id)))
            }
            AdminRequest::CreatePartitions(request) => {
                let Some(topic) = request.topics.get(at) else { return Proof::Nothing };
                let last = usize::try_from(topic.count - 1);
                if let (ErrorCode::InvalidPartitions, Ok(last)) = (error, last) {
                    let first = |states| topics.first_with_partition(&topic.name, last, states);
                    return self.shown(range, first, || {
                        format!(
                            "{} is reported with {} partitions, but has that number in no state from offset {floor} on",
                            topic.name, topic.count
                        )
                    });
                }
                Some(Rc::clone(&topic.name))
            }
            AdminRequest::IncrementalAlterConfigs(request) => {
                topic_name(request.resources.get(at).map(|resource| (resource.resource_type, &resource.resource_name)))
            }
            AdminRequest::DescribeConfigs(request) => {
                topic_name(request.resources.get(at).map(|resource| (resource.resource_type, &resource.resource_name)))
            }
            AdminRequest::UnregisterBroker(request) if error == ErrorCode::BrokerIdNotRegistered => {
                let broker = request.broker_id;
                return self.shown(
                    range,
                    |states| around.metadata.first_without_broker(broker, states),
                    || {
                        format!(
                            "broker {broker} is reported unknown, but is registered in all states from offset {floor} on"
                        )
                    },
                );
            }
            AdminRequest::ElectLeaders(request) => return self.not_elected((request, at), error, range, around),
            AdminRequest::UnregisterBroker(_) => None,
        };
        match name.filter(|_| unknown) {
            Some(name) => self.shown(
                range,
                |states| first_absent(topics, &name, states),
                || format!("{name} is reported unknown, but exists in all states from offset {floor} on"),
            ),
            None => Proof::Nothing,
        }
    }
}

/// Which partition's election an entry of the answer is about; none is named where all were asked for.
fn requested_election(request: &ElectLeadersRequest, at: usize) -> Option<(&str, i32)> {
    let topics = request.topic_partitions.as_ref()?.iter();
    topics.flat_map(|topic| topic.partitions.iter().map(move |partition| (&*topic.topic, *partition))).nth(at)
}

/// SUBTRACT from what is not set leaves an empty list, and an empty list as it is.
fn is_empty_list(change: &Change, value: Option<&Rc<str>>) -> bool {
    matches!(change, Change::Subtract(_)) && value.is_none()
}

fn topic_name(resource: Option<(i8, &Rc<str>)>) -> Option<Rc<str>> {
    const TOPIC_RESOURCE: i8 = 2;
    resource.filter(|(kind, _)| *kind == TOPIC_RESOURCE).map(|(_, name)| Rc::clone(name))
}

fn requested_name(requested: &DeleteTopicState) -> String {
    requested.name.as_ref().map_or_else(|| format!("topic id {}", requested.topic_id), |name| format!("topic {name}"))
}
