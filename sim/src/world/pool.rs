//! Inputs of a thread that stands for several of its process ([`Process::POOLS`]): served side by side, stepped one at
//! a time.

use std::collections::VecDeque;

use crate::process::{Connection, Input, Process};

/// Inputs of one lane keep their order: one is served when the one before it has been stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Requests on a connection of another node.
    Requests(Connection),
    /// What belongs to a connection of this node, by its token.
    Opened(u32),
    Posts,
    /// All others.
    Rest,
}

impl Lane {
    pub fn of<P: Process>(input: &Input<P>) -> Lane {
        match input {
            Input::Request { connection, .. } => Lane::Requests(*connection),
            Input::Opened { token, .. } | Input::Closed { token, .. } | Input::Response { token, .. } => {
                Lane::Opened(*token)
            }
            Input::Post(_) => Lane::Posts,
            Input::Timer
            | Input::DiskError(_)
            | Input::Continue
            | Input::Terminate
            | Input::Exception
            | Input::Operation(_) => Lane::Rest,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry<P: Process> {
    pub lane: Lane,
    pub input: Input<P>,
    pub hash: u64,
}

/// The inputs of one thread that have left its queue.
#[derive(Clone, Debug)]
pub(crate) struct Pool<P: Process> {
    /// They wait for one of their lane.
    pub waiting: VecDeque<Entry<P>>,
    /// With the ordinals of their schedule entries.
    pub serving: Vec<(u32, Entry<P>)>,
    /// They wait for the thread.
    pub served: VecDeque<Entry<P>>,
    /// Empty between uses; its memory is reused.
    pub works: Vec<u8>,
}

impl<P: Process> Pool<P> {
    pub fn new() -> Pool<P> {
        Pool { waiting: VecDeque::new(), serving: Vec::new(), served: VecDeque::new(), works: Vec::new() }
    }

    /// All inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<P>> {
        let serving = self.serving.iter().map(|(_, entry)| entry);
        serving.chain(&self.served).chain(&self.waiting).map(|entry| &entry.input)
    }

    pub fn clear(&mut self) {
        *self = Pool::new();
    }

    /// The next one of a lane that waits, which waits no longer.
    pub fn take_waiting(&mut self, lane: Lane) -> Option<Entry<P>> {
        let place = self.waiting.iter().position(|entry| entry.lane == lane)?;
        self.waiting.remove(place)
    }

    /// The next step's input.
    pub fn next(&self) -> Option<&Input<P>> {
        self.served.front().map(|entry| &entry.input)
    }

    pub fn is_taken(&self, lane: Lane) -> bool {
        self.serving.iter().map(|(_, entry)| entry).chain(&self.served).any(|entry| entry.lane == lane)
    }
}
