//! What clients did and what they were told: attempts (one RPC each) with true times.

use std::collections::BTreeMap;

use raft::ids::Offset;

use crate::actor::AttemptEvent;
use crate::report::OperationCounts;

/// How an attempt ended at its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer so far.
    Open,
    /// Success, at this true time.
    Ok { returned_ns: u64 },
    /// Definitely not done.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// What an attempt asked for, and what it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptKind {
    /// Append values from `first_value` on.
    Append { first_value: u64, count: u8 },
    /// Read.
    Read(Reading),
}

/// A read, and how far its answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where it begins.
    pub from: Offset,
    /// How many more records it may show.
    pub left: u16,
    /// The place among the committed records where the answer goes on, once its first has come.
    pub next: Option<usize>,
}

/// One RPC of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
    /// True time it was sent, ns.
    pub invoked_ns: u64,
    /// What.
    pub requested: AttemptKind,
    /// How it ended.
    pub outcome: Outcome,
}

/// What is known of one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueState {
    /// Where it is committed.
    pub committed: Option<Offset>,
    /// True time its append was sent.
    pub invoked_ns: Option<u64>,
    /// Where its append was acknowledged.
    pub acked: Option<Offset>,
    /// Its append was definitely refused.
    pub failed: bool,
}

/// All attempts of all clients.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Per client, ascending by number.
    attempts: Vec<Vec<Attempt>>,
    /// Every value that was sent or committed.
    pub values: BTreeMap<u64, ValueState>,
    /// Appends.
    pub appends: OperationCounts,
    /// Reads.
    pub reads: OperationCounts,
}

impl History {
    /// Notes an invocation; true if the event was one.
    pub fn invoked(&mut self, at_ns: u64, client: usize, event: AttemptEvent) -> bool {
        let (number, requested) = match event {
            AttemptEvent::AppendInvoked { attempt, first_value, count } => {
                for value in values(first_value, count) {
                    self.values.entry(value).or_default().invoked_ns.get_or_insert(at_ns);
                }
                (attempt, AttemptKind::Append { first_value, count })
            }
            AttemptEvent::ReadInvoked { attempt, from, at_most } => {
                (attempt, AttemptKind::Read(Reading { from: Offset(from), left: at_most, next: None }))
            }
            _ => return false,
        };
        if self.attempts.len() <= client {
            self.attempts.resize_with(client + 1, Vec::new);
        }
        let attempts = &mut self.attempts[client];
        assert!(
            attempts.last().is_none_or(|last| last.number < number),
            "client {client} numbers attempt {number} after {:?}",
            attempts.last()
        );
        attempts.push(Attempt { number, invoked_ns: at_ns, requested, outcome: Outcome::Open });
        true
    }

    /// An attempt that was invoked before.
    pub fn attempt(&mut self, client: usize, number: u32) -> &mut Attempt {
        let attempts = self.attempts.get_mut(client).map_or(&mut [][..], Vec::as_mut_slice);
        let place = attempts.binary_search_by_key(&number, |attempt| attempt.number);
        let place = place.unwrap_or_else(|_| panic!("client {client} never invoked attempt {number}"));
        &mut attempts[place]
    }

    /// Marks an attempt's end and counts it.
    pub fn ended(&mut self, client: usize, number: u32, outcome: Outcome) -> Attempt {
        let attempt = self.attempt(client, number);
        assert_eq!(attempt.outcome, Outcome::Open, "client {client} ends attempt {number} twice");
        attempt.outcome = outcome;
        let attempt = *attempt;
        let counts = match attempt.requested {
            AttemptKind::Append { .. } => &mut self.appends,
            AttemptKind::Read(_) => &mut self.reads,
        };
        match outcome {
            Outcome::Ok { .. } => counts.ok += 1,
            Outcome::Failed => counts.fail += 1,
            Outcome::Open | Outcome::Unknown => counts.unknown += 1,
        }
        attempt
    }

    /// What never ended is unknown.
    pub fn finish(&mut self) {
        for attempt in self.attempts.iter_mut().flatten().filter(|attempt| attempt.outcome == Outcome::Open) {
            attempt.outcome = Outcome::Unknown;
            match attempt.requested {
                AttemptKind::Append { .. } => self.appends.unknown += 1,
                AttemptKind::Read(_) => self.reads.unknown += 1,
            }
        }
    }
}

/// The values of one append.
pub fn values(first: u64, count: u8) -> impl Iterator<Item = u64> {
    (0..u64::from(count)).map(move |index| first + index)
}
