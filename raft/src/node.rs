//! A Kafka process with `process.roles=controller`: its state, and which thread does what.

use std::rc::Rc;

use crate::bugs::{Bug, Bugs};
use crate::config::ControllerConfig;
use crate::controller::RecordLog;
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, Uuid};
use crate::io::{DurableFiles, Effect, Entropy, Input, Now, Out, Role, ThreadName, Visitor};
use crate::log::{MetaProperties, read_meta_properties, write_meta_properties};
use crate::message::Request;
use crate::quorum::RaftClient;
use crate::quorum::client::RaftSetup;
use crate::quorum::step::{Fatal, Step, throw};

/// What a process is started with; survives everything.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its properties. A node whose id is not among the voters is an observer.
    pub config: Rc<ControllerConfig>,
    /// `cluster.id`
    pub cluster_id: Rc<str>,
    /// Mistakes switched on.
    pub bugs: Bugs,
    /// Mends switched on.
    pub fixes: Fixes,
}

/// A running process; dead after a fatal fault or an orderly end, and then deaf.
#[derive(Clone, Debug)]
pub struct Node {
    alive: Option<Alive>,
    /// [`Bug::Kafka14644FaultSwallowed`]
    swallows_faults: bool,
}

#[derive(Clone, Debug)]
struct Alive {
    raft: RaftClient,
    controller: RecordLog,
}

impl Node {
    /// Starts from what the disk kept; an empty disk is formatted first. Effects belong to the
    /// raft thread. A start that fails ends the process.
    pub fn boot(spec: &NodeSpec, now: Now, entropy: &mut dyn Entropy, files: &dyn DurableFiles, out: &mut Out) -> Node {
        let mut step = Step { now, entropy, out };
        let alive = Alive::boot(spec, files, &mut step);
        let alive = alive.map_err(|fatal| halt(&fatal, step.out)).ok();
        Node { alive, swallows_faults: spec.bugs.has(Bug::Kafka14644FaultSwallowed) }
    }

    /// One input for one thread.
    pub fn step(&mut self, thread: ThreadName, now: Now, input: Input, entropy: &mut dyn Entropy, out: &mut Out) {
        let Some(alive) = &mut self.alive else {
            if self.swallows_faults {
                return;
            }
            // Its last effects were dropped by a failed fsync, the end of the process among them.
            out.push(Effect::Halt { reason: Rc::from("the process had ended already"), fatal: false });
            return;
        };
        let mut step = Step { now, entropy, out };
        let result = match thread {
            ThreadName::RaftIo => alive.raft.step(input, &mut step),
            ThreadName::ControllerEventQueue => alive.controller.step(&mut alive.raft, input, &mut step),
            ThreadName::ControllerRequestHandler
            | ThreadName::MetadataLoader
            | ThreadName::BrokerLifecycle
            | ThreadName::RequestHandler => Ok(()),
        };
        let shut_down = alive.raft.has_shut_down();
        if let Err(fatal) = &result
            && !self.swallows_faults
        {
            halt(fatal, step.out);
        }
        if result.is_err() || shut_down {
            self.alive = None;
        }
    }

    /// The thread that takes a request from the network.
    pub fn thread_for(request: &Request) -> ThreadName {
        match request {
            Request::AppendRecords(_)
            | Request::ReadRecords(_)
            | Request::Data(_)
            | Request::Cluster(_)
            | Request::Admin(_)
            | Request::Envelope(_) => ThreadName::ControllerEventQueue,
            Request::Vote(_) | Request::BeginQuorumEpoch(_) | Request::EndQuorumEpoch(_) | Request::Fetch(_) => {
                ThreadName::RaftIo
            }
        }
    }

    /// For audits and the canonical state hash; a dead process shows nothing.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        if let Some(alive) = &self.alive {
            alive.raft.visit(visitor);
        }
    }

    /// `None` if the process has ended.
    pub fn role(&self) -> Option<Role> {
        self.alive.as_ref().map(|alive| alive.raft.quorum().role())
    }

    /// `None` if the process has ended.
    pub fn epoch(&self) -> Option<LeaderEpoch> {
        self.alive.as_ref().map(|alive| alive.raft.quorum().epoch())
    }

    /// The epoch in which its state machine was told that it leads: it is the active controller.
    pub fn active_in(&self) -> Option<LeaderEpoch> {
        self.alive.as_ref().and_then(|alive| alive.controller.claimed())
    }

    /// Does it vote? `false` if the process has ended.
    pub fn is_voter(&self) -> bool {
        self.alive.as_ref().is_some_and(|alive| alive.raft.quorum().is_voter())
    }
}

impl Alive {
    fn boot(spec: &NodeSpec, files: &dyn DurableFiles, step: &mut Step<'_>) -> Result<Alive, Fatal> {
        let directory_id = directory_id(spec, files, step)?;
        let setup = RaftSetup {
            config: Rc::clone(&spec.config),
            cluster_id: Rc::clone(&spec.cluster_id),
            directory_id,
            bugs: spec.bugs,
            fixes: spec.fixes,
        };
        let raft = RaftClient::open(setup, files, step)?;
        Ok(Alive { raft, controller: RecordLog::new(&spec.config, spec.bugs) })
    }
}

/// Of `meta.properties`, which `kafka-storage format` writes on an empty disk.
fn directory_id(spec: &NodeSpec, files: &dyn DurableFiles, step: &mut Step<'_>) -> Result<Uuid, Fatal> {
    let node_id = spec.config.node_id;
    if let Some(found) = read_meta_properties(files)? {
        if found.cluster_id != spec.cluster_id || found.node_id != node_id {
            throw!(
                "meta.properties is of node {} of cluster {}, this is node {node_id} of cluster {}",
                found.node_id,
                found.cluster_id,
                spec.cluster_id
            );
        }
        return Ok(found.directory_id);
    }
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = step.entropy.below(256).to_le_bytes()[0];
    }
    // A random UUID (version 4, RFC 9562): never zero, never one of Kafka's reserved ids.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let directory_id = Uuid(bytes);
    let properties = MetaProperties { cluster_id: Rc::clone(&spec.cluster_id), node_id, directory_id };
    write_meta_properties(&properties, step.out);
    Ok(directory_id)
}

fn halt(fatal: &Fatal, out: &mut Out) {
    out.push(Effect::Halt { reason: fatal.0.as_str().into(), fatal: true });
}
