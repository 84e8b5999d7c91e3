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

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::client::Outcome;
use raft::ids::{NodeId, Uuid};
use raft::message::{AdminRequest, ErrorCode};

use super::answers::{Proof, kind, repeats, wishes_of};
use super::counts::{Counts, Remark};
use super::metadata::{Metadata, config_hash};
use super::requested::{Ended, RequestedChanges, Wish};
use super::topics::Topics;

/// An attempt without an answer.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// `None` until it is sent.
    pub request: Option<AdminRequest>,
    node: NodeId,
    /// Where the committed metadata ended at the call.
    pub called_at: i64,
    /// The node's link to the controller at the call.
    link: u32,
    api_key: i16,
    wishes: BTreeMap<u16, Vec<Wish>>,
    pub topic_ids: BTreeMap<u16, Uuid>,
    pub config_sums: BTreeMap<u16, u64>,
    outcome: Outcome,
}

/// How a broker reaches the controller.
#[derive(Clone, Copy, Debug)]
struct Link {
    connection: u64,
    changes: u32,
}

/// All admin clients.
#[derive(Clone, Debug, Default)]
pub struct Admins {
    open: BTreeMap<(usize, u32), Attempt>,
    requested: RequestedChanges,
    links: BTreeMap<NodeId, Link>,
    /// By client and broker: the link it was seen over, and the state.
    seen: BTreeMap<(usize, NodeId), (u32, i64)>,
}

/// What a call needs of the rest of the room.
pub struct Around<'a> {
    /// The topics.
    pub topics: &'a mut Topics,
    /// The metadata.
    pub metadata: &'a Metadata,
    /// To count in.
    pub counts: &'a mut Counts,
    /// To judge to.
    pub verdict: &'a mut Verdict,
}

impl Admins {
    /// A broker sends an Envelope over a connection.
    pub fn forwarded(&mut self, broker: NodeId, connection: u64) {
        let link = self.links.entry(broker).or_insert(Link { connection, changes: 0 });
        if link.connection != connection {
            *link = Link { connection, changes: link.changes + 1 };
        }
    }

    /// The wishes of attempts: for records that are committed.
    pub fn requested(&mut self) -> &mut RequestedChanges {
        &mut self.requested
    }

    /// An attempt begins.
    pub fn invoked(&mut self, client: usize, attempt: u32, api_key: i16, node: NodeId, end: i64) {
        let of = Attempt {
            request: None,
            node,
            called_at: end,
            link: self.changes_of(node),
            api_key,
            wishes: BTreeMap::new(),
            topic_ids: BTreeMap::new(),
            config_sums: BTreeMap::new(),
            outcome: Outcome::Done,
        };
        self.open.insert((client, attempt), of);
    }

    /// A client sends a request: that of its newest attempt.
    pub fn sent(&mut self, client: usize, request: &AdminRequest) {
        let newest = self.open.range_mut((client, 0)..=(client, u32::MAX)).next_back();
        let Some(((_, number), attempt)) = newest.filter(|(_, attempt)| attempt.request.is_none()) else { return };
        attempt.request = Some(request.clone());
        attempt.wishes = wishes_of(request);
        for (index, wishes) in &attempt.wishes {
            for wish in wishes {
                self.requested.asks((client, *number, *index), wish.clone());
            }
        }
    }

    fn changes_of(&self, node: NodeId) -> u32 {
        self.links.get(&node).map_or(0, |link| link.changes)
    }

    /// The id of an entry's topic.
    pub fn topic_id(&mut self, client: usize, attempt: u32, index: u16, topic_id: Uuid) {
        if let Some(attempt) = self.open.get_mut(&(client, attempt)) {
            attempt.topic_ids.insert(index, topic_id);
        }
    }

    /// A config of a described resource.
    pub fn config(&mut self, client: usize, attempt: u32, index: u16, name_hash: u64, value_hash: u64) {
        if let Some(attempt) = self.open.get_mut(&(client, attempt))
            && value_hash != 0
        {
            let sum = attempt.config_sums.entry(index).or_default();
            *sum = sum.wrapping_add(config_hash(name_hash, value_hash));
        }
    }

    /// What came of an entry.
    pub fn result(
        &mut self,
        (client, number): (usize, u32),
        index: u16,
        (error, outcome): (ErrorCode, Outcome),
        around: &mut Around<'_>,
    ) {
        let Some(attempt) = self.open.get(&(client, number)) else { return };
        let link = self.changes_of(attempt.node);
        let same_link = link == attempt.link;
        let seen = self.seen.get(&(client, attempt.node)).filter(|(over, _)| same_link && *over == link);
        let floor = seen.map_or(0, |(_, state)| *state);
        let mut ended = match outcome {
            Outcome::Unknown => Ended::Undecided,
            Outcome::Failed if !same_link && repeats(error) => {
                around.counts.remark(Remark::ForwardedTwice);
                Ended::Undecided
            }
            Outcome::Failed => Ended::Failed,
            Outcome::Done if !same_link => {
                around.counts.remark(Remark::ForwardedTwice);
                Ended::Undecided
            }
            Outcome::Done => Ended::Done(None),
        };
        if outcome == Outcome::Done && same_link && matches!(attempt.request, Some(AdminRequest::CreateTopics(_))) {
            ended = Ended::Done(attempt.topic_ids.get(&index).and_then(|id| around.topics.by_id(*id)));
        }
        let proof = match outcome {
            Outcome::Unknown => Proof::Nothing,
            Outcome::Done => attempt.done(index, floor, around),
            Outcome::Failed => attempt.refused(index, error, floor, around),
        };
        let (node, called_at) = (attempt.node, attempt.called_at);
        let wishes = self.end_entry((client, number), index, outcome);
        match proof {
            Proof::Wrong(invariant, what) => around.verdict.fail(invariant, || {
                format!("attempt {number} of client {client} (entry {index}, at offset {called_at}): {what}")
            }),
            Proof::State { state, stale } => {
                if stale {
                    around.counts.remark(Remark::StaleAdminAnswer);
                }
                if same_link {
                    self.seen.insert((client, node), (link, state.max(floor)));
                }
            }
            Proof::Nothing => {}
        }
        self.requested.ended((client, number, index), &wishes, ended, around.verdict);
    }

    fn end_entry(&mut self, attempt: (usize, u32), index: u16, outcome: Outcome) -> Vec<Wish> {
        let Some(attempt) = self.open.get_mut(&attempt) else { return Vec::new() };
        attempt.outcome = match (attempt.outcome, outcome) {
            (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
            (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
            (Outcome::Done, Outcome::Done) => Outcome::Done,
        };
        attempt.wishes.remove(&index).unwrap_or_default()
    }

    /// The answer is complete; an entry that it did not speak of is as its error says.
    pub fn answered(&mut self, client: usize, attempt: u32, error: ErrorCode, around: &mut Around<'_>) {
        let key = (client, attempt);
        let Some(open) = self.open.get(&key) else { return };
        if let Some(AdminRequest::UnregisterBroker(_)) = open.request {
            let outcome = match error {
                ErrorCode::None => Outcome::Done,
                ErrorCode::BrokerIdNotRegistered | ErrorCode::PolicyViolation => Outcome::Failed,
                _ => Outcome::Unknown,
            };
            self.result(key, 0, (error, outcome), around);
        } else if error != ErrorCode::None {
            self.end_entry(key, u16::MAX, Outcome::Unknown);
        }
        self.leave_open(key, around.verdict);
        if let Some(attempt) = self.open.remove(&key) {
            around.counts.ended(kind(attempt.api_key), attempt.outcome);
        }
    }

    /// No answer.
    pub fn unknown(&mut self, client: usize, attempt: u32, counts: &mut Counts, verdict: &mut Verdict) {
        self.leave_open((client, attempt), verdict);
        if let Some(attempt) = self.open.remove(&(client, attempt)) {
            counts.ended(kind(attempt.api_key), Outcome::Unknown);
        }
    }

    fn leave_open(&mut self, (client, number): (usize, u32), verdict: &mut Verdict) {
        let Some(attempt) = self.open.get_mut(&(client, number)) else { return };
        for (index, wishes) in std::mem::take(&mut attempt.wishes) {
            self.requested.ended((client, number, index), &wishes, Ended::Undecided, verdict);
        }
    }

    /// What never ended is unknown.
    pub fn finish(&mut self, counts: &mut Counts) {
        for attempt in std::mem::take(&mut self.open).into_values() {
            counts.ended(kind(attempt.api_key), Outcome::Unknown);
        }
    }
}
