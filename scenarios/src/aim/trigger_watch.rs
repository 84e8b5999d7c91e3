//! Detects the events that triggers wait for as they cross a node's border; only those that some trigger of the run
//! names.

use raft::broker::observation::BrokerObservation;
use raft::io::{Observation, Role};
use raft::log::QUORUM_STATE;
use raft::message::{ClusterRequest, ClusterResponse, DataResponse, ErrorCode, Request, Response};
use sim::fault::{Occurrence, Plan};
use sim::process::Node;
use sim::watch::Write;

use super::tracker::{Commit, LOG_SUFFIX, METADATA_LOG, Tracker};
use super::trigger_event::TriggerEvent;
use crate::actor::Message;

/// How the name of a snapshot that is not complete ends.
const PARTIAL_SNAPSHOT: &str = ".checkpoint.part";

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct TriggerWatch {
    /// Events that some trigger names.
    wanted: u32,
    /// Some fault has a guard.
    is_guarded: bool,
    occurrences: Vec<Occurrence>,
    /// Open files whose writes are of interest, by node.
    files: Vec<(Node, u32, TriggerEvent)>,
}

impl TriggerWatch {
    /// A watch for the events that a plan waits for.
    pub fn new(plan: &Plan) -> TriggerWatch {
        let named = plan.0.iter().filter_map(|fault| TriggerEvent::by_name(&fault.on.as_ref()?.name));
        TriggerWatch {
            wanted: named.fold(0, |wanted, event| wanted | event.bit()),
            is_guarded: plan.0.iter().any(|fault| fault.unless.is_some()),
            ..TriggerWatch::default()
        }
    }

    /// Whether it watches for any event.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.wanted == 0
    }

    /// Whether triggers or guards need a tracker of the cluster.
    pub fn needs_tracker(&self) -> bool {
        !self.is_idle() || self.is_guarded
    }

    /// Has an event occurred?
    #[inline]
    pub fn has_occurrences(&self) -> bool {
        !self.occurrences.is_empty()
    }

    /// The events that have occurred, in order.
    pub fn take(&mut self) -> Vec<Occurrence> {
        std::mem::take(&mut self.occurrences)
    }

    fn wants(&self, event: TriggerEvent) -> bool {
        self.wanted & event.bit() != 0
    }

    fn note(&mut self, event: TriggerEvent, seen: Node, peer: Option<Node>) {
        if self.wants(event) {
            self.occurrences.push(Occurrence { trigger: event.name(), seen, peer });
        }
    }

    /// A server reported an observation about itself.
    pub fn observed(&mut self, node: Node, observation: Observation) {
        let event = match observation {
            Observation::RoleChanged { role: Role::Prospective, .. } => TriggerEvent::Prospective,
            Observation::RoleChanged { role: Role::Candidate, .. } => TriggerEvent::Candidate,
            Observation::RoleChanged { role: Role::Leader, .. } => TriggerEvent::LeaderElected,
            Observation::RoleChanged { role: Role::Resigned, .. } => TriggerEvent::LeaderResigned,
            Observation::LeadershipAnnounced { .. } => TriggerEvent::ControllerActive,
            Observation::Truncated { .. } => TriggerEvent::MetadataLogTruncated,
            Observation::SnapshotInstalled { .. } => TriggerEvent::SnapshotInstalled,
            Observation::Broker(BrokerObservation::BecameLeader { .. }) => TriggerEvent::PartitionLeader,
            Observation::Broker(BrokerObservation::BecameFollower { .. }) => TriggerEvent::PartitionFollower,
            Observation::Broker(BrokerObservation::Truncated { .. }) => TriggerEvent::PartitionLogTruncated,
            Observation::Broker(BrokerObservation::IsrState { in_flight: true, .. }) => TriggerEvent::IsrChangeProposed,
            // BrokerState: RECOVERY, RUNNING, PENDING_CONTROLLED_SHUTDOWN
            Observation::Broker(BrokerObservation::Lifecycle { state: 2, .. }) => TriggerEvent::BrokerRecovering,
            Observation::Broker(BrokerObservation::Lifecycle { state: 3, .. }) => TriggerEvent::BrokerRunning,
            Observation::Broker(BrokerObservation::Lifecycle { state: 6, .. }) => TriggerEvent::BrokerStopping,
            _ => return,
        };
        self.note(event, node, None);
    }

    /// The high watermark of leader `node` has passed these records.
    pub fn committed(&mut self, node: Node, commits: &[Commit], tracker: &Tracker) {
        for Commit { event, about } in commits {
            self.note(*event, node, about.and_then(|id| tracker.place(id)));
        }
    }

    /// A server writes to its disk.
    pub fn wrote(&mut self, node: Node, write: Write<'_>) {
        match write {
            Write::Open { file, path, .. } => {
                self.files.retain(|(owner, handle, _)| (*owner, *handle) != (node, file.0));
                let event = if path.ends_with(PARTIAL_SNAPSHOT) {
                    return self.note(TriggerEvent::SnapshotBegun, node, None);
                } else if path.starts_with(QUORUM_STATE) {
                    TriggerEvent::QuorumStateWritten
                } else if !path.ends_with(LOG_SUFFIX) {
                    return;
                } else if path.starts_with(METADATA_LOG) {
                    TriggerEvent::MetadataLogWritten
                } else {
                    TriggerEvent::PartitionLogWritten
                };
                if self.wants(event) {
                    self.files.push((node, file.0, event));
                }
            }
            Write::Append { file, .. } | Write::ShortAppend { file, .. } => {
                let known = self.files.iter().find(|(owner, handle, _)| (*owner, *handle) == (node, file.0));
                if let Some((_, _, event)) = known {
                    self.note(*event, node, None);
                }
            }
            Write::Rename { from, .. } if from.ends_with(PARTIAL_SNAPSHOT) => {
                self.note(TriggerEvent::SnapshotComplete, node, None);
            }
            _ => {}
        }
    }

    /// A message leaves a server for another node.
    pub fn sent(&mut self, (from, to): (Node, Node), message: &Message, tracker: &Tracker) {
        match message {
            Message::Request { request: Request::Cluster(ClusterRequest::AlterPartition(request)), .. }
                if self.wants(TriggerEvent::AlterPartitionSent) =>
            {
                self.note(TriggerEvent::AlterPartitionSent, from, tracker.moved_by(request));
            }
            Message::Request { request: Request::FetchSnapshot(_), .. } => {
                self.note(TriggerEvent::FetchSnapshotSent, from, Some(to));
            }
            Message::Response { response: Response::Cluster(ClusterResponse::AlterPartition(answer)), .. }
                if answer.error == ErrorCode::None =>
            {
                self.note(TriggerEvent::AlterPartitionAnswered, from, Some(to));
            }
            Message::Response { response: Response::Data(DataResponse::Produce(answer)), .. }
                if answer.partitions.iter().any(|partition| partition.error == ErrorCode::None) =>
            {
                self.note(TriggerEvent::ProduceAcknowledged, from, None);
            }
            _ => {}
        }
    }

    /// A node is down: its handles are closed.
    pub fn down(&mut self, node: Node) {
        self.files.retain(|(owner, ..)| *owner != node);
    }
}
