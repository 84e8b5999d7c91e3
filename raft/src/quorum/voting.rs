//! The conditions of a vote (consensus.md §1.2, §6.8).

use super::epoch_states::{EpochState, FollowerState, UnattachedState};
use super::quorum_state::QuorumState;
use super::restart::names;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::ReplicaKey;
use crate::step::Step;

impl QuorumState {
    /// Whether this replica may begin an election: if it is a voter, and with the fix also if it has refused its vote to a
    /// shorter log. The candidate that requests its vote counts it among the voters (Ongaro 2014, section 4.2.2).
    pub fn may_campaign(&self) -> bool {
        self.is_voter() || self.has_refused_shorter_log
    }

    /// A vote is refused, to a log that is shorter than that of this replica. A Follower whose leader answers is not needed as
    /// a candidate.
    pub fn refuse_shorter_log(&mut self, step: &mut Step<'_>) {
        if self.may_campaign() || self.voters().is_empty() || !self.fixes.has(Fix::CampaignAfterRefusingVote) {
            return;
        }
        match &self.state {
            EpochState::Unattached(state) => {
                let election_timer = self.random_election_timer(step);
                self.state = EpochState::Unattached(UnattachedState { election_timer, ..state.clone() });
            }
            EpochState::Follower(state) if is_timed_out(state, step.now_ms()) => {}
            _ => return,
        }
        self.has_refused_shorter_log = true;
    }

    /// Whether this replica would grant the vote in its current epoch. Changes nothing.
    pub fn can_grant_vote(&self, candidate: ReplicaKey, is_log_up_to_date: bool, pre_vote: bool, now_ms: i64) -> bool {
        let is_log_up_to_date = is_log_up_to_date || self.bugs.has(Bug::NoLogTest);
        match &self.state {
            EpochState::Unattached(_) | EpochState::Prospective(_) if pre_vote => is_log_up_to_date,
            EpochState::Unattached(_) | EpochState::Prospective(_) => {
                let voted = self.voted().filter(|_| !self.bugs.has(Bug::TwoVotesInOneEpoch));
                match voted {
                    // Kafka does not compare the logs again.
                    Some(voted) => {
                        let compare_again = self.fixes.has(Fix::CompareLogOfRepeatedVote);
                        names(voted, candidate) && (is_log_up_to_date || !compare_again)
                    }
                    None => self.leader_id().is_none() && is_log_up_to_date,
                }
            }
            EpochState::Candidate(_) | EpochState::Resigned(_) => pre_vote && is_log_up_to_date,
            // KIP-996: a voter that has received a response from its leader in this epoch refuses pre-votes, until its fetch
            // timer expires, which makes it Prospective. An observer goes on as Follower.
            EpochState::Follower(state) => {
                let is_timed_out = self.fixes.has(Fix::GrantPreVoteAfterFetchTimeout) && is_timed_out(state, now_ms);
                let in_touch =
                    state.has_fetched_from_leader && !is_timed_out && !self.bugs.has(Bug::PreVoteOfFollowerInTouch);
                pre_vote && is_log_up_to_date && !in_touch
            }
            EpochState::Leader(_) => false,
        }
    }

    /// Whether a granted vote must be recorded, or is recorded already.
    pub fn must_record_vote(&self, candidate: ReplicaKey) -> bool {
        self.voted().is_none_or(|voted| !names(voted, candidate))
    }
}

/// The leader has not answered for the fetch timeout.
fn is_timed_out(follower: &FollowerState, now_ms: i64) -> bool {
    follower.fetch_timer.remaining_at(now_ms) == Some(0)
}
