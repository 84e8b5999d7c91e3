//! The side effects of each state transition: connections are reset (so that late responses are dropped), parked
//! requests are answered or failed, listeners are notified (consensus.md §1.3, §1.4).

use std::rc::Rc;

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::io::Probe;
use crate::log::MAX_BATCH_BYTES;
use crate::message::{Endpoints, ErrorCode};
use crate::quorum::accumulator::BatchAccumulator;
use crate::quorum::epoch_states::EpochState;
use crate::step::{Fatal, Step, throw};

impl RaftClient {
    /// After `initialize`: a single voter elects itself at once.
    pub(super) fn start(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        match self.quorum.state() {
            EpochState::Candidate(state) if state.election.is_vote_granted() => self.transition_to_leader(step)?,
            _ if self.quorum.is_only_voter() => self.transition_to_prospective(step)?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn transition_to_unattached(
        &mut self,
        epoch: LeaderEpoch,
        leader: Option<NodeId>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        self.quorum.transition_to_unattached(epoch, leader, step)?;
        self.fire_leader_change(step);
        self.requests.reset_all();
        Ok(())
    }

    /// The endpoints are those of the message, or else those of the voter set.
    pub(super) fn transition_to_follower(
        &mut self,
        epoch: LeaderEpoch,
        leader: NodeId,
        endpoints: Option<Endpoints>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let reported = endpoints.filter(|endpoints| !endpoints.is_empty());
        let Some(endpoints) = reported.or_else(|| self.quorum.voters().endpoints(leader).cloned()) else {
            throw!("the endpoints of leader {leader} of epoch {epoch} are in no message and not in the voter set");
        };
        self.quorum.transition_to_follower(epoch, leader, endpoints, step)?;
        self.fire_leader_change(step);
        self.metrics.maybe_update_election_latency(step.now_ms());
        self.requests.reset_all();
        // KAFKA-18723: the wrong code keeps the parked fetches and answers them from the later log.
        if !self.setup.bugs.has(Bug::Kafka18723StaleFetchAppended) {
            self.fail_parked_fetches(ErrorCode::NotLeaderOrFollower, step);
        }
        if !self.setup.bugs.has(Bug::AppendedKeptByFollower) {
            self.appended.clear();
        }
        Ok(())
    }

    pub(super) fn transition_to_prospective(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        self.quorum.transition_to_prospective(step)?;
        let EpochState::Prospective(state) = self.quorum.state() else { return Ok(()) };
        // R28, KIP-996: the wrong code starts an election without pre-votes.
        if state.election.is_vote_granted() || self.setup.bugs.has(Bug::Kip996NoPreVote) {
            return self.transition_to_candidate(step);
        }
        self.requests.reset_all();
        self.metrics.update_election_start(step.now_ms());
        Ok(())
    }

    pub(super) fn transition_to_candidate(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        self.quorum.transition_to_candidate(step)?;
        self.fire_leader_change(step);
        let EpochState::Candidate(state) = self.quorum.state() else { return Ok(()) };
        if state.election.is_vote_granted() {
            return self.transition_to_leader(step);
        }
        self.requests.reset_all();
        self.metrics.update_election_start(step.now_ms());
        Ok(())
    }

    /// A Prospective lost, or its timer expired: it follows the leader it knows again, if the endpoints are known.
    pub(super) fn transition_from_lost_prospective(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let epoch = self.quorum.epoch();
        let leader = self.quorum.leader_id();
        match (leader, self.quorum.leader_endpoints().map(Rc::clone)) {
            (Some(leader), Some(endpoints)) => self.transition_to_follower(epoch, leader, Some(endpoints), step),
            _ => self.transition_to_unattached(epoch, leader, step),
        }
    }

    /// consensus.md §1.4, in this order: accumulator, quorum-state, epoch cache, LeaderChange.
    pub(super) fn transition_to_leader(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let (epoch, end) = (self.quorum.epoch(), self.log.end_offset());
        let linger_ms = i64::from(self.setup.config.append_linger_ms);
        let accumulator = BatchAccumulator::new(epoch, end, linger_ms, MAX_BATCH_BYTES as u32, self.setup.bugs);
        self.quorum.transition_to_leader(end, accumulator, step)?;
        let start = if self.setup.bugs.has(Bug::EpochBeginsAtLastRecord) { Offset((end.0 - 1).max(0)) } else { end };
        self.log.assign_epoch_start(epoch, start, step.out);
        self.append_leader_change(step)?;
        self.requests.reset_all();
        self.metrics.maybe_update_election_latency(step.now_ms());
        Ok(())
    }

    pub(super) fn transition_to_resigned(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let Some(leader) = self.quorum.leader() else { return Ok(()) };
        let candidates = leader.voters_by_descending_fetch_offset();
        self.quorum.transition_to_resigned(candidates.into(), step)?;
        self.fail_parked_fetches(ErrorCode::NotLeaderOrFollower, step);
        self.requests.reset_all();
        Ok(())
    }

    /// Answers every parked fetch with an error and the current leader.
    fn fail_parked_fetches(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        if !self.parked.is_empty() {
            step.out.probe(Probe::ParkedFetchFailed);
        }
        while let Some(fetch) = self.parked.take_first() {
            let response = self.empty_fetch_response(error);
            super::fetch::respond(fetch.connection, fetch.correlation_id, response, step);
        }
    }

    /// The log end that votes are compared with.
    pub(super) fn end_offset(&self) -> Offset {
        self.log.end_offset()
    }
}
