//! An onlooker that also writes down the graph; it decides nothing.

use raft::io::{Observation, Role};
use sim::disk::Disk;
use sim::fault::{Fault, Sighting, What};
use sim::process::{Connection, DiskError, Input, Node, Payload, Thread};
use sim::watch::{Down, Phase, Synced, Watch, Write};

use super::{Causes, Happened, Mark, Step, StepId, Took};
use crate::actor::{Actor, Parcel, Said};

impl Causes {
    fn step(&mut self, node: Node, took: Took, sent_in: Option<StepId>) {
        let id = self.steps.len() as StepId;
        let last = &mut self.last[usize::from(node.0)];
        self.steps.push(Step { node, took, before: *last, sent_in });
        *last = Some(id);
    }

    fn mark(&mut self, at_ns: u64, node: Node, what: Happened) {
        if let Some(step) = self.last[usize::from(node.0)] {
            self.marks.push(Mark { step, at_ns, node, what });
        }
    }

    /// The first time that the checks have had enough, it is because of what has just been done.
    fn look(&mut self) {
        if self.broken_in.is_none() && self.onlooker.checks.as_ref().is_some_and(|checks| checks.violation().is_some())
        {
            self.broken_in = (self.steps.len() as StepId).checked_sub(1);
        }
    }
}

/// Every node that a fault touches.
fn touched(what: &What) -> Vec<Node> {
    let ends = what.links().iter().flat_map(|link| [link.0, link.1]);
    let mut nodes: Vec<Node> = ends.chain(what.node()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Is it rare enough to be told?
fn is_told(said: &Said) -> bool {
    use crate::actor::AttemptEvent as Model;
    use raft::broker::observation::BrokerObservation as Broker;
    use raft::client::AttemptEvent as Client;
    match said {
        Said::Server(Observation::RoleChanged { role, .. }) => {
            matches!(role, Role::Leader | Role::Candidate | Role::Resigned)
        }
        Said::Server(Observation::Truncated { .. } | Observation::LeadershipAnnounced { .. }) => true,
        Said::Server(Observation::Broker(of)) => {
            matches!(
                of,
                Broker::BecameLeader { .. }
                    | Broker::Truncated { .. }
                    | Broker::IsrState { .. }
                    | Broker::Lifecycle { .. }
            )
        }
        Said::Server(_) => false,
        Said::Client(event) => matches!(event, Model::AppendOk { .. }),
        Said::Attempt(event) => matches!(
            event,
            Client::BatchAcked { .. }
                | Client::BatchFailed { .. }
                | Client::PositionSet { .. }
                | Client::EpochLost { .. }
                | Client::OperationDone { .. }
                | Client::ProducerFatal { .. }
        ),
    }
}

impl Watch<Actor> for Causes {
    fn booted(&mut self, at: u64, node: Node, incarnation: u32, disk: &Disk) {
        self.step(node, Took::Boot, None);
        if incarnation > 1 {
            self.mark(at, node, Happened::Booted);
        }
        self.onlooker.booted(at, node, incarnation, disk);
        self.look();
    }

    fn up(&mut self, at: u64, node: Node, process: &Actor) {
        self.onlooker.up(at, node, process);
        self.look();
    }

    fn before_down(&mut self, at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk, how: Down) {
        self.onlooker.before_down(at, node, settled, process, disk, how);
        self.look();
    }

    fn down(&mut self, at: u64, node: Node, disk: &Disk, how: Down) {
        self.step(node, Took::Down, None);
        self.mark(at, node, Happened::WentDown(how));
        self.onlooker.down(at, node, disk, how);
        self.look();
    }

    fn input(&mut self, at: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        let (took, sent_in) = match input {
            Input::Request { message, .. } | Input::Response { message, .. } => {
                (Took::Message(message.kind()), self.sent.get(&(node, message.content_hash())).copied())
            }
            Input::Opened { .. } | Input::Closed { .. } => (Took::Connection, None),
            Input::Timer => (Took::Timer, None),
            Input::DiskError(_) => (Took::DiskError, None),
            Input::Terminate => (Took::Terminate, None),
            Input::Post(_) | Input::Operation(_) => (Took::Word, None),
        };
        self.step(node, took, sent_in);
        self.onlooker.input(at, node, thread, input);
        self.look();
    }

    fn sent(&mut self, at: u64, node: Node, peer: Node, connection: Connection, is_request: bool, message: &Parcel) {
        if let Some(step) = self.last[usize::from(node.0)] {
            self.sent.insert((peer, message.content_hash()), step);
        }
        self.onlooker.sent(at, node, peer, connection, is_request, message);
        self.look();
    }

    fn wrote(&mut self, at: u64, node: Node, write: Write<'_>) {
        self.onlooker.wrote(at, node, write);
        self.look();
    }

    fn synced(&mut self, at: u64, node: Node, synced: Synced) {
        self.onlooker.synced(at, node, synced);
        self.look();
    }

    fn disk_failed(&mut self, at: u64, node: Node, error: DiskError) {
        self.onlooker.disk_failed(at, node, error);
        self.look();
    }

    fn observed(&mut self, at: u64, node: Node, said: &Said) {
        if is_told(said) {
            self.mark(at, node, Happened::Said(*said));
        }
        self.onlooker.observed(at, node, said);
        self.look();
    }

    fn halted(&mut self, at: u64, node: Node, reason: &str, fatal: bool) {
        self.onlooker.halted(at, node, reason, fatal);
        self.look();
    }

    fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        if phase != Phase::Skipped {
            for node in touched(&fault.what) {
                self.step(node, Took::Fault, None);
                if phase == Phase::Start {
                    self.mark(at, node, Happened::Struck(fault.clone()));
                }
            }
        }
        self.onlooker.fault(at, fault, phase);
        self.look();
    }

    fn healed(&mut self, at: u64) {
        self.onlooker.healed(at);
        self.look();
    }

    fn disk_damaged(&mut self, at: u64, node: Node, disk: &Disk) {
        self.onlooker.disk_damaged(at, node, disk);
        self.look();
    }

    fn audit(&mut self, at: u64, node: Node, settled: bool, process: &Actor, disk: &Disk) {
        self.onlooker.audit(at, node, settled, process, disk);
        self.look();
    }

    fn has_sighted(&self) -> bool {
        self.onlooker.has_sighted()
    }

    fn take_sightings(&mut self) -> Vec<Sighting> {
        self.onlooker.take_sightings()
    }

    fn forbids(&self, guard: &str, fault: &Fault) -> bool {
        self.onlooker.forbids(guard, fault)
    }

    fn stop(&self) -> bool {
        self.onlooker.stop()
    }
}
