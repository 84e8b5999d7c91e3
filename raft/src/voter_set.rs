//! The voters and their endpoints (KIP-853). With kraft.version 0 they are those of `controller.quorum.voters`, above it
//! those of the last KRaftVoters record.

use std::rc::Rc;

use crate::ids::{NodeId, ReplicaKey, Uuid};

/// A listener's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Listener name, `CONTROLLER` usually.
    pub name: Rc<str>,
    pub host: Rc<str>,
    pub port: u16,
}

/// All addresses of one node; shared, because they seldom change. Empty means unknown.
pub type Endpoints = Rc<[Endpoint]>;

/// The range of `kraft.version` that a replica supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KRaftVersionFeature {
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl KRaftVersionFeature {
    /// The versions of Kafka 4 (`KRaftVersion`).
    pub const SUPPORTED: KRaftVersionFeature =
        KRaftVersionFeature { min_supported_version: 0, max_supported_version: 1 };

    /// That of a voter in `controller.quorum.voters` (`VoterSet.fromInetSocketAddresses`).
    pub const OF_STATIC_VOTER: KRaftVersionFeature =
        KRaftVersionFeature { min_supported_version: 0, max_supported_version: 0 };

    /// Whether a level is in the range.
    pub fn contains(&self, level: i16) -> bool {
        (self.min_supported_version..=self.max_supported_version).contains(&level)
    }
}

/// Kafka's `VoterSet.VoterNode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterNode {
    pub id: NodeId,
    /// `None` with kraft.version 0, which has no directory ids.
    pub directory_id: Option<Uuid>,
    pub endpoints: Endpoints,
    /// The versions of `kraft.version` that it supports; 0 to 0 of a static voter.
    pub supported: KRaftVersionFeature,
}

impl VoterNode {
    pub fn key(&self) -> ReplicaKey {
        ReplicaKey { id: self.id, directory_id: self.directory_id }
    }

    /// Ids must be equal, and directory ids too where the voter has one (consensus.md §1.1).
    pub fn is_voter(&self, key: ReplicaKey) -> bool {
        self.id == key.id && self.directory_id.is_none_or(|directory| key.directory_id == Some(directory))
    }
}

/// Kafka's `VoterSet`; ascending by id, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSet {
    voters: Rc<[VoterNode]>,
    ids: Rc<[NodeId]>,
}

impl Default for VoterSet {
    fn default() -> VoterSet {
        VoterSet::of(Vec::new())
    }
}

impl VoterSet {
    /// Voters of `kraft.version` 0, by their ids alone.
    pub fn of_ids(ids: &[NodeId]) -> VoterSet {
        let supported = KRaftVersionFeature::OF_STATIC_VOTER;
        let node = |id: &NodeId| VoterNode {
            id: *id,
            directory_id: None,
            endpoints: Endpoints::default(),
            supported: supported.clone(),
        };
        VoterSet::of(ids.iter().map(node).collect())
    }

    /// A set of these voters, of different ids.
    pub fn of(mut nodes: Vec<VoterNode>) -> VoterSet {
        nodes.sort_by_key(|voter| voter.id);
        VoterSet { ids: nodes.iter().map(|voter| voter.id).collect(), voters: nodes.into() }
    }

    /// All voters, ascending by id.
    pub fn nodes(&self) -> &[VoterNode] {
        &self.voters
    }

    /// The same value, not an equal one.
    pub fn is_same(&self, other: &VoterSet) -> bool {
        Rc::ptr_eq(&self.voters, &other.voters)
    }

    /// With another voter; `None` if its id is in the set.
    pub fn add_voter(&self, voter: VoterNode) -> Option<VoterSet> {
        let is_new = !self.ids.contains(&voter.id);
        is_new.then(|| VoterSet::of(self.voters.iter().cloned().chain([voter]).collect()))
    }

    /// Without this voter; `None` if its key is not in the set, or is all of it.
    pub fn remove_voter(&self, key: ReplicaKey) -> Option<VoterSet> {
        let rest: Vec<VoterNode> = self.voters.iter().filter(|voter| voter.key() != key).cloned().collect();
        (rest.len() < self.len() && !rest.is_empty()).then(|| VoterSet::of(rest))
    }

    /// With this voter in place of the one of its key; `None` if there is none.
    pub fn update_voter(&self, voter: VoterNode) -> Option<VoterSet> {
        self.replace(voter, |old, new| old.is_voter(new.key()))
    }

    /// With this voter in place of the one of its id; `None` if there is none.
    pub fn update_voter_ignoring_directory_id(&self, voter: VoterNode) -> Option<VoterSet> {
        self.replace(voter, |old, new| old.id == new.id)
    }

    fn replace(&self, voter: VoterNode, is_old: impl Fn(&VoterNode, &VoterNode) -> bool) -> Option<VoterSet> {
        let place = self.voters.iter().position(|old| is_old(old, &voter))?;
        let mut nodes = self.voters.to_vec();
        nodes[place] = voter;
        Some(VoterSet::of(nodes))
    }

    /// Whether it has this voter with another description.
    pub fn voter_node_needs_update(&self, voter: &VoterNode) -> bool {
        self.voters.iter().any(|old| old.is_voter(voter.key()) && old != voter)
    }

    /// Whether all voters support a level of `kraft.version`.
    pub fn supports_version(&self, level: i16) -> bool {
        self.voters.iter().all(|voter| voter.supported.contains(level))
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
        self.voters.iter().any(|voter| voter.is_voter(key))
    }

    /// Whether this is the only voter.
    pub fn is_only_voter(&self, key: ReplicaKey) -> bool {
        self.len() == 1 && self.is_voter(key)
    }

    /// The replica key of a voter.
    pub fn key_of(&self, id: NodeId) -> Option<ReplicaKey> {
        self.voters.iter().find(|voter| voter.id == id).map(VoterNode::key)
    }

    /// The endpoints of a voter.
    pub fn endpoints(&self, id: NodeId) -> Option<&Endpoints> {
        self.voters.iter().find(|voter| voter.id == id).map(|voter| &voter.endpoints)
    }
}
