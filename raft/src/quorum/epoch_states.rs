//! The data of a replica in each of its six states, and the count of votes in an election (consensus.md §1.1, §3.3).
//! The leader's data is in `leader_state`.

use std::rc::Rc;

use smallvec::SmallVec;

use super::leader_state::LeaderState;
use super::timer::Timer;
use crate::ids::{NodeId, Offset, ReplicaKey};
use crate::message::Endpoints;
use crate::snapshot::RawSnapshotWriter;
use crate::step::{Fatal, throw};
use crate::voter_set::VoterSet;

/// The answer of one voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VoterAnswer {
    Unrecorded,
    Granted,
    Rejected,
}

/// Kafka's `EpochElection`: the count of votes over the voter set as it was when the state was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochElection {
    answers: SmallVec<[(NodeId, VoterAnswer); 7]>,
}

impl EpochElection {
    /// A new election, with the replica's own vote granted.
    pub fn new(voters: &VoterSet, local: NodeId) -> EpochElection {
        let answer = |id| (id, if id == local { VoterAnswer::Granted } else { VoterAnswer::Unrecorded });
        EpochElection { answers: voters.ids().iter().map(|id| answer(*id)).collect() }
    }

    /// Records an answer; `true` if it differs from an earlier one. An id outside the set throws.
    pub fn record(&mut self, voter: NodeId, granted: bool) -> Result<bool, Fatal> {
        let Some((_, answer)) = self.answers.iter_mut().find(|(id, _)| *id == voter) else {
            throw!("a vote came from node {voter}, which is not in the voter set of the election");
        };
        let new = if granted { VoterAnswer::Granted } else { VoterAnswer::Rejected };
        let flipped = *answer != VoterAnswer::Unrecorded && *answer != new;
        *answer = new;
        Ok(flipped)
    }

    fn count(&self, wanted: VoterAnswer) -> usize {
        self.answers.iter().filter(|(_, answer)| *answer == wanted).count()
    }

    fn majority(&self) -> usize {
        self.answers.len() / 2 + 1
    }

    /// A majority has granted its vote.
    pub fn is_vote_granted(&self) -> bool {
        self.count(VoterAnswer::Granted) >= self.majority()
    }

    /// A majority can no longer be reached.
    pub fn is_vote_rejected(&self) -> bool {
        self.count(VoterAnswer::Granted) + self.count(VoterAnswer::Unrecorded) < self.majority()
    }

    /// Voters that have not answered yet, ascending.
    pub fn unrecorded(&self) -> impl Iterator<Item = NodeId> {
        self.answers.iter().filter(|(_, answer)| *answer == VoterAnswer::Unrecorded).map(|(id, _)| *id)
    }

    /// Voters that have granted their vote, ascending.
    pub fn granting(&self) -> impl Iterator<Item = NodeId> {
        self.answers.iter().filter(|(_, answer)| *answer == VoterAnswer::Granted).map(|(id, _)| *id)
    }
}

/// No leader is known, or its endpoints are unknown.
#[derive(Clone, Debug)]
pub struct UnattachedState {
    pub leader_id: Option<NodeId>,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub election_timer: Timer,
}

/// KIP-996: requests pre-votes before it starts an epoch.
#[derive(Clone, Debug)]
pub struct ProspectiveState {
    pub leader_id: Option<NodeId>,
    /// Empty if unknown.
    pub leader_endpoints: Endpoints,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub election: EpochElection,
    pub election_timer: Timer,
}

/// Requests votes in an epoch that it has started.
#[derive(Clone, Debug)]
pub struct CandidateState {
    pub election: EpochElection,
    pub high_watermark: Option<Offset>,
    pub election_timer: Timer,
}

/// Fetches from a leader.
#[derive(Clone, Debug)]
pub struct FollowerState {
    pub leader_id: NodeId,
    /// Never empty.
    pub leader_endpoints: Endpoints,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub has_fetched_from_leader: bool,
    pub fetch_timer: Timer,
    /// When it is over, the leader is sent UpdateRaftVoter, until it has accepted one.
    pub update_voter_period: Timer,
    pub update_voter_period_ms: i64,
    pub has_updated_leader: bool,
    /// The snapshot that is being downloaded: FetchSnapshot is sent instead of Fetch.
    pub fetching_snapshot: Option<RawSnapshotWriter>,
}

#[derive(Clone, Copy, Debug)]
pub struct FollowerTimeouts {
    pub fetch_ms: i64,
    /// `FollowerState.updateVoterPeriodMs`
    pub update_voter_period_ms: i64,
}

impl FollowerState {
    /// The state of a replica that has just heard of its leader.
    pub fn new(
        leader_id: NodeId,
        leader_endpoints: Endpoints,
        voted: Option<ReplicaKey>,
        high_watermark: Option<Offset>,
        timeouts: FollowerTimeouts,
        now_ms: i64,
    ) -> FollowerState {
        let FollowerTimeouts { fetch_ms, update_voter_period_ms } = timeouts;
        FollowerState {
            leader_id,
            leader_endpoints,
            voted,
            high_watermark,
            has_fetched_from_leader: false,
            fetch_timer: Timer::new(now_ms, fetch_ms),
            update_voter_period: Timer::new(now_ms, update_voter_period_ms),
            update_voter_period_ms,
            has_updated_leader: false,
            fetching_snapshot: None,
        }
    }

    /// `resetFetchTimeoutForSuccessfulFetch`
    pub fn reset_fetch_timeout(&mut self, now_ms: i64, fetch_timeout_ms: i64) {
        self.has_fetched_from_leader = true;
        self.fetch_timer.update(now_ms);
        self.fetch_timer.reset(fetch_timeout_ms);
    }
}

/// Led this epoch and resigned; sends EndQuorumEpoch to the other voters.
#[derive(Clone, Debug)]
pub struct ResignedState {
    /// Best first; empty after a restart.
    pub preferred_candidates: Rc<[ReplicaKey]>,
    /// Voters that have not acknowledged EndQuorumEpoch.
    pub unacked: SmallVec<[NodeId; 7]>,
    pub election_timer: Timer,
}

/// The state of a replica in its current epoch.
#[derive(Clone, Debug)]
pub enum EpochState {
    Unattached(UnattachedState),
    Prospective(ProspectiveState),
    Candidate(CandidateState),
    Leader(Box<LeaderState>),
    Follower(FollowerState),
    Resigned(ResignedState),
}
