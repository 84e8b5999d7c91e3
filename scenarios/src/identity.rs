//! 64-bit identities of what nodes say, for the digest: a canonical walk over fixed words.

use raft::io::{Observation, Post};

use crate::actor::{AttemptEvent, Said};
use crate::workload::ClientOperation;

/// Mixes a tag and three words, each word in its own place.
fn mix(tag: u64, a: u64, b: u64, c: u64) -> u64 {
    let mut hash = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in [a, b, c] {
        hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    hash
}

/// Of an observation.
pub fn said(said: &Said) -> u64 {
    match *said {
        Said::Server(observation) => server(observation),
        Said::Client(event) => client(event),
    }
}

fn word(n: i64) -> u64 {
    n as u64
}

fn server(observation: Observation) -> u64 {
    match observation {
        Observation::RoleChanged { role, epoch, leader } => {
            mix(1, role as u64, word(i64::from(epoch.0)), word(i64::from(leader.0)))
        }
        Observation::HighWatermark { offset, epoch, leading } => {
            mix(2, word(offset.0), word(i64::from(epoch.0)), u64::from(leading))
        }
        Observation::LeadershipAnnounced { epoch } => mix(3, word(i64::from(epoch.0)), 0, 0),
        Observation::LeadershipRenounced { epoch } => mix(4, word(i64::from(epoch.0)), 0, 0),
        Observation::Applied { end } => mix(5, word(end.0), 0, 0),
        Observation::Truncated { end } => mix(6, word(end.0), 0, 0),
        Observation::Probe(probe) => mix(7, probe as u64, 0, 0),
    }
}

fn client(event: AttemptEvent) -> u64 {
    match event {
        AttemptEvent::AppendInvoked { attempt, first_value, count } => {
            mix(21, u64::from(attempt), first_value, u64::from(count))
        }
        AttemptEvent::AppendOk { attempt, base_offset } => mix(22, u64::from(attempt), word(base_offset), 0),
        AttemptEvent::AppendFailed { attempt } => mix(23, u64::from(attempt), 0, 0),
        AttemptEvent::AppendUnknown { attempt } => mix(24, u64::from(attempt), 0, 0),
        AttemptEvent::ReadInvoked { attempt, from, at_most } => mix(25, u64::from(attempt), word(from), at_most.into()),
        AttemptEvent::ReadRecord { attempt, offset, value } => mix(26, u64::from(attempt), word(offset), value),
        AttemptEvent::ReadOk { attempt, applied_end } => mix(27, u64::from(attempt), word(applied_end), 0),
        AttemptEvent::ReadUnknown { attempt } => mix(28, u64::from(attempt), 0, 0),
    }
}

/// Of word between threads.
pub fn post(post: &Post) -> u64 {
    match post {
        Post::WakeUp => mix(41, 0, 0, 0),
        Post::ListenerEvent => mix(42, 0, 0, 0),
        Post::ShuttingDown => mix(43, 0, 0, 0),
    }
}

/// Of an operation submitted from outside.
pub fn operation(operation: &ClientOperation) -> u64 {
    match operation {
        ClientOperation::Append { count } => mix(61, u64::from(*count), 0, 0),
        ClientOperation::Rest => mix(62, 0, 0, 0),
        ClientOperation::Resume => mix(63, 0, 0, 0),
    }
}
