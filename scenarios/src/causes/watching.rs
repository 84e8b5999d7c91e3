//! A listener that records the graph.

use std::collections::VecDeque;

use raft::io::{Observation, Post, Role};
use sim::disk::Disk;
use sim::fault::{Fault, What};
use sim::process::{Connection, Input, Node, Payload, Thread};
use sim::watch::{Down, Phase, Watch};

use super::{CausalStep, Causes, Happened, Mark, StepId, StepInput};
use crate::actor::{Actor, BoxedMessage, Said};
use crate::report::Violation;
use crate::run::listener::Listener;

impl Causes {
    fn step(&mut self, node: Node, input: StepInput, sent_in: Option<StepId>) {
        let id = self.steps.len() as StepId;
        let last = &mut self.last[usize::from(node.0)];
        self.steps.push(CausalStep { node, input, before: *last, sent_in, posted_in: None });
        *last = Some(id);
    }

    fn mark(&mut self, at_ns: u64, node: Node, what: Happened) {
        if let Some(step) = self.last[usize::from(node.0)] {
            self.marks.push(Mark { step, at_ns, node, what });
        }
    }
}

/// Every node that a fault affects.
fn touched(what: &What) -> Vec<Node> {
    let ends = what.links().iter().flat_map(|link| [link.0, link.1]);
    let mut nodes: Vec<Node> = ends.chain(what.node()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Whether the observation is rare enough for a causal chain.
fn is_notified(said: &Said) -> bool {
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
    fn booted(&mut self, at: u64, node: Node, incarnation: u32, _: &Disk) {
        self.step(node, StepInput::Boot, None);
        self.threads.retain(|(of, _), _| *of != node);
        self.posts.retain(|(of, _), _| *of != node);
        if incarnation > 1 {
            self.mark(at, node, Happened::Booted);
        }
    }

    fn down(&mut self, at: u64, node: Node, _: &Disk, how: Down) {
        self.step(node, StepInput::Down, None);
        self.mark(at, node, Happened::Stopped(how));
    }

    fn input(&mut self, _: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        let (input, sent_in) = match input {
            Input::Request { message, .. } | Input::Response { message, .. } => {
                (StepInput::Message(message.message().rpc()), self.sent.get(&(node, message.content_hash())).copied())
            }
            Input::Opened { .. } | Input::Closed { .. } => (StepInput::Connection, None),
            Input::Timer => (StepInput::Timer(thread), None),
            Input::DiskError(_) => (StepInput::DiskError, None),
            Input::Terminate => (StepInput::Terminate, None),
            Input::Exception => (StepInput::Exception, None),
            Input::Post(post) => (StepInput::Post(thread, post.clone()), None),
            Input::Operation(_) => (StepInput::Operation, None),
        };
        let is_post = matches!(input, StepInput::Post(..));
        self.step(node, input, sent_in);
        self.threads.extend(self.last[usize::from(node.0)].map(|step| ((node, thread), step)));
        if is_post {
            let posted_in = self.posts.get_mut(&(node, thread)).and_then(VecDeque::pop_front).flatten();
            self.steps.last_mut().expect("the step that was just added").posted_in = posted_in;
        }
    }

    fn posted(&mut self, _: u64, node: Node, thread: Thread, to: Thread, _: &Post) {
        let step = self.threads.get(&(node, thread)).copied();
        self.posts.entry((node, to)).or_default().push_back(step);
    }

    fn sent(&mut self, _: u64, node: Node, peer: Node, _: Connection, _: bool, message: &BoxedMessage) {
        if let Some(step) = self.last[usize::from(node.0)] {
            self.sent.insert((peer, message.content_hash()), step);
        }
    }

    fn observed(&mut self, at: u64, node: Node, said: &Said) {
        if is_notified(said) {
            self.mark(at, node, Happened::Said(*said));
        }
    }

    fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        if phase != Phase::Skipped {
            for node in touched(&fault.what) {
                self.step(node, StepInput::Fault, None);
                if phase == Phase::Start {
                    self.mark(at, node, Happened::Struck(fault.clone()));
                }
            }
        }
    }
}

impl Listener for Causes {
    fn broken(&mut self, _: &Violation, in_last_step: bool) {
        if in_last_step {
            self.broken_in = (self.steps.len() as StepId).checked_sub(1);
        }
    }
}
