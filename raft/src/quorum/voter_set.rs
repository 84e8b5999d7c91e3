//! The voters and their endpoints: a value and not a constant, because KIP-853 reads it from the log. With
//! kraft.version 0 it is always `controller.quorum.voters`.

use std::rc::Rc;

use crate::config::Voter;
use crate::ids::{NodeId, ReplicaKey, Uuid};
use crate::message::Endpoints;

/// Kafka's `VoterSet.VoterNode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterNode {
    pub id: NodeId,
    /// `None` with kraft.version 0, which has no directory ids.
    pub directory_id: Option<Uuid>,
    pub endpoints: Endpoints,
}

/// Kafka's `VoterSet`; ascending by id, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSet {
    voters: Rc<[VoterNode]>,
    ids: Rc<[NodeId]>,
}

impl VoterSet {
    /// The static set of kraft.version 0.
    pub fn from_static(voters: &[Voter]) -> VoterSet {
        let node =
            |voter: &Voter| VoterNode { id: voter.id, directory_id: None, endpoints: [voter.endpoint.clone()].into() };
        let mut nodes: Vec<VoterNode> = voters.iter().map(node).collect();
        nodes.sort_by_key(|voter| voter.id);
        VoterSet { ids: nodes.iter().map(|voter| voter.id).collect(), voters: nodes.into() }
    }

    /// All ids, ascending.
    pub fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    pub fn len(&self) -> usize {
        self.voters.len()
    }

    /// There are no voters: only before a cluster is bootstrapped.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty()
    }

    /// Number of votes needed to win.
    pub fn majority(&self) -> usize {
        self.len() / 2 + 1
    }

    /// Ids must be equal, and directory ids too where the set has one (consensus.md §1.1).
    pub fn is_voter(&self, key: ReplicaKey) -> bool {
        self.voters.iter().any(|voter| {
            voter.id == key.id && voter.directory_id.is_none_or(|directory| key.directory_id == Some(directory))
        })
    }

    /// Whether this is the only voter.
    pub fn is_only_voter(&self, key: ReplicaKey) -> bool {
        self.len() == 1 && self.is_voter(key)
    }

    /// The replica key of a voter.
    pub fn key_of(&self, id: NodeId) -> Option<ReplicaKey> {
        self.voters.iter().find(|voter| voter.id == id).map(|voter| ReplicaKey { id, directory_id: voter.directory_id })
    }

    /// The endpoints of a voter.
    pub fn endpoints(&self, id: NodeId) -> Option<&Endpoints> {
        self.voters.iter().find(|voter| voter.id == id).map(|voter| &voter.endpoints)
    }
}
