//! Admin clients: each attempt from its call to its answer, held against the committed metadata.
//!
//! * what an answer says was done stands in the log, at an offset that was committed between call
//!   and return: so commit offsets order operations as real time does
//! * an answer that needed no commit shows a state not older than what its client had seen by the
//!   same broker over the same link to a controller
//! * a definite failure did nothing, unless its broker changed its link to the controller
//!   meanwhile: then the request may have been executed before (controller-broker.md §5.7)
//! * one that is done may be done again later if its broker changed that link: what it forwarded
//!   first may lie in a network that was cut, and be executed when that is mended
//! * a committed record needs an entry that wants it and is open or undecided (after an answer that leaves it open it
//!   may come true at any time), and if only open ones want it, one of them must not turn out to have failed

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::client::{AttemptEvent, Outcome};
use raft::ids::NodeId;
use raft::message::{AdminRequest, ErrorCode};

use super::answers::{When, repeats};
use super::context::Context;
use super::counts::Remark;
use super::metadata::{Effect, config_hash};
use super::requested::{RequestEntry, UnaskedMetadata, Wish};

type Key = (usize, u32);

#[derive(Clone, Debug)]
struct Attempt {
    /// None until it is sent.
    entries: Vec<RequestEntry>,
    node: NodeId,
    /// Where the committed metadata ended at the call.
    called_at: i64,
    /// The node's link to the controller at the call.
    link: u32,
    kind: &'static str,
    outcome: Outcome,
}

impl Attempt {
    fn open_entries(&self) -> impl Iterator<Item = (u16, &RequestEntry)> {
        (0..).zip(&self.entries).filter(|(_, entry)| entry.is_open)
    }
}

/// A record that only open entries (attempt, index) want.
#[derive(Clone, Debug)]
struct Waiting {
    offset: i64,
    effect: Effect,
    wanted_by: Vec<(Key, u16)>,
}

#[derive(Clone, Debug, Default)]
pub struct Admins {
    bootstrap: Vec<NodeId>,
    open: BTreeMap<Key, Attempt>,
    undecided: Vec<Wish>,
    waiting: Vec<Waiting>,
    /// By broker: the connection over which it reaches the controller, and how often that has changed.
    links: BTreeMap<NodeId, (u64, u32)>,
    /// By client and broker: the link it was seen over, and the state.
    seen: BTreeMap<(usize, NodeId), (u32, i64)>,
}

impl Admins {
    pub fn new(bootstrap: &[NodeId]) -> Admins {
        Admins { bootstrap: bootstrap.to_vec(), ..Admins::default() }
    }

    pub fn forwarded(&mut self, broker: NodeId, connection: u64) {
        let (over, changes) = self.links.entry(broker).or_insert((connection, 0));
        if *over != connection {
            (*over, *changes) = (connection, *changes + 1);
        }
    }

    fn changes_of(&self, node: NodeId) -> u32 {
        self.links.get(&node).map_or(0, |(_, changes)| *changes)
    }

    /// A client sends a request: that of its newest attempt.
    pub fn sent(&mut self, client: usize, request: &AdminRequest) {
        let newest = self.open.range_mut((client, 0)..=(client, u32::MAX)).next_back();
        if let Some((_, attempt)) = newest.filter(|(_, attempt)| attempt.entries.is_empty()) {
            attempt.entries = RequestEntry::all_of(request);
        }
    }

    pub fn on(&mut self, client: usize, event: AttemptEvent, context: &mut Context<'_>) {
        match event {
            AttemptEvent::AdminInvoked { attempt, api_key, node, .. } => {
                // Before a client has metadata it calls its bootstrap servers -1, -2, ….
                let place = usize::try_from(-1 - i64::from(node.0));
                let node = place.ok().and_then(|place| self.bootstrap.get(place).copied()).unwrap_or(node);
                let (kind, link, called_at) = (kind(api_key), self.changes_of(node), context.metadata.end);
                context.counts.began(kind);
                let of = Attempt { entries: Vec::new(), node, called_at, link, kind, outcome: Outcome::Done };
                self.open.insert((client, attempt), of);
            }
            AttemptEvent::AdminTopicId { attempt, index, topic_id } => {
                if let Some(entry) = self.entry((client, attempt), index) {
                    entry.topic_id = topic_id;
                }
            }
            AttemptEvent::AdminConfig { attempt, index, name_hash, value_hash } if value_hash != 0 => {
                if let Some(entry) = self.entry((client, attempt), index) {
                    entry.configs = entry.configs.wrapping_add(config_hash(name_hash, value_hash));
                }
            }
            AttemptEvent::AdminResult { attempt, index, error, outcome } => {
                self.result((client, attempt), index, (error, outcome), context);
            }
            AttemptEvent::AdminAnswered { attempt, error } => self.answered((client, attempt), error, context),
            AttemptEvent::AdminUnknown { attempt } => self.closed((client, attempt), Some(Outcome::Unknown), context),
            _ => {}
        }
    }

    fn entry(&mut self, key: Key, index: u16) -> Option<&mut RequestEntry> {
        self.open.get_mut(&key)?.entries.get_mut(usize::from(index))
    }

    fn result(&mut self, key: Key, index: u16, (error, outcome): (ErrorCode, Outcome), context: &mut Context<'_>) {
        let Some(link) = self.open.get(&key).map(|attempt| self.changes_of(attempt.node)) else { return };
        let Some(attempt) = self.open.get_mut(&key) else { return };
        let (node, called_at, same_link) = (attempt.node, attempt.called_at, link == attempt.link);
        if outcome != Outcome::Done && attempt.outcome != Outcome::Unknown {
            attempt.outcome = outcome;
        }
        let seen = self.seen.get(&(key.0, node)).filter(|(over, _)| same_link && *over == link);
        let when = When { called_at, floor: seen.map_or(0, |(_, state)| *state), end: context.metadata.end };
        let entry = attempt.entries.get_mut(usize::from(index));
        let twice = !same_link && (outcome == Outcome::Done || outcome == Outcome::Failed && repeats(error));
        if twice {
            context.counts.remark(Remark::ForwardedTwice);
        }
        let creation = entry.as_ref().filter(|entry| matches!(entry.wish, Wish::Create(_)));
        let created = creation.and_then(|entry| context.metadata.by_id(entry.topic_id));
        let proof = match (outcome, entry) {
            (Outcome::Done, Some(entry)) => entry.done(when, context.metadata),
            (Outcome::Failed, Some(entry)) => entry.refused(error, when, context.metadata),
            _ => Ok(None),
        };
        match proof {
            Err((invariant, what)) => context.verdict.fail(invariant, || {
                let (client, number) = key;
                format!("attempt {number} of client {client} (entry {index}, at offset {called_at}): {what}")
            }),
            Ok(Some((state, stale))) => {
                if stale {
                    context.counts.remark(Remark::StaleAdminAnswer);
                }
                if same_link {
                    self.seen.insert((key.0, node), (link, state.max(when.floor)));
                }
            }
            Ok(None) => {}
        }
        let outcome = if twice { Outcome::Unknown } else { outcome };
        self.ended((key, index), outcome, created, context.verdict);
    }

    /// The answer is complete; an entry that it did not speak of is as its error says.
    fn answered(&mut self, key: Key, error: ErrorCode, context: &mut Context<'_>) {
        let outcome = match error {
            ErrorCode::None => Outcome::Done,
            ErrorCode::BrokerIdNotRegistered | ErrorCode::PolicyViolation => Outcome::Failed,
            _ => Outcome::Unknown,
        };
        if self.entry(key, 0).is_some_and(|entry| matches!(entry.wish, Wish::Unregister(_))) {
            self.result(key, 0, (error, outcome), context);
            self.closed(key, None, context);
        } else {
            self.closed(key, (error != ErrorCode::None).then_some(Outcome::Unknown), context);
        }
    }

    /// Nothing more comes of an attempt, whose entries ended like this, or as they did each.
    fn closed(&mut self, key: Key, outcome: Option<Outcome>, context: &mut Context<'_>) {
        let Some(attempt) = self.open.get(&key) else { return };
        context.counts.ended(attempt.kind, outcome.unwrap_or(attempt.outcome));
        let open: Vec<u16> = attempt.open_entries().map(|(index, _)| index).collect();
        open.into_iter().for_each(|index| self.ended((key, index), Outcome::Unknown, None, context.verdict));
        self.open.remove(&key);
    }

    /// An entry has ended, and may have created this topic: was it that which made the records that wait for it?
    fn ended(&mut self, by: (Key, u16), outcome: Outcome, created: Option<usize>, verdict: &mut Verdict) {
        let Some(entry) = self.entry(by.0, by.1).filter(|entry| entry.is_open) else { return };
        entry.is_open = false;
        let undecided = (outcome == Outcome::Unknown).then(|| entry.wish.clone());
        if let Some(wish) = undecided.filter(|wish| !self.undecided.contains(wish)) {
            self.undecided.push(wish);
        }
        self.waiting.retain_mut(|Waiting { offset, effect, wanted_by }| {
            let Some(place) = wanted_by.iter().position(|other| *other == by) else { return true };
            let is_made = match (outcome, &*effect) {
                (Outcome::Done, Effect::Created { life, .. }) => created.is_none_or(|created| created == *life),
                (Outcome::Done, _) => created.is_none(),
                (Outcome::Unknown, _) => true,
                (Outcome::Failed, _) => false,
            };
            wanted_by.remove(place);
            if !is_made && wanted_by.is_empty() {
                verdict.fail(&UnaskedMetadata::CLAIM, || {
                    format!("{effect} is committed at offset {offset}, but the attempt that requested it definitely failed or made another record")
                });
            }
            !is_made && !wanted_by.is_empty()
        });
    }

    /// A record is committed; a client must have requested it.
    pub fn committed(&mut self, offset: i64, effect: Effect, verdict: &mut Verdict) {
        if self.undecided.iter().any(|wish| wish.may_make(&effect)) {
            return;
        }
        let mut wanted_by = Vec::new();
        for (key, attempt) in &self.open {
            let wanting = attempt.open_entries().filter(|(_, entry)| entry.wish.may_make(&effect));
            wanted_by.extend(wanting.map(|(index, _)| (*key, index)));
        }
        if wanted_by.is_empty() {
            return verdict.fail(&UnaskedMetadata::CLAIM, || {
                format!("{effect} is committed at offset {offset}, but no client requested it, or the request was definitely refused")
            });
        }
        self.waiting.push(Waiting { offset, effect, wanted_by });
    }
}

/// Kind of operation by its api key, as counted.
fn kind(api_key: i16) -> &'static str {
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
