//! Kafka's transition table (consensus.md §1.3): which state may follow which, what is made durable first, and what
//! each new state keeps of the previous one.
//!
//! Every method has the same order: check that the transition is legal; create the new state; write `quorum-state`;
//! change memory; report. After a crash in between the disk is ahead of memory, never behind (D1–D5). An illegal
//! transition is an exception in Kafka, and ends the process.

use std::rc::Rc;

use smallvec::SmallVec;

use super::accumulator::BatchAccumulator;
use super::epoch_states::{
    CandidateState, EpochElection, EpochState, FollowerState, FollowerTimeouts, ProspectiveState, ResignedState,
    UnattachedState,
};
use super::leader_state::LeaderState;
use super::memory_pool::BatchMemoryPool;
use super::partition_state::PartitionState;
use super::timer::Timer;
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, NodeId, Offset, ReplicaKey};
use crate::io::{Observation, Role};
use crate::log::{ElectionState, QuorumStateFormat, write_election_state};
use crate::message::{CurrentLeader, Endpoints, ErrorCode};
use crate::step::{Fatal, Step, throw};
use crate::voter_set::{VoterNode, VoterSet};

/// The configuration of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumTimeouts {
    /// `controller.quorum.election.timeout.ms`
    pub election_ms: i32,
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch_ms: i32,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Switches {
    pub bugs: Bugs,
    pub fixes: Fixes,
}

/// Kafka's `QuorumState`: the epoch, the state in it, and the transitions.
#[derive(Clone, Debug)]
pub struct QuorumState {
    pub(super) local: ReplicaKey,
    /// This replica as it would be in the voter set.
    local_voter_node: VoterNode,
    /// The voters and the level of `kraft.version`.
    pub(super) partition_state: PartitionState,
    pub(super) epoch: LeaderEpoch,
    pub(super) state: EpochState,
    pub(super) timeouts: QuorumTimeouts,
    pub(super) bugs: Bugs,
    pub(super) fixes: Fixes,
    /// A durable write that a bug has postponed to the end of the step.
    late_write: Option<ElectionState>,
    /// Lent to the accumulator of a leader.
    memory: BatchMemoryPool,
    /// With the fix `CampaignAfterRefusingVote`: an observer that begins elections, until it is Follower again or elected.
    pub(super) has_refused_shorter_log: bool,
}

impl QuorumState {
    /// An initial value that is never persisted: `restart` replaces it at once.
    pub(super) fn blank(
        local_voter_node: VoterNode,
        partition_state: PartitionState,
        timeouts: QuorumTimeouts,
        switches: Switches,
        now_ms: i64,
    ) -> QuorumState {
        let election_timer = Timer::infinite(now_ms);
        let state = EpochState::Unattached(UnattachedState {
            leader_id: None,
            voted: None,
            high_watermark: None,
            election_timer,
        });
        QuorumState {
            local: local_voter_node.key(),
            local_voter_node,
            partition_state,
            epoch: LeaderEpoch(0),
            state,
            timeouts,
            bugs: switches.bugs,
            fixes: switches.fixes,
            late_write: None,
            memory: BatchMemoryPool::default(),
            has_refused_shorter_log: false,
        }
    }

    /// A higher epoch, or a lost Prospective that cannot return to a leader.
    pub fn transition_to_unattached(
        &mut self,
        epoch: LeaderEpoch,
        leader_id: Option<NodeId>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let same_epoch = epoch == self.epoch;
        if epoch < self.epoch || (same_epoch && !matches!(self.state, EpochState::Prospective(_))) {
            throw!("cannot become Unattached in epoch {epoch} {}", self.standing());
        }
        let now_ms = step.now_ms();
        let election_timer = if !self.may_campaign() {
            Timer::infinite(now_ms)
        } else {
            match &self.state {
                EpochState::Candidate(state) => still_running(state.election_timer, now_ms),
                EpochState::Unattached(state) => still_running(state.election_timer, now_ms),
                EpochState::Resigned(state) => still_running(state.election_timer, now_ms),
                EpochState::Prospective(state) if !state.election.is_vote_rejected() => {
                    still_running(state.election_timer, now_ms)
                }
                EpochState::Prospective(_) | EpochState::Leader(_) | EpochState::Follower(_) => {
                    self.random_election_timer(step)
                }
            }
        };
        let voted = if same_epoch { self.voted() } else { None };
        let high_watermark = self.high_watermark();
        self.persist(ElectionState { epoch, leader_id, voted }, Bug::EpochBumpNotDurable, step);
        let state = UnattachedState { leader_id, voted, high_watermark, election_timer };
        self.switch(epoch, EpochState::Unattached(state), step);
        Ok(())
    }

    /// A leader and its endpoints are known.
    pub fn transition_to_follower(
        &mut self,
        epoch: LeaderEpoch,
        leader_id: NodeId,
        leader_endpoints: Endpoints,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if leader_endpoints.is_empty() {
            throw!("cannot follow node {leader_id} in epoch {epoch} without its endpoints");
        }
        if leader_id == self.local.id {
            throw!(AnotherLeader: "cannot follow itself in epoch {epoch}");
        }
        if epoch < self.epoch {
            throw!("cannot follow node {leader_id} in epoch {epoch}: the epoch is {} already", self.epoch);
        }
        let same_epoch = epoch == self.epoch;
        match &self.state {
            EpochState::Leader(_) if same_epoch => {
                throw!(AnotherLeader: "the leader of epoch {epoch} cannot follow node {leader_id} in it")
            }
            EpochState::Follower(state)
                if same_epoch
                    && (state.leader_id != leader_id || state.leader_endpoints.len() >= leader_endpoints.len()) =>
            {
                throw!("follows node {} in epoch {epoch} already, cannot follow node {leader_id}", state.leader_id)
            }
            _ => {}
        }
        let voted = if same_epoch { self.voted() } else { None };
        let election = ElectionState { epoch, leader_id: Some(leader_id), voted };
        self.persist(election, Bug::FollowerStateNotDurable, step);
        let (high_watermark, timeouts) = (self.high_watermark(), self.follower_timeouts());
        let state = FollowerState::new(leader_id, leader_endpoints, voted, high_watermark, timeouts, step.now_ms());
        self.switch(epoch, EpochState::Follower(state), step);
        Ok(())
    }

    pub(super) fn follower_timeouts(&self) -> FollowerTimeouts {
        let fetch_ms = i64::from(self.timeouts.fetch_ms);
        let rounds = if self.bugs.has(Bug::Kafka20661VoterUpdatedUnprobed) { 1 } else { 2 };
        FollowerTimeouts { fetch_ms, update_voter_period_ms: rounds * fetch_ms }
    }

    /// A timer expired: requests pre-votes. Nothing durable changes.
    pub fn transition_to_prospective(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let illegal = matches!(self.state, EpochState::Leader(_) | EpochState::Prospective(_));
        if illegal || !self.may_campaign() {
            throw!("cannot become Prospective {}", self.standing());
        }
        let (leader_id, leader_endpoints) = match &self.state {
            EpochState::Follower(state) => (Some(state.leader_id), Rc::clone(&state.leader_endpoints)),
            EpochState::Unattached(state) => (state.leader_id, Rc::default()),
            _ => (None, Rc::default()),
        };
        let state = ProspectiveState {
            leader_id,
            leader_endpoints,
            voted: self.voted(),
            high_watermark: self.high_watermark(),
            election: EpochElection::new(self.voters(), self.local.id),
            election_timer: self.random_election_timer(step),
        };
        self.switch(self.epoch, EpochState::Prospective(state), step);
        Ok(())
    }

    /// The pre-vote was granted: a new epoch, with its own vote in it (D1).
    pub fn transition_to_candidate(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        if !matches!(self.state, EpochState::Prospective(_)) || !self.may_campaign() {
            throw!("cannot become Candidate {}", self.standing());
        }
        let epoch = LeaderEpoch(self.epoch.0 + 1);
        let voted = Some(self.local).filter(|_| !self.bugs.has(Bug::OwnVoteNotRecorded));
        let election = ElectionState { epoch, leader_id: None, voted };
        self.persist(election, Bug::EpochNotDurable, step);
        let mut state = self.candidate_state(step);
        if let (true, EpochState::Prospective(before)) = (self.bugs.has(Bug::PreVoteCountsAsVote), &self.state) {
            state.election = before.election.clone();
        }
        self.switch(epoch, EpochState::Candidate(state), step);
        Ok(())
    }

    pub(super) fn candidate_state(&mut self, step: &mut Step<'_>) -> CandidateState {
        CandidateState {
            election: EpochElection::new(self.voters(), self.local.id),
            high_watermark: self.high_watermark(),
            election_timer: self.random_election_timer(step),
        }
    }

    /// The election is won. The high watermark starts unknown: it needs a record of this epoch.
    pub fn transition_to_leader(
        &mut self,
        epoch_start_offset: Offset,
        mut accumulator: BatchAccumulator,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let granting: SmallVec<[NodeId; 7]> = match &self.state {
            EpochState::Candidate(state) if state.election.is_vote_granted() => state.election.granting().collect(),
            _ => throw!("cannot become Leader without a majority {}", self.standing()),
        };
        if !self.may_campaign() {
            throw!("cannot become Leader {}", self.standing());
        }
        let election = ElectionState { epoch: self.epoch, leader_id: Some(self.local.id), voted: None };
        self.persist(election, Bug::LeaderStateAfterAppend, step);
        let (local, fetch_timeout_ms) = (self.local_voter_node.clone(), i64::from(self.timeouts.fetch_ms));
        let election = (epoch_start_offset, granting);
        accumulator.memory = std::mem::take(&mut self.memory);
        let state = LeaderState::new(
            local,
            &self.partition_state,
            fetch_timeout_ms,
            self.bugs,
            election,
            accumulator,
            step.now_ms(),
        );
        self.switch(self.epoch, EpochState::Leader(Box::new(state)), step);
        Ok(())
    }

    /// Stops leading in this epoch. Nothing durable changes.
    pub fn transition_to_resigned(
        &mut self,
        preferred_candidates: Rc<[ReplicaKey]>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if !matches!(self.state, EpochState::Leader(_)) {
            throw!("cannot become Resigned {}", self.standing());
        }
        let state = self.resigned_state(preferred_candidates, step);
        self.switch(self.epoch, EpochState::Resigned(state), step);
        Ok(())
    }

    pub(super) fn resigned_state(
        &mut self,
        preferred_candidates: Rc<[ReplicaKey]>,
        step: &mut Step<'_>,
    ) -> ResignedState {
        let unacked = self.voters().ids().iter().copied().filter(|id| *id != self.local.id).collect();
        ResignedState { preferred_candidates, unacked, election_timer: self.random_election_timer(step) }
    }

    /// The current state, for error messages of illegal transitions.
    fn standing(&self) -> String {
        let observer = if self.is_observer() { ", an observer" } else { "" };
        format!("from {} in epoch {}{observer}", self.role(), self.epoch)
    }

    /// Grants the vote of this epoch, durably before the answer (D3).
    pub fn add_voted_state(&mut self, candidate: ReplicaKey, step: &mut Step<'_>) -> Result<(), Fatal> {
        if candidate.id == self.local.id {
            throw!("cannot vote for itself, node {}, on another's request in epoch {}", candidate.id, self.epoch);
        }
        let may_vote_again = self.bugs.has(Bug::TwoVotesInOneEpoch);
        if self.voted().is_some() && !may_vote_again {
            throw!("has voted in epoch {} already, cannot vote for node {}", self.epoch, candidate.id);
        }
        let leader_id = self.leader_id();
        let (election_timer, high_watermark) = (self.random_election_timer(step), self.high_watermark());
        let state = match &self.state {
            EpochState::Unattached(state) => EpochState::Unattached(UnattachedState {
                leader_id: state.leader_id,
                voted: Some(candidate),
                high_watermark,
                election_timer,
            }),
            EpochState::Prospective(state) => EpochState::Prospective(ProspectiveState {
                leader_id: state.leader_id,
                leader_endpoints: Rc::clone(&state.leader_endpoints),
                voted: Some(candidate),
                high_watermark,
                election: EpochElection::new(self.voters(), self.local.id),
                election_timer,
            }),
            _ => throw!("cannot vote for node {} {}", candidate.id, self.standing()),
        };
        let election = ElectionState { epoch: self.epoch, leader_id, voted: Some(candidate) };
        self.persist(election, Bug::VoteNotDurable, step);
        self.switch(self.epoch, state, step);
        Ok(())
    }

    /// Writes `quorum-state`, unless the bug `mutant` is on, which writes it too late.
    pub(super) fn persist(&mut self, election: ElectionState, mutant: Bug, step: &mut Step<'_>) {
        self.late_write = None;
        if !self.bugs.has(mutant) {
            write_election_state(&election, self.format(), self.bugs, step.out);
        } else if mutant != Bug::EpochNotDurable {
            self.late_write = Some(election);
        }
    }

    /// Performs a write that a bug has postponed; that of a follower waits for its first append.
    pub fn write_late(&mut self, step: &mut Step<'_>) {
        let waits = matches!(&self.state, EpochState::Follower(state) if !state.has_fetched_from_leader)
            && self.bugs.has(Bug::FollowerStateNotDurable);
        if let Some(election) = self.late_write.take_if(|_| !waits) {
            write_election_state(&election, self.format(), self.bugs, step.out);
        }
    }

    pub(super) fn format(&self) -> QuorumStateFormat<'_> {
        match self.partition_state.last_kraft_version() {
            0 => QuorumStateFormat::Version0 { voters: self.voters().ids() },
            _ => QuorumStateFormat::Version1,
        }
    }

    pub(super) fn switch(&mut self, epoch: LeaderEpoch, state: EpochState, step: &mut Step<'_>) {
        self.close_leader(step);
        self.close_follower(step);
        self.epoch = epoch;
        let is_election =
            matches!(state, EpochState::Unattached(_) | EpochState::Prospective(_) | EpochState::Candidate(_));
        self.has_refused_shorter_log &= is_election;
        self.state = state;
        let leader = self.leader_id().unwrap_or(NodeId::NONE);
        step.out.observe(Observation::RoleChanged { role: self.role(), epoch, leader });
    }

    /// The buffers of this replica.
    pub fn memory_mut(&mut self) -> &mut BatchMemoryPool {
        match &mut self.state {
            EpochState::Leader(leader) => &mut leader.accumulator.memory,
            _ => &mut self.memory,
        }
    }

    /// `LeaderState.close`: a pending change of the voters is answered in the name of the epoch that ends.
    fn close_leader(&mut self, step: &mut Step<'_>) {
        let EpochState::Leader(leader) = &mut self.state else { return };
        self.memory = leader.accumulator.close();
        let current_leader = CurrentLeader {
            leader_id: Some(self.local.id),
            leader_epoch: self.epoch,
            endpoints: Some(Rc::clone(&self.local_voter_node.endpoints)),
        };
        if let Some(pending) = leader.pending_change.take() {
            pending.complete(ErrorCode::NotLeaderOrFollower, current_leader, step);
        }
    }

    /// `FollowerState.close`: a download ends with the state.
    fn close_follower(&mut self, step: &mut Step<'_>) {
        let download = self.follower_mut().and_then(|follower| follower.fetching_snapshot.take());
        if let Some(download) = download {
            download.close(step.out);
        }
    }

    pub(super) fn random_election_timer(&self, step: &mut Step<'_>) -> Timer {
        let timeout_ms = step.jittered_ms(self.timeouts.election_ms);
        let too_early = self.bugs.has(Bug::ElectionTimeoutFromZero);
        let timeout_ms = if too_early { timeout_ms - i64::from(self.timeouts.election_ms) } else { timeout_ms };
        Timer::new(step.now_ms(), timeout_ms)
    }
}

/// A new timer for the rest of another one: it counts from the present time, even if the clock has gone back.
fn still_running(mut timer: Timer, now_ms: i64) -> Timer {
    timer.update(now_ms);
    Timer::new(now_ms, timer.remaining_ms())
}

/// Queries.
impl QuorumState {
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    pub fn local(&self) -> ReplicaKey {
        self.local
    }

    /// This replica as a voter.
    pub fn local_voter_node(&self) -> &VoterNode {
        &self.local_voter_node
    }

    /// The last voter set of the local log.
    pub fn voters(&self) -> &VoterSet {
        self.partition_state.last_voter_set()
    }

    pub fn partition_state(&self) -> &PartitionState {
        &self.partition_state
    }

    pub fn partition_state_mut(&mut self) -> &mut PartitionState {
        &mut self.partition_state
    }

    pub fn state(&self) -> &EpochState {
        &self.state
    }

    pub fn state_mut(&mut self) -> &mut EpochState {
        &mut self.state
    }

    pub fn is_voter(&self) -> bool {
        self.voters().is_voter(self.local) || self.campaigns_as_observer()
    }

    /// R11, KAFKA-17067: the wrong code does not ask whether a controller is a voter.
    fn campaigns_as_observer(&self) -> bool {
        let is_controller = !self.local_voter_node.endpoints.is_empty();
        self.bugs.has(Bug::Kafka17067ObserverCampaigns) && is_controller && !self.voters().is_empty()
    }

    pub fn is_observer(&self) -> bool {
        !self.is_voter()
    }

    pub fn is_only_voter(&self) -> bool {
        self.voters().is_only_voter(self.local)
    }

    pub fn role(&self) -> Role {
        match self.state {
            EpochState::Unattached(_) => Role::Unattached,
            EpochState::Prospective(_) => Role::Prospective,
            EpochState::Candidate(_) => Role::Candidate,
            EpochState::Leader(_) => Role::Leader,
            EpochState::Follower(_) => Role::Follower,
            EpochState::Resigned(_) => Role::Resigned,
        }
    }

    /// A Resigned leader still names itself.
    pub fn leader_id(&self) -> Option<NodeId> {
        match &self.state {
            EpochState::Unattached(state) => state.leader_id,
            EpochState::Prospective(state) => state.leader_id,
            EpochState::Candidate(_) => None,
            EpochState::Leader(_) | EpochState::Resigned(_) => Some(self.local.id),
            EpochState::Follower(state) => Some(state.leader_id),
        }
    }

    /// The leader, if it is in the voter set: others have no address (`RaftControllerNodeProvider.idToNode`). A leader
    /// that is not may be read from an altered `quorum-state`.
    pub fn known_leader(&self) -> Option<NodeId> {
        self.leader_id().filter(|leader| self.voters().endpoints(*leader).is_some())
    }

    /// `None` if unknown; never empty.
    pub fn leader_endpoints(&self) -> Option<&Endpoints> {
        let endpoints = match &self.state {
            EpochState::Unattached(_) | EpochState::Candidate(_) => None,
            EpochState::Prospective(state) => Some(&state.leader_endpoints),
            EpochState::Follower(state) => Some(&state.leader_endpoints),
            EpochState::Leader(_) | EpochState::Resigned(_) => Some(&self.local_voter_node.endpoints),
        };
        endpoints.filter(|endpoints| !endpoints.is_empty())
    }

    pub fn voted(&self) -> Option<ReplicaKey> {
        match &self.state {
            EpochState::Unattached(state) => state.voted,
            EpochState::Prospective(state) => state.voted,
            EpochState::Candidate(_) => Some(self.local),
            EpochState::Follower(state) => state.voted,
            EpochState::Leader(_) | EpochState::Resigned(_) => None,
        }
    }

    /// The known committed offset; unknown when Resigned, and at the start of a leader's epoch.
    pub fn high_watermark(&self) -> Option<Offset> {
        match &self.state {
            EpochState::Unattached(state) => state.high_watermark,
            EpochState::Prospective(state) => state.high_watermark,
            EpochState::Candidate(state) => state.high_watermark,
            EpochState::Follower(state) => state.high_watermark,
            EpochState::Leader(state) => state.high_watermark.map(|high_watermark| high_watermark.offset),
            EpochState::Resigned(_) => None,
        }
    }

    pub fn leader(&self) -> Option<&LeaderState> {
        if let EpochState::Leader(state) = &self.state { Some(state) } else { None }
    }

    pub fn leader_mut(&mut self) -> Option<&mut LeaderState> {
        if let EpochState::Leader(state) = &mut self.state { Some(state) } else { None }
    }

    pub fn follower_mut(&mut self) -> Option<&mut FollowerState> {
        if let EpochState::Follower(state) = &mut self.state { Some(state) } else { None }
    }

    pub fn follower(&self) -> Option<&FollowerState> {
        if let EpochState::Follower(state) = &self.state { Some(state) } else { None }
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.state, EpochState::Leader(_))
    }

    pub fn is_follower(&self) -> bool {
        matches!(self.state, EpochState::Follower(_))
    }

    /// Whether another replica is known as leader.
    pub fn has_remote_leader(&self) -> bool {
        self.leader_id().is_some_and(|leader| leader != self.local.id)
    }
}
