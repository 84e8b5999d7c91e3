//! Operations and faults that stories submit, and the tickets they wait with.

use super::script::{Condition, Recorded, Submitted, Ticket, TicketId};
use super::{Visible, World};
use crate::fault::Fault;
use crate::process::{Input, Node, Process};
use crate::schedule::{Due, Owner};
use crate::watch::Watch;

impl<P: Process> World<P> {
    /// Waits until a true time.
    pub fn wait_until(&mut self, at: u64) -> TicketId {
        self.new_ticket(None, at)
    }

    /// Waits for an observation, but no longer than until a true time (`u64::MAX`: without limit).
    pub fn wait_for(&mut self, condition: Condition<P>, until: u64) -> TicketId {
        let id = self.new_ticket(Some(condition), until);
        self.script.listening.push(id.0);
        id
    }

    /// The observation that ended a wait; `None` if its time ran out.
    pub fn take_seen(&mut self, ticket: TicketId) -> Option<(Node, P::Observation)> {
        self.script.tickets[ticket.0 as usize].seen.take()
    }

    /// Withdraws a wait.
    pub fn withdraw(&mut self, ticket: TicketId) {
        self.script.tickets[ticket.0 as usize].open = false;
        self.script.listening.retain(|other| *other != ticket.0);
    }

    fn new_ticket(&mut self, condition: Option<Condition<P>>, at: u64) -> TicketId {
        let id = TicketId(self.script.tickets.len() as u32);
        self.script.tickets.push(Ticket { condition, seen: None, open: true });
        if at < u64::MAX {
            let at = at.max(self.now);
            self.schedule.push(at, Owner::TICKETS, &mut self.script.ticket_ordinal, Due::Ticket(id.0));
        }
        id
    }

    pub(crate) fn ticket_is_due(&mut self, ticket: u32) {
        if std::mem::take(&mut self.script.tickets[ticket as usize].open) {
            self.script.listening.retain(|other| *other != ticket);
            self.script.wakes.push_back(TicketId(ticket));
            self.look_up_at = 0;
        }
    }

    /// The next story to wake.
    pub(crate) fn next_wake(&mut self) -> Option<Visible> {
        self.script.wakes.pop_front().map(Visible::Wake)
    }

    /// Wakes the stories that wait for this observation.
    #[inline]
    pub(crate) fn notice(&mut self, node: Node, observation: &P::Observation) {
        if !self.script.listening.is_empty() {
            self.script.notice(node, observation);
            self.look_up_at = 0;
        }
    }

    /// Does now what a story submits, and records it. Returns the number of a submitted fault.
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
                self.triggered.push(false);
                self.script.submitted.push(index);
                let plan = self.plan.clone();
                self.schedule_fault(index, &plan.0[index as usize]);
                Some(self.script.submitted.len() as u32 - 1)
            }
            Submitted::EndFault(number) => {
                let index = self.script.submitted[number as usize] as usize;
                self.end_fault(watch, index);
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

    /// Runs to the recorded position (after its event, at its time), and submits the item.
    pub fn replay_one<W: Watch<P>>(&mut self, watch: &mut W, recorded: &Recorded<P>) {
        assert_eq!(self.counts.events, recorded.after_event, "replay is at another event than the recording");
        // Entries that turned out to be no events, such as moved timers.
        while let Some(entry) = recorded.at_ns.checked_sub(1).and_then(|before| self.schedule.pop_due(before)) {
            self.advance_to(entry.at);
            let happened = self.dispatch(watch, &entry);
            assert!(!happened, "an event at {} ns, which the recording does not have", entry.at);
        }
        self.advance_to(recorded.at_ns);
        self.submit(watch, recorded.what.clone());
    }
}
