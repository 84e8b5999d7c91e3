//! What a client, and the server beside it, need of the process of the world that they are.

use sim::process::{Now, Process};
use sim::rng::Entropy;

use super::operation::ClientOperation;
use crate::message::BoxedMessage;
use crate::said::Said;

/// A process that may be a client.
pub trait ClientProcess: Process<Message = BoxedMessage, Operation = ClientOperation, Observation = Said> {}

impl<P: Process<Message = BoxedMessage, Operation = ClientOperation, Observation = Said>> ClientProcess for P {}

pub(crate) fn clocks(now: Now) -> raft::io::Now {
    raft::io::Now { mono_ns: now.mono_ns, wall_ms: now.wall_ms }
}

/// Draws from the process's own stream.
pub(crate) struct Draws<'a>(pub &'a mut Entropy);

impl raft::io::Entropy for Draws<'_> {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.below(u64::from(bound)) as u32
    }
}
