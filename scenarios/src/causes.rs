//! Causality: the steps of a run as a graph, in which a message is received after it was sent, and every step of a node
//! follows the node's earlier steps (Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System",
//! 1978).
//!
//! The graph is deliberately coarse: the threads of a node count as one, and two messages with the same content to the
//! same node count as one; so the causal past of a step may be too large, and is never too small.
//!
//! * this file: the graph; `watching`: builds it during a run; [`words`]: describes its steps and marks

mod watching;
pub mod words;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use raft::io::Post;
use sim::drive::{Ended, Run};
use sim::fault::Fault;
use sim::process::{Node, Thread};
use sim::watch::Down;

use crate::actor::{Rpc, Said};
use crate::run::listener::WithListener;
use crate::run::{Request, begin};
use crate::topic_names::TopicNames;

/// A step's number, from 0, in the order of the run.
pub type StepId = u32;

/// A step: a thread received an input, a node booted or stopped, a fault began or ended.
#[derive(Clone, Debug)]
pub struct CausalStep {
    pub node: Node,
    pub input: StepInput,
    /// The previous step of the same node.
    before: Option<StepId>,
    /// The step in which the message that it received was sent.
    sent_in: Option<StepId>,
    /// The step in which another thread of the node posted the item that it received.
    posted_in: Option<StepId>,
}

/// What a step begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepInput {
    Message(Rpc),
    Timer(Thread),
    /// An item that another thread of the node posted to this one.
    Post(Thread, Post),
    Operation,
    /// A connection opened or closed.
    Connection,
    /// A write or an fsync failed.
    DiskError,
    /// It received SIGTERM.
    Terminate,
    Exception,
    Boot,
    Down,
    Fault,
}

/// A notable event in a step.
#[derive(Clone, Debug)]
pub struct Mark {
    pub step: StepId,
    /// True time, ns.
    pub at_ns: u64,
    pub node: Node,
    pub what: Happened,
}

#[derive(Clone, Debug)]
pub enum Happened {
    /// The node reported an observation about itself.
    Said(Said),
    /// A fault began or ended, at this node and perhaps at others.
    Struck(Fault),
    Booted,
    /// The node stopped.
    Stopped(Down),
}

#[derive(Clone, Debug)]
pub struct Causes {
    steps: Vec<CausalStep>,
    marks: Vec<Mark>,
    /// The last step of each node.
    last: Vec<Option<StepId>>,
    /// The last step in which a message of this content was sent to this node.
    sent: BTreeMap<(Node, u64), StepId>,
    /// The last step of each thread.
    threads: BTreeMap<(Node, Thread), StepId>,
    /// Steps in which an item was posted to a thread that has not yet received it.
    posts: BTreeMap<(Node, Thread), VecDeque<Option<StepId>>>,
    /// The step in which a check broke.
    broken_in: Option<StepId>,
    /// The steps of the requested event.
    event: Range<StepId>,
    names: Vec<String>,
    topics: TopicNames,
}

impl Causes {
    /// Runs a request on the bare event loop and records its graph; `event`: the event whose steps to remember.
    pub fn of(request: &Request<'_>, event: u64) -> Result<Causes, String> {
        let (_, Run { world, watch }, end_ns) = begin(request)?;
        let nodes = world.node_count();
        let names = (0..nodes).map(|node| world.name(Node(node as u16)).to_owned()).collect();
        let causes = Causes {
            steps: Vec::new(),
            marks: Vec::new(),
            last: vec![None; nodes],
            sent: BTreeMap::new(),
            threads: BTreeMap::new(),
            posts: BTreeMap::new(),
            broken_in: None,
            event: 0..0,
            names,
            topics: TopicNames::default(),
        };
        let mut run = Run { world, watch: WithListener::new(watch, causes) };
        let mut bounds = [0; 2];
        for (bound, events) in bounds.iter_mut().zip([event, event + 1]) {
            run.world.stop_after_event(events);
            if run.drive_bare(end_ns) != Ended::AfterEvent {
                *bound = run.watch.listener.steps.len() as StepId;
                break;
            }
            *bound = run.watch.listener.steps.len() as StepId;
        }
        run.world.stop_after_event(u64::MAX);
        run.drive_bare(end_ns);
        run.watch.listener.event = bounds[0]..bounds[1].max(bounds[0]);
        let topics = run.watch.observer.checks.as_ref().map(|checks| checks.topic_names());
        Ok(Causes { topics: topics.unwrap_or_default(), ..run.watch.listener })
    }

    pub fn steps(&self) -> &[CausalStep] {
        &self.steps
    }

    /// The marks, in the order of the run.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The steps of the requested event.
    pub fn event(&self) -> Range<StepId> {
        self.event.clone()
    }

    pub fn name(&self, node: Node) -> &str {
        self.names.get(usize::from(node.0)).map_or("nobody", String::as_str)
    }

    fn is_client(&self, node: Node) -> bool {
        !["controller-", "broker-"].iter().any(|kind| self.name(node).starts_with(kind))
    }

    /// The node that sent the input of a step.
    pub fn sender(&self, step: &CausalStep) -> Option<Node> {
        step.sent_in.and_then(|id| self.steps.get(id as usize)).map(|sender| sender.node)
    }

    /// The step that began the work that a step continues: the first of a chain of posts between threads of its node.
    pub fn origin<'a>(&'a self, step: &'a CausalStep) -> &'a CausalStep {
        let posted = |step: &&'a CausalStep| step.posted_in.and_then(|id| self.steps.get(id as usize));
        std::iter::successors(Some(step), posted).last().unwrap_or(step)
    }

    /// The last steps of the run: the step in which a check broke, or the last step of every node.
    pub fn ends(&self) -> Vec<StepId> {
        match self.broken_in {
            Some(step) => vec![step],
            None => self.last.iter().flatten().copied().collect(),
        }
    }

    /// The step in which a check broke; `None` if the violation was found when the run was over.
    pub fn broken_in(&self) -> Option<StepId> {
        self.broken_in
    }

    /// Which steps may have led to any of these (themselves included), by number.
    pub fn before(&self, of: &[StepId]) -> Vec<bool> {
        let mut found = vec![false; self.steps.len()];
        for step in of {
            found[*step as usize] = true;
        }
        for index in (0..self.steps.len()).rev().filter(|_| !of.is_empty()) {
            if found[index] {
                let CausalStep { before, sent_in, .. } = self.steps[index];
                for cause in [before, sent_in].into_iter().flatten() {
                    found[cause as usize] = true;
                }
            }
        }
        found
    }

    /// Which steps any of these may have led to (themselves included), by number.
    pub fn after(&self, of: &[StepId]) -> Vec<bool> {
        let mut found = vec![false; self.steps.len()];
        for step in of {
            found[*step as usize] = true;
        }
        for index in 0..self.steps.len() {
            let CausalStep { before, sent_in, .. } = self.steps[index];
            let follows = [before, sent_in].into_iter().flatten().any(|cause| found[cause as usize]);
            found[index] = found[index] || follows;
        }
        found
    }
}
