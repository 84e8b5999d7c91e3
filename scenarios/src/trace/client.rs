//! The dialogue of a producer or consumer: all that it lived through in a run, for a comparison with Kafka's classes. It
//! is recorded by a listener, and changes nothing.
//!
//! [`json`]: as NDJSON; `kafka_json`: messages in the JSON of Kafka's own converters

pub mod json;
mod kafka_json;

use sim::disk::Disk;
use sim::process::{Node, Thread};
use sim::rng::Seed;
use sim::watch::{Down, Watch};

use crate::actor::{Actor, Spec};
use crate::cluster::prepare;
use crate::report::{RunReport, Violation};
use crate::run;
use crate::run::listener::{Listener, ViolatedBy, listen};
use crate::workload::{ClientStep, KafkaClientRole, KafkaClientSpec};

/// What one client lived through, in order.
#[derive(Clone, Debug)]
pub struct ClientDialogue {
    pub spec: Box<KafkaClientSpec>,
    pub lines: Vec<Line>,
}

/// A step of the client, or its begin or end.
#[derive(Clone, Debug)]
pub struct Line {
    /// True time.
    pub at_ns: u64,
    pub what: What,
}

/// The kind of a [`Line`].
#[derive(Clone, Debug)]
pub enum What {
    /// The process starts.
    Boot {
        incarnation: u32,
    },
    Step(Box<ClientStep>),
    /// The process is gone.
    Down {
        how: Down,
    },
}

impl ClientDialogue {
    /// Runs a request, whose `dialogue` is set, on the bare loop: to its end, even if a claim is violated before.
    pub fn of(request: &run::Request<'_>) -> Result<(RunReport, ClientDialogue), String> {
        let index = request.dialogue.unwrap_or_default();
        let mut prepared = prepare(request.scenario, Seed(request.seed), &request.explicit)?;
        let Spec::Kafka(spec) = prepared.world.nodes.swap_remove(index).spec else {
            return Err("this node is none of Kafka's clients".to_owned());
        };
        if matches!(spec.role, KafkaClientRole::Admin { .. }) {
            return Err("an admin client has no dialogue; producers and consumers have one".to_owned());
        }
        let (report, recorder, _) =
            listen(&run::Request { keep_going: true, ..request.clone() }, |_| Recorder::of(Node(index as u16)))?;
        Ok((report, ClientDialogue { spec, lines: recorder.lines }))
    }
}

#[derive(Debug)]
struct Recorder {
    node: Node,
    lines: Vec<Line>,
}

impl Recorder {
    fn of(node: Node) -> Recorder {
        Recorder { node, lines: Vec::new() }
    }

    fn push(&mut self, at_ns: u64, node: Node, what: What) {
        if node == self.node {
            self.lines.push(Line { at_ns, what });
        }
    }
}

impl Watch<Actor> for Recorder {
    fn booted(&mut self, at: u64, node: Node, incarnation: u32, _: &Disk) {
        self.push(at, node, What::Boot { incarnation });
    }

    fn stepped(&mut self, at: u64, node: Node, _: Thread, process: &Actor) {
        if let (true, Actor::Kafka(client)) = (node == self.node, process) {
            for step in client.dialogue().unwrap_or_default() {
                self.push(at, node, What::Step(Box::new(step.clone())));
            }
        }
    }

    fn down(&mut self, at: u64, node: Node, _: &Disk, how: Down) {
        self.push(at, node, What::Down { how });
    }
}

impl Listener for Recorder {
    fn broken(&mut self, _: &Violation, _: ViolatedBy) {}
}
