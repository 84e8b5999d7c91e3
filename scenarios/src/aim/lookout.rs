//! Notices what triggers wait for, as it crosses the border; only what some trigger of the run names.

use raft::broker::observation::BrokerObservation;
use raft::ids::NodeId;
use raft::io::{Observation, Role};
use raft::log::QUORUM_STATE;
use raft::message::{ClusterRequest, ClusterResponse, DataResponse, ErrorCode, Request, Response};
use sim::fault::{Plan, Sighting};
use sim::process::Node;
use sim::watch::Write;

use super::sight::Sight;
use crate::actor::Message;
use crate::checks::Checks;
use crate::checks::cluster::{Commit, DATA_RECORD};

/// Files of the metadata log.
const METADATA_LOG: &str = "__cluster_metadata-0/";
const LOG_SUFFIX: &str = ".log";

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Lookout {
    /// Sights that some trigger names.
    wanted: u32,
    sightings: Vec<Sighting>,
    /// Open files whose writes are of interest, by node.
    files: Vec<(Node, u32, Sight)>,
}

impl Lookout {
    /// Looks for what a plan waits for.
    pub fn new(plan: &Plan) -> Lookout {
        let named = plan.0.iter().filter_map(|fault| Sight::by_name(&fault.on.as_ref()?.sight));
        Lookout { wanted: named.fold(0, |wanted, sight| wanted | sight.bit()), ..Lookout::default() }
    }

    /// Does it look for anything at all?
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.wanted == 0
    }

    /// Are commits of interest?
    pub fn wants_commits(&self) -> bool {
        let is_commit = |sight: &&Sight| sight.name().starts_with("committed:") || **sight == Sight::RecordCommitted;
        Sight::ALL.iter().filter(is_commit).any(|sight| self.wants(*sight))
    }

    /// Has something been sighted?
    #[inline]
    pub fn has_sighted(&self) -> bool {
        !self.sightings.is_empty()
    }

    /// What was sighted, in order.
    pub fn take(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }

    fn wants(&self, sight: Sight) -> bool {
        self.wanted & sight.bit() != 0
    }

    fn sights(&mut self, sight: Sight, seen: Node, peer: Option<Node>) {
        if self.wants(sight) {
            self.sightings.push(Sighting { sight: sight.name(), seen, peer });
        }
    }

    /// A server said something of itself.
    pub fn observed(&mut self, node: Node, observation: Observation) {
        let sight = match observation {
            Observation::RoleChanged { role: Role::Prospective, .. } => Sight::Prospective,
            Observation::RoleChanged { role: Role::Candidate, .. } => Sight::Candidate,
            Observation::RoleChanged { role: Role::Leader, .. } => Sight::LeaderElected,
            Observation::RoleChanged { role: Role::Resigned, .. } => Sight::LeaderResigned,
            Observation::LeadershipAnnounced { .. } => Sight::ControllerActive,
            Observation::Truncated { .. } => Sight::MetadataLogTruncated,
            Observation::Broker(BrokerObservation::BecameLeader { .. }) => Sight::PartitionLeader,
            Observation::Broker(BrokerObservation::BecameFollower { .. }) => Sight::PartitionFollower,
            Observation::Broker(BrokerObservation::Truncated { .. }) => Sight::PartitionLogTruncated,
            Observation::Broker(BrokerObservation::IsrState { in_flight: true, .. }) => Sight::IsrChangeProposed,
            // BrokerState: RECOVERY, RUNNING, PENDING_CONTROLLED_SHUTDOWN
            Observation::Broker(BrokerObservation::Lifecycle { state: 2, .. }) => Sight::BrokerRecovering,
            Observation::Broker(BrokerObservation::Lifecycle { state: 3, .. }) => Sight::BrokerRunning,
            Observation::Broker(BrokerObservation::Lifecycle { state: 6, .. }) => Sight::BrokerStopping,
            _ => return,
        };
        self.sights(sight, node, None);
    }

    /// The high watermark of the leader `node` has passed these.
    pub fn committed(&mut self, node: Node, commits: impl Iterator<Item = (Commit, Option<Node>)>) {
        for (Commit { record, .. }, about) in commits {
            let is_of = |sight: &&Sight| match sight {
                Sight::RecordCommitted => record == DATA_RECORD,
                sight => sight.name().strip_prefix("committed:") == Some(record),
            };
            if let Some(sight) = Sight::ALL.iter().find(is_of) {
                self.sights(*sight, node, about);
            }
        }
    }

    /// A server changes its disk.
    pub fn wrote(&mut self, node: Node, write: Write<'_>) {
        match write {
            Write::Open { file, path, .. } => {
                self.files.retain(|(owner, handle, _)| (*owner, *handle) != (node, file.0));
                let sight = if path.starts_with(QUORUM_STATE) {
                    Sight::QuorumStateWritten
                } else if !path.ends_with(LOG_SUFFIX) {
                    return;
                } else if path.starts_with(METADATA_LOG) {
                    Sight::MetadataLogWritten
                } else {
                    Sight::PartitionLogWritten
                };
                if self.wants(sight) {
                    self.files.push((node, file.0, sight));
                }
            }
            Write::Append { file, .. } => {
                let known = self.files.iter().find(|(owner, handle, _)| (*owner, *handle) == (node, file.0));
                if let Some((_, _, sight)) = known {
                    self.sights(*sight, node, None);
                }
            }
            _ => {}
        }
    }

    /// A message leaves a server for another node.
    pub fn sent(&mut self, (from, to): (Node, Node), message: &Message, checks: Option<&Checks>) {
        match message {
            Message::Request { request: Request::Cluster(ClusterRequest::AlterPartition(request)), .. }
                if self.wants(Sight::AlterPartitionSent) =>
            {
                let cluster = checks.and_then(Checks::cluster);
                let peer = cluster.and_then(|cluster| cluster.replication().moved_by(request));
                self.sights(Sight::AlterPartitionSent, from, peer.map(|server| Node(server as u16)));
            }
            Message::Response { response: Response::Cluster(ClusterResponse::AlterPartition(answer)), .. }
                if answer.error == ErrorCode::None =>
            {
                self.sights(Sight::AlterPartitionAnswered, from, Some(to));
            }
            Message::Response { response: Response::Data(DataResponse::Produce(answer)), .. }
                if answer.partitions.iter().any(|partition| partition.error == ErrorCode::None) =>
            {
                self.sights(Sight::ProduceAcknowledged, from, None);
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
