//! Notices what triggers wait for, as it crosses the border; only what some trigger of the run names.

use raft::broker::observation::BrokerObservation;
use raft::ids::NodeId;
use raft::io::{Observation, Role};
use raft::log::QUORUM_STATE;
use raft::message::{ClusterRequest, ClusterResponse, DataResponse, ErrorCode, Request, Response};
use sim::fault::{Occurrence, Plan};
use sim::process::Node;
use sim::watch::Write;

use super::trigger_event::TriggerEvent;
use crate::actor::Message;
use crate::checks::Checks;
use crate::checks::cluster::{Commit, DATA_RECORD};

/// Files of the metadata log.
const METADATA_LOG: &str = "__cluster_metadata-0/";
const LOG_SUFFIX: &str = ".log";

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct TriggerWatch {
    /// Events that some trigger names.
    wanted: u32,
    occurrences: Vec<Occurrence>,
    /// Open files whose writes are of interest, by node.
    files: Vec<(Node, u32, TriggerEvent)>,
}

impl TriggerWatch {
    /// Looks for what a plan waits for.
    pub fn new(plan: &Plan) -> TriggerWatch {
        let named = plan.0.iter().filter_map(|fault| TriggerEvent::by_name(&fault.on.as_ref()?.name));
        TriggerWatch { wanted: named.fold(0, |wanted, event| wanted | event.bit()), ..TriggerWatch::default() }
    }

    /// Does it look for anything at all?
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.wanted == 0
    }

    /// Are commits of interest?
    pub fn wants_commits(&self) -> bool {
        let is_commit =
            |event: &&TriggerEvent| event.name().starts_with("committed:") || **event == TriggerEvent::RecordCommitted;
        TriggerEvent::ALL.iter().filter(is_commit).any(|event| self.wants(*event))
    }

    /// Has an event occurred?
    #[inline]
    pub fn has_occurrences(&self) -> bool {
        !self.occurrences.is_empty()
    }

    /// What has occurred, in order.
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

    /// A server said something of itself.
    pub fn observed(&mut self, node: Node, observation: Observation) {
        let event = match observation {
            Observation::RoleChanged { role: Role::Prospective, .. } => TriggerEvent::Prospective,
            Observation::RoleChanged { role: Role::Candidate, .. } => TriggerEvent::Candidate,
            Observation::RoleChanged { role: Role::Leader, .. } => TriggerEvent::LeaderElected,
            Observation::RoleChanged { role: Role::Resigned, .. } => TriggerEvent::LeaderResigned,
            Observation::LeadershipAnnounced { .. } => TriggerEvent::ControllerActive,
            Observation::Truncated { .. } => TriggerEvent::MetadataLogTruncated,
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

    /// The high watermark of the leader `node` has passed these.
    pub fn committed(&mut self, node: Node, commits: impl Iterator<Item = (Commit, Option<Node>)>) {
        for (Commit { record, .. }, about) in commits {
            let is_of = |event: &&TriggerEvent| match event {
                TriggerEvent::RecordCommitted => record == DATA_RECORD,
                event => event.name().strip_prefix("committed:") == Some(record),
            };
            if let Some(event) = TriggerEvent::ALL.iter().find(is_of) {
                self.note(*event, node, about);
            }
        }
    }

    /// A server changes its disk.
    pub fn wrote(&mut self, node: Node, write: Write<'_>) {
        match write {
            Write::Open { file, path, .. } => {
                self.files.retain(|(owner, handle, _)| (*owner, *handle) != (node, file.0));
                let event = if path.starts_with(QUORUM_STATE) {
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
            Write::Append { file, .. } => {
                let known = self.files.iter().find(|(owner, handle, _)| (*owner, *handle) == (node, file.0));
                if let Some((_, _, event)) = known {
                    self.note(*event, node, None);
                }
            }
            _ => {}
        }
    }

    /// A message leaves a server for another node.
    pub fn sent(&mut self, (from, to): (Node, Node), message: &Message, checks: Option<&Checks>) {
        match message {
            Message::Request { request: Request::Cluster(ClusterRequest::AlterPartition(request)), .. }
                if self.wants(TriggerEvent::AlterPartitionSent) =>
            {
                let cluster = checks.and_then(Checks::cluster);
                let peer = cluster.and_then(|cluster| cluster.replication().moved_by(request));
                self.note(TriggerEvent::AlterPartitionSent, from, peer.map(|server| Node(server as u16)));
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

    /// A node is down: its handles are gone.
    pub fn down(&mut self, node: Node) {
        self.files.retain(|(owner, ..)| *owner != node);
    }
}

/// The place of a server, by its node id.
pub fn place(servers: &[NodeId], id: NodeId) -> Option<Node> {
    servers.iter().position(|other| *other == id).map(|index| Node(index as u16))
}
