//! The initial state of a replica, from `quorum-state` and its log (consensus.md §1.6). A replica that was leader or
//! candidate of an epoch must not vote, campaign or lead in it again with a log that may have lost its end.

use std::rc::Rc;

use super::epoch_states::{EpochState, FollowerState, UnattachedState};
use super::partition_state::PartitionState;
use super::quorum_state::{QuorumState, QuorumTimeouts, Switches};
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, ReplicaKey};
use crate::io::Probe;
use crate::log::{ElectionState, write_election_state};
use crate::step::{Fatal, Step, throw};
use crate::voter_set::VoterNode;

impl QuorumState {
    /// Writes the chosen state back. The client elects a single voter.
    pub fn initialize(
        local: VoterNode,
        partition_state: PartitionState,
        timeouts: QuorumTimeouts,
        switches: Switches,
        stored: Option<ElectionState>,
        log_epoch: LeaderEpoch,
        step: &mut Step<'_>,
    ) -> Result<QuorumState, Fatal> {
        let mut quorum = QuorumState::blank(local, partition_state, timeouts, switches, step.now_ms());
        let stored = stored.unwrap_or(ElectionState { epoch: LeaderEpoch(0), leader_id: None, voted: None });
        // The log contains records of a later epoch: quorum-state was lost or is outdated.
        let log_decides = quorum.bugs.has(Bug::EpochFromLogAtRestart);
        let stored = if stored.epoch < log_epoch || log_decides {
            ElectionState { epoch: log_epoch, leader_id: None, voted: None }
        } else {
            stored
        };
        let state = quorum.starting_state(&stored, step)?;
        quorum.epoch = stored.epoch;
        quorum.state = state;
        let written = ElectionState { epoch: stored.epoch, leader_id: quorum.leader_id(), voted: quorum.voted() };
        write_election_state(&written, quorum.format(), quorum.bugs, step.out);
        let state = quorum.state.clone();
        quorum.switch(stored.epoch, state, step);
        Ok(quorum)
    }

    fn starting_state(&mut self, stored: &ElectionState, step: &mut Step<'_>) -> Result<EpochState, Fatal> {
        let led = stored.leader_id == Some(self.local.id);
        // R02: the wrong code resumes as if all voters had elected it again.
        if led && self.bugs.has(Bug::Kafka10527ResumeAsLeader) && self.is_voter() {
            let mut state = self.candidate_state(step);
            for voter in self.voters().ids() {
                state.election.record(*voter, true)?;
            }
            return Ok(EpochState::Candidate(state));
        }
        if led {
            step.out.probe(Probe::RestartedResigned);
            return Ok(EpochState::Resigned(self.resigned_state(Rc::default(), step)));
        }
        let leader_first = stored.leader_id.is_some() && self.fixes.has(Fix::RestartAsFollowerDespiteOwnVote);
        let is_own_vote = stored.voted.is_some_and(|voted| names(voted, self.local));
        // With the fix, an observer may have voted for itself.
        let voted_as_observer = !self.is_voter() && self.fixes.has(Fix::CampaignAfterRefusingVote);
        if is_own_vote && !leader_first && !voted_as_observer {
            if self.is_observer() {
                throw!("voted for itself in epoch {} and is no voter any more", stored.epoch);
            }
            step.out.probe(Probe::RestartedCandidate);
            return Ok(EpochState::Candidate(self.candidate_state(step)));
        }
        let endpoints = stored.leader_id.and_then(|leader| self.voters().endpoints(leader).cloned());
        Ok(match (stored.leader_id, endpoints) {
            (Some(leader_id), Some(leader_endpoints)) => {
                let (timeouts, voted) = (self.follower_timeouts(), stored.voted);
                EpochState::Follower(FollowerState::new(
                    leader_id,
                    leader_endpoints,
                    voted,
                    None,
                    timeouts,
                    step.now_ms(),
                ))
            }
            (leader_id, _) => EpochState::Unattached(UnattachedState {
                leader_id,
                voted: stored.voted,
                high_watermark: None,
                election_timer: self.random_election_timer(step),
            }),
        })
    }
}

/// A stored key matches a replica if the ids are equal, and the directory ids too where one is stored.
pub(super) fn names(stored: ReplicaKey, replica: ReplicaKey) -> bool {
    stored.id == replica.id && stored.directory_id.is_none_or(|directory| replica.directory_id == Some(directory))
}
