//! Whose disks a dynamic quorum may lose: voters have directory ids (KIP-853), so a controller with a new disk is another
//! replica, which breaks no promise of the former one and may become a voter in its place. Any number of disks may be lost in
//! a run, as long as each voter set keeps a majority of its replicas.

use std::collections::{BTreeMap, BTreeSet};

use raft::ids::{NodeId, Uuid};
use raft::voter_set::{VoterNode, VoterSet};

#[derive(Clone, Debug, Default)]
pub struct VoterDisks {
    /// The last one that is committed.
    committed: VoterSet,
    /// Of the disks of the controllers.
    directories: BTreeMap<NodeId, Uuid>,
    /// Directory ids whose disks were replaced.
    gone: BTreeSet<Uuid>,
    /// When the disk of a controller was replaced, ns: the former replica may be added still.
    replaced_ns: BTreeMap<NodeId, u64>,
    /// Operators remove voters that work, at any time, as long as more than so many are left.
    least_voters: Option<usize>,
}

/// What is known of the disks of the other controllers.
#[derive(Clone, Copy)]
pub struct OtherDisks<'a> {
    /// Bytes of a controller, which has its directory id still, were destroyed.
    pub is_damaged: &'a dyn Fn(NodeId) -> bool,
    /// Those whose disks were replaced, and that are behind still. The leader may take a former replica for one that has caught
    /// up, and add it: its successor answers for it (ApiVersions).
    pub behind: &'a [NodeId],
}

/// An AddRaftVoter that names a former replica may be under way for so long.
const ADDITION_NS: u64 = 10_000_000_000;

impl VoterDisks {
    pub fn new(committed: VoterSet, least_voters: Option<usize>) -> VoterDisks {
        let directory = |voter: &VoterNode| Some((voter.id, voter.directory_id?));
        let directories = committed.nodes().iter().filter_map(directory).collect();
        VoterDisks { committed, directories, gone: BTreeSet::new(), replaced_ns: BTreeMap::new(), least_voters }
    }

    /// Are operators about to give the voters directory ids? A voter that lost its disk before would be in the first such set,
    /// with an id that nobody has any more.
    pub fn are_to_be_known_by_directory(&self) -> bool {
        self.least_voters.is_some() && !self.are_known_by_directory()
    }

    /// Do the voters have directory ids?
    pub fn are_known_by_directory(&self) -> bool {
        self.committed.nodes().iter().all(|voter| voter.directory_id.is_some())
    }

    /// The first set with directory ids, which an upgrade from `kraft.version` 0 writes, tells those of all voters.
    pub fn committed(&mut self, voters: VoterSet) {
        if !self.are_known_by_directory() {
            self.directories.extend(voters.nodes().iter().filter_map(|voter| Some((voter.id, voter.directory_id?))));
        }
        self.committed = voters;
    }

    /// A process writes the directory id of its disk. If it had another one, it has got a new disk.
    pub fn formatted(&mut self, id: NodeId, directory: Uuid) {
        self.gone.extend(self.directories.insert(id, directory).filter(|former| *former != directory));
    }

    pub fn has_voter(&self, id: NodeId) -> bool {
        self.committed.ids().contains(&id)
    }

    /// The disk of a controller is replaced.
    pub fn replaced(&mut self, id: NodeId, at_ns: u64) {
        self.gone.extend(self.directories.remove(&id));
        self.replaced_ns.insert(id, at_ns);
    }

    /// Would a voter set be left without a majority if this controller lost its disk? One that is no voter counts: it may be
    /// about to be one. `written` are the voter sets that are not committed.
    pub fn would_be_too_many(&self, id: NodeId, at_ns: u64, others: OtherDisks<'_>, written: &[VoterSet]) -> bool {
        let is_lost = |voter: &VoterNode| {
            (others.is_damaged)(voter.id) || voter.directory_id.is_some_and(|directory| self.gone.contains(&directory))
        };
        let replaced = self.replaced_ns.iter().filter(|(_, replaced_ns)| at_ns - **replaced_ns < ADDITION_NS);
        let lost: BTreeSet<NodeId> = others.behind.iter().copied().chain(replaced.map(|(id, _)| *id)).collect();
        written.iter().chain([&self.committed]).any(|set| {
            let (same, rest): (Vec<&VoterNode>, Vec<&VoterNode>) = set.nodes().iter().partition(|voter| voter.id == id);
            let joins_lost = lost.iter().any(|lost| *lost != id && set.ids().binary_search(lost).is_err());
            let joins_lost = usize::from(joins_lost);
            let size = set.nodes().len() + usize::from(same.is_empty()) + joins_lost;
            let least = self.least_voters.map_or(size, |least| least.min(size));
            1 + rest.iter().filter(|voter| is_lost(voter)).count() + joins_lost > least.saturating_sub(1) / 2
        })
    }
}
