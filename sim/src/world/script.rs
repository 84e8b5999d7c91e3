//! Operations from outside (a story's, or a recording of one), and the waits of stories.
//!
//! A wait is a *ticket*: plain data, with a schedule entry of its own owner that counts as no event and feeds no digest
//! lane, so waiting alters nothing. The waker is kept in the host.

use std::collections::VecDeque;

use crate::fault::Fault;
use crate::process::{Node, Process, Thread};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketId(pub u32);

/// A condition to wait for, as plain data: a test of observations with one argument.
#[derive(Clone, Debug)]
pub struct Condition<P: Process> {
    /// True for the observation waited for.
    pub matches: fn(Node, &P::Observation, u64) -> bool,
    /// Its argument.
    pub argument: u64,
}

/// Actions of a story on the world.
#[derive(Clone, Debug)]
pub enum Submitted<P: Process> {
    /// An operation for a thread of a node.
    Operation { node: Node, thread: Thread, operation: P::Operation },
    /// A fault, from now on (its `at_ns` is ignored).
    Fault(Fault),
    /// Ends a fault submitted before (by its number among submitted faults); a node that such a fault keeps down is
    /// powered on. A fault that is to last until then has a length of `u64::MAX`.
    EndFault(u32),
}

/// One submitted item, and when: after `after_event` events, at this true time.
#[derive(Clone, Debug)]
pub struct Recorded<P: Process> {
    /// Events that had happened.
    pub after_event: u64,
    /// True time, ns.
    pub at_ns: u64,
    pub what: Submitted<P>,
}

#[derive(Clone, Debug)]
pub(super) struct Ticket<P: Process> {
    pub condition: Option<Condition<P>>,
    /// The observation that fulfilled the condition, until its story removes it.
    pub seen: Option<(Node, P::Observation)>,
    pub open: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Script<P: Process> {
    pub tickets: Vec<Ticket<P>>,
    /// Tickets that wait for an observation, in the order they were made.
    pub listening: Vec<u32>,
    /// Waits that are over and not yet reported to the host.
    pub wakes: VecDeque<TicketId>,
    pub ticket_ordinal: u32,
    pub recorded: Vec<Recorded<P>>,
    /// Index in the plan of each submitted fault.
    pub submitted: Vec<u32>,
}

impl<P: Process> Default for Script<P> {
    fn default() -> Self {
        Script {
            tickets: Vec::new(),
            listening: Vec::new(),
            wakes: VecDeque::new(),
            ticket_ordinal: 0,
            recorded: Vec::new(),
            submitted: Vec::new(),
        }
    }
}

impl<P: Process> Script<P> {
    pub fn notice(&mut self, node: Node, observation: &P::Observation) {
        let Script { tickets, listening, wakes, .. } = self;
        listening.retain(|index| {
            let ticket = &mut tickets[*index as usize];
            let matches = |condition: &Condition<P>| (condition.matches)(node, observation, condition.argument);
            if !ticket.condition.as_ref().is_some_and(matches) {
                return true;
            }
            ticket.open = false;
            ticket.seen = Some((node, *observation));
            wakes.push_back(TicketId(*index));
            false
        });
    }
}
