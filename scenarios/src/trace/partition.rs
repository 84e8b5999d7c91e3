//! The dialogue of a broker's replica of one partition: all calls of it in a run, for a comparison with Kafka's
//! `Partition`. It is recorded by a listener, and changes nothing.
//!
//! [`json`]: as NDJSON

pub mod json;

use std::collections::BTreeSet;
use std::rc::Rc;

use raft::broker::config::BrokerConfig;
use raft::broker::dialogue::{PartitionCall, PartitionEntry, PartitionStep};
use raft::broker::log::{CLEAN_SHUTDOWN_FILE, OffsetCheckpoint};
use raft::broker::view::BrokerView;
use raft::ids::TopicIdPartition;
use raft::io::{DialogueEntry, Now};
use raft::message::cluster::AlterPartitionItem;
use raft::node::Roles;
use sim::disk::Disk;
use sim::process::{Input, Node, Thread};
use sim::rng::Seed;
use sim::watch::{Down, Watch};

use crate::actor::{Actor, ServerSpec, Spec};
use crate::cluster::prepare;
use crate::report::{RunReport, Violation};
use crate::run;
use crate::run::listener::{Listener, ViolatedBy, listen};

/// What one replica lived through, in order.
#[derive(Clone, Debug)]
pub struct PartitionDialogue {
    pub config: Rc<BrokerConfig>,
    /// `TOPIC-N`
    pub partition: String,
    pub lines: Vec<Line>,
}

/// A call of the replica, or its begin or end.
#[derive(Clone, Debug)]
pub struct Line {
    /// True time.
    pub at_ns: u64,
    pub what: What,
}

/// The kind of a [`Line`].
#[derive(Clone, Debug)]
pub enum What {
    /// The process starts with these files, of this partition and of all.
    Boot { incarnation: u32, disk: Vec<(Rc<str>, Vec<u8>)> },
    /// A call; `before`: what changed around it before, and what it submits.
    Call { now: Now, before: Vec<Around>, step: Box<PartitionStep> },
    /// The replica is deleted with its log.
    Deleted { now: Now },
    /// The process is gone.
    Down { how: Down },
}

/// What is not of the replica itself; see [`PartitionEntry`].
#[derive(Clone, Debug)]
pub enum Around {
    Published { brokers: Vec<BrokerView> },
    MinInsyncReplicas { value: i32 },
    Submitted { item: AlterPartitionItem, is_accepted: bool },
}

impl PartitionDialogue {
    /// Runs a request, whose `dialogue` is set, on the bare loop: to its end, even if a claim is violated before.
    /// `partition` is `TOPIC-N`.
    pub fn of(request: &run::Request<'_>, partition: &str) -> Result<(RunReport, PartitionDialogue), String> {
        let index = request.dialogue.unwrap_or_default();
        let mut prepared = prepare(request.scenario, Seed(request.seed), &request.explicit)?;
        let Spec::Server(ServerSpec { node, .. }) = prepared.world.nodes.swap_remove(index).spec else {
            return Err("a client has no partitions".to_owned());
        };
        let Roles::Kafka { broker: Some(config), .. } = node.roles else {
            return Err("this node is no broker".to_owned());
        };
        let (report, recorder, _) = listen(&run::Request { keep_going: true, ..request.clone() }, |_| {
            Recorder::of(Node(index as u16), partition.to_owned())
        })?;
        if !recorder.hosted.contains(partition) {
            let hosted: Vec<String> = recorder.hosted.into_iter().collect();
            let all = if hosted.is_empty() { "none".to_owned() } else { hosted.join(", ") };
            return Err(format!("broker {} has no replica of {partition} in this run; it has {all}", config.node_id));
        }
        Ok((report, PartitionDialogue { config, partition: partition.to_owned(), lines: recorder.lines }))
    }
}

#[derive(Debug)]
struct Recorder {
    node: Node,
    /// `TOPIC-N`
    partition: String,
    /// The topic may be deleted and created again.
    ids: BTreeSet<TopicIdPartition>,
    /// All replicas of the broker, by name.
    hosted: BTreeSet<String>,
    lines: Vec<Line>,
    /// What precedes the next call.
    before: Vec<Around>,
    brokers: Option<Vec<BrokerView>>,
    is_stepped: bool,
}

impl Recorder {
    fn of(node: Node, partition: String) -> Recorder {
        Recorder {
            node,
            partition,
            ids: BTreeSet::new(),
            hosted: BTreeSet::new(),
            lines: Vec::new(),
            before: Vec::new(),
            brokers: None,
            is_stepped: false,
        }
    }

    fn entry(&mut self, at_ns: u64, now: Now, entry: &PartitionEntry) {
        match entry {
            PartitionEntry::Published { brokers } => {
                if self.brokers.as_ref() != Some(brokers) {
                    self.brokers = Some(brokers.clone());
                    self.before.push(Around::Published { brokers: brokers.clone() });
                }
            }
            PartitionEntry::MinInsyncReplicas { topic_id, value } => {
                if self.ids.iter().any(|id| id.topic_id == *topic_id) {
                    self.before.push(Around::MinInsyncReplicas { value: *value });
                }
            }
            PartitionEntry::Submitted { item, is_accepted } => {
                if self.ids.contains(&item.partition) {
                    let (item, is_accepted) = (item.clone(), *is_accepted);
                    self.before.push(Around::Submitted { item, is_accepted });
                }
            }
            PartitionEntry::Called(step) => {
                if let PartitionCall::MakeLeader { view, .. } | PartitionCall::MakeFollower { view, .. } = &step.call {
                    let name = format!("{}-{}", view.topic, step.partition.partition);
                    if name == self.partition {
                        self.ids.insert(step.partition);
                    }
                    self.hosted.insert(name);
                }
                if self.ids.contains(&step.partition) {
                    let (before, step) = (std::mem::take(&mut self.before), step.clone());
                    self.lines.push(Line { at_ns, what: What::Call { now, before, step } });
                }
            }
            PartitionEntry::Deleted { partition } => {
                if self.ids.remove(partition) {
                    self.lines.push(Line { at_ns, what: What::Deleted { now } });
                }
            }
        }
    }

    fn is_of_replica(&self, path: &str) -> bool {
        let checkpoints =
            [OffsetCheckpoint::HighWatermark, OffsetCheckpoint::RecoveryPoint, OffsetCheckpoint::LogStart];
        path.strip_prefix(&*self.partition).is_some_and(|rest| rest.starts_with('/'))
            || path == CLEAN_SHUTDOWN_FILE
            || checkpoints.iter().any(|checkpoint| checkpoint.path() == path)
    }
}

impl Watch<Actor> for Recorder {
    fn booted(&mut self, at_ns: u64, node: Node, incarnation: u32, disk: &Disk) {
        if node != self.node {
            return;
        }
        self.ids.clear();
        self.before.clear();
        self.brokers = None;
        let paths = disk.paths().into_iter().filter(|path| self.is_of_replica(path));
        let disk = paths.filter_map(|path| Some((Rc::clone(&path), disk.read(&path)?))).collect();
        self.lines.push(Line { at_ns, what: What::Boot { incarnation, disk } });
    }

    fn input(&mut self, _: u64, node: Node, _: Thread, _: &Input<Actor>) {
        self.is_stepped |= node == self.node;
    }

    fn stepped(&mut self, at_ns: u64, node: Node, _: Thread, process: &Actor) {
        if node != self.node || !std::mem::take(&mut self.is_stepped) {
            return;
        }
        let Actor::Server(server) = process else { return };
        let Some((entries, arguments)) = server.dialogue() else { return };
        for entry in entries {
            if let DialogueEntry::Partition(entry) = entry
                && let Some(entry) = entry.downcast_ref()
            {
                self.entry(at_ns, arguments.now, entry);
            }
        }
    }

    fn down(&mut self, at_ns: u64, node: Node, _: &Disk, how: Down) {
        if node == self.node {
            self.lines.push(Line { at_ns, what: What::Down { how } });
        }
    }
}

impl Listener for Recorder {
    fn broken(&mut self, _: &Violation, _: ViolatedBy) {}
}
