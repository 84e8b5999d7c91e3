//! The timers of each state. Each function returns how long the state may wait; 0 means that it must be polled again
//! (consensus.md §1.3, §2).

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::LeaderEpoch;
use crate::io::Probe;
use crate::quorum::epoch_states::EpochState;
use crate::quorum::timer::Timer;
use crate::step::{Fatal, Step};

impl RaftClient {
    pub(super) fn poll_current_state(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        match self.quorum.state() {
            EpochState::Unattached(_) => self.poll_unattached(step),
            EpochState::Prospective(_) => self.poll_prospective(step),
            EpochState::Candidate(_) => self.poll_candidate(step),
            EpochState::Leader(_) => self.poll_leader(step),
            EpochState::Follower(_) => self.poll_follower(step),
            EpochState::Resigned(_) => self.poll_resigned(step),
        }
    }

    /// Remaining time of the timer that ends the current state.
    fn state_remaining_ms(&mut self, now_ms: i64) -> i64 {
        let timer: &mut Timer = match self.quorum.state_mut() {
            EpochState::Unattached(state) => &mut state.election_timer,
            EpochState::Prospective(state) => &mut state.election_timer,
            EpochState::Candidate(state) => &mut state.election_timer,
            EpochState::Follower(state) => &mut state.fetch_timer,
            EpochState::Resigned(state) => &mut state.election_timer,
            EpochState::Leader(_) => return i64::MAX,
        };
        timer.update(now_ms);
        timer.remaining_ms()
    }

    fn shutdown_remaining_ms(&self) -> Option<i64> {
        self.shutdown.map(|timer| timer.remaining_ms())
    }

    fn poll_unattached(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        if !self.quorum.may_campaign() {
            let wait_ms = self.maybe_send_fetch_to_any_bootstrap(step);
            return Ok(self.observer_wait_ms(wait_ms, step));
        }
        if let Some(remaining_ms) = self.shutdown_remaining_ms() {
            return Ok(remaining_ms);
        }
        let remaining_ms = self.state_remaining_ms(step.now_ms());
        if remaining_ms == 0 {
            self.transition_to_prospective(step)?;
            return Ok(0);
        }
        // R33, KAFKA-17030
        if self.setup.bugs.has(Bug::Kafka17030VoterAsksNobody) {
            return Ok(remaining_ms);
        }
        Ok(self.maybe_send_fetch_to_any_bootstrap(step).min(remaining_ms))
    }

    fn poll_prospective(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        if let Some(remaining_ms) = self.shutdown_remaining_ms() {
            return Ok(self.maybe_send_vote_requests(step).min(remaining_ms));
        }
        let remaining_ms = self.state_remaining_ms(step.now_ms());
        if remaining_ms == 0 {
            self.transition_from_lost_prospective(step)?;
            return Ok(0);
        }
        Ok(self.maybe_send_vote_requests(step).min(remaining_ms))
    }

    /// A candidate that has lost waits until its election timeout, and only then requests votes again.
    fn poll_candidate(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        if let Some(remaining_ms) = self.shutdown_remaining_ms() {
            return Ok(self.maybe_send_vote_requests(step).min(remaining_ms));
        }
        let remaining_ms = self.state_remaining_ms(step.now_ms());
        if remaining_ms == 0 {
            self.transition_to_prospective(step)?;
            return Ok(0);
        }
        Ok(self.maybe_send_vote_requests(step).min(remaining_ms))
    }

    fn poll_leader(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        self.fire_leader_change(step);
        let now_ms = step.now_ms();
        let Some(leader) = self.quorum.leader_mut() else { return Ok(0) };
        let check_quorum_ms = leader.time_until_check_quorum_expires_ms(now_ms);
        if check_quorum_ms == 0 || leader.resign_requested || self.shutdown.is_some() {
            if check_quorum_ms == 0 {
                step.out.probe(Probe::CheckQuorumResigned);
            }
            self.transition_to_resigned(step)?;
            return Ok(0);
        }
        let change_ms = self.maybe_expire_pending_change(step);
        let drain_ms = self.maybe_append_batches(step)?;
        // R24, KAFKA-10826: the wrong code ignores the linger.
        let drain_ms = if self.setup.bugs.has(Bug::Kafka10826LingerIgnored) { i64::MAX } else { drain_ms };
        let begin_ms = self.maybe_send_begin_quorum_epoch(step);
        Ok(check_quorum_ms.min(change_ms).min(drain_ms).min(begin_ms))
    }

    fn poll_follower(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        let EpochState::Follower(state) = self.quorum.state() else { return Ok(0) };
        let leader = state.leader_id;
        let remaining_ms = self.state_remaining_ms(step.now_ms());
        if remaining_ms == 0 && self.quorum.may_campaign() {
            self.transition_to_prospective(step)?;
            return Ok(0);
        }
        if self.quorum.is_observer() {
            if self.should_join(step) {
                return Ok(self.maybe_send_add_or_remove_voter(leader, step));
            }
            // R34, KAFKA-19354
            let leaves_leader = remaining_ms == 0 && self.setup.bugs.has(Bug::Kafka19354ObserverStaysAtBootstrap);
            let wait_ms = match leaves_leader {
                true => self.maybe_send_fetch_to_any_bootstrap(step),
                false => self.maybe_send_fetch_to_best_node(leader, step),
            };
            return Ok(self.observer_wait_ms(wait_ms, step));
        }
        let wait_ms = self.maybe_send_update_voter_or_fetch(leader, step).min(remaining_ms);
        Ok(if self.setup.bugs.has(Bug::Kafka17751PollTimeoutZero) { 0 } else { wait_ms })
    }

    /// An observer waits no longer than the timer of its state, which has no other effect. When that has expired, Kafka's
    /// thread does not wait; its polls change nothing before a request or a backoff ends, or the observer asks to join.
    fn observer_wait_ms(&mut self, wait_ms: i64, step: &Step<'_>) -> i64 {
        match self.state_remaining_ms(step.now_ms()) {
            0 => wait_ms.min(self.join_remaining_ms(step)),
            remaining_ms => wait_ms.min(remaining_ms),
        }
    }

    fn poll_resigned(&mut self, step: &mut Step<'_>) -> Result<i64, Fatal> {
        let backoff_ms = self.maybe_send_end_quorum_epoch(step);
        if let Some(remaining_ms) = self.shutdown_remaining_ms() {
            return Ok(backoff_ms.min(remaining_ms));
        }
        let remaining_ms = self.state_remaining_ms(step.now_ms());
        if remaining_ms == 0 {
            let epoch = LeaderEpoch(self.quorum.epoch().0 + 1);
            self.transition_to_unattached(epoch, None, step)?;
            return Ok(0);
        }
        Ok(backoff_ms.min(remaining_ms))
    }
}
