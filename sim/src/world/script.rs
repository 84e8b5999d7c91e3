//! Operations from outside (a story's, or a recording of one), and the waits of stories.
//!
//! A wait is a *ticket*: plain data, with a heap entry of its own owner that counts as no
//! event and feeds no digest lane, so waiting alters nothing. The waker stands in the host.

use super::{Visible, World};
use crate::fault::Fault;
use crate::process::{Input, Node, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::watch::Watch;

/// A ticket's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketId(pub u32);

/// Something to wait for, as plain data: a test of observations with one argument.
#[derive(Clone, Debug)]
pub struct Condition<P: Process> {
    /// True for the observation waited for.
    pub matches: fn(Node, &P::Observation, u64) -> bool,
    /// Its argument.
    pub argument: u64,
}

/// What a story may do to the world.
#[derive(Clone, Debug)]
pub enum Submitted<P: Process> {
    /// An operation for a thread of a node.
    Operation { node: Node, thread: Thread, operation: P::Operation },
    /// A fault, from now on (its `at_ns` is ignored).
    Fault(Fault),
    /// A fault submitted before ends now (by its number among submitted faults).
    EndFault(u32),
}

/// One thing submitted, and when: after so many events, at this true time.
#[derive(Clone, Debug)]
pub struct Recorded<P: Process> {
    /// Events that had happened.
    pub after_event: u64,
    /// True time, ns.
    pub at_ns: u64,
    /// What.
    pub what: Submitted<P>,
}

#[derive(Clone, Debug)]
struct Ticket<P: Process> {
    condition: Option<Condition<P>>,
    open: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Script<P: Process> {
    tickets: Vec<Ticket<P>>,
    ticket_ordinal: u32,
    recorded: Vec<Recorded<P>>,
    /// Index in the plan of each submitted fault.
    submitted: Vec<u32>,
}

impl<P: Process> Default for Script<P> {
    fn default() -> Self {
        Script { tickets: Vec::new(), ticket_ordinal: 0, recorded: Vec::new(), submitted: Vec::new() }
    }
}

impl<P: Process> World<P> {
    /// Waits until a true time.
    pub fn wait_until(&mut self, at: u64) -> TicketId {
        let id = self.new_ticket(None);
        let at = at.max(self.now);
        self.schedule.push(at, Owner::TICKETS, &mut self.script.ticket_ordinal, Due::Ticket(id.0));
        id
    }

    /// Waits for an observation.
    pub fn wait_for(&mut self, condition: Condition<P>) -> TicketId {
        self.new_ticket(Some(condition))
    }

    /// Gives a wait up.
    pub fn withdraw(&mut self, ticket: TicketId) {
        self.script.tickets[ticket.0 as usize].open = false;
    }

    fn new_ticket(&mut self, condition: Option<Condition<P>>) -> TicketId {
        self.script.tickets.push(Ticket { condition, open: true });
        TicketId(self.script.tickets.len() as u32 - 1)
    }

    pub(crate) fn ticket_is_due(&mut self, ticket: u32) {
        let state = &mut self.script.tickets[ticket as usize];
        if std::mem::take(&mut state.open) {
            self.visible.push_back(Visible::Wake(TicketId(ticket)));
        }
    }

    /// Opens the way for stories that wait for this observation.
    #[inline]
    pub(crate) fn notice(&mut self, node: Node, observation: &P::Observation) {
        for index in 0..self.script.tickets.len() {
            let ticket = &mut self.script.tickets[index];
            let Some(condition) = &ticket.condition else { continue };
            if ticket.open && (condition.matches)(node, observation, condition.argument) {
                ticket.open = false;
                self.visible.push_back(Visible::Wake(TicketId(index as u32)));
            }
        }
    }

    /// Does what a story asks, now, and records it. Returns the number of a submitted fault.
    pub fn submit<W: Watch<P>>(&mut self, watch: &mut W, what: Submitted<P>) -> Option<u32> {
        self.script.recorded.push(Recorded { after_event: self.counts.events, at_ns: self.now, what: what.clone() });
        let number = match what {
            Submitted::Operation { node, thread, operation } => {
                let hash = P::operation_hash(&operation);
                if self.nodes[usize::from(node.0)].process.is_some() {
                    self.offer(node, thread, Input::Operation(operation), hash);
                }
                None
            }
            Submitted::Fault(fault) => {
                let fault = Fault { at_ns: self.now, ..fault };
                let plan = std::rc::Rc::make_mut(&mut self.plan);
                let index = plan.0.len() as u32;
                plan.0.push(fault);
                self.in_force.push(false);
                self.script.submitted.push(index);
                let plan = self.plan.clone();
                self.schedule_fault(index, &plan.0[index as usize]);
                Some(self.script.submitted.len() as u32 - 1)
            }
            Submitted::EndFault(number) => {
                let index = self.script.submitted[number as usize] as usize;
                self.fault_ends(watch, index);
                None
            }
        };
        self.run_ready(watch);
        number
    }

    /// What was submitted, in order: replaying it on the bare loop gives the same run.
    pub fn recorded(&self) -> &[Recorded<P>] {
        &self.script.recorded
    }

    /// Runs to where something recorded belongs (after its event, at its time), and submits it.
    pub fn replay_one<W: Watch<P>>(&mut self, watch: &mut W, recorded: &Recorded<P>) {
        assert_eq!(self.counts.events, recorded.after_event, "replay stands at another event than the recording");
        self.advance_to(recorded.at_ns);
        self.submit(watch, recorded.what.clone());
    }
}
