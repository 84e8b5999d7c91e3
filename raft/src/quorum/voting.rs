//! The conditions of a vote (consensus.md §1.2, §6.8).

use super::epoch_states::EpochState;
use super::quorum_state::QuorumState;
use super::restart::names;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::ReplicaKey;

impl QuorumState {
    /// Whether this replica may begin an election: if it is a voter. With the fix, it is one for this purpose also by the voter
    /// set before the last one, while the last one is not known to be committed (Ongaro 2014, section 4.2.2).
    pub fn may_campaign(&self) -> bool {
        self.is_voter() || self.fixes.has(Fix::CampaignDespiteUncommittedRemoval) && self.is_voter_until_commit()
    }

    fn is_voter_until_commit(&self) -> bool {
        let last = self.partition_state.last_voter_set_entry();
        let is_committed = last.is_some_and(|(offset, _)| Some(offset) < self.known_high_watermark());
        let before = self.partition_state.voter_set_before_last();
        !is_committed && before.is_some_and(|voters| voters.is_voter(self.local))
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
                let is_timed_out = self.fixes.has(Fix::GrantPreVoteAfterFetchTimeout)
                    && state.fetch_timer.remaining_at(now_ms) == Some(0);
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
