//! What goes with each change of state: connections are forgotten (so that late answers are
//! dropped), parked work is answered or failed, the listener is notified (consensus.md §1.3, §1.4).

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
    /// After `initialize`: a single voter needs nobody to elect it.
    pub(super) fn start(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        match self.quorum.state() {
            EpochState::Candidate(state) if state.election.is_vote_granted() => self.transition_to_leader(step)?,
            _ if self.quorum.is_only_voter() => self.transition_to_prospective(step)?,
            _ => {}
        }
        self.fire_leader_change(step);
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

    /// The endpoints are the message's, or else the voter set's.
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
        self.requests.reset_all();
        // KAFKA-18723: the wrong code leaves them to be answered from whatever the log will be.
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
        self.fire_leader_change(step);
        let EpochState::Prospective(state) = self.quorum.state() else { return Ok(()) };
        // R28, KIP-996: the wrong code campaigns without asking first.
        if state.election.is_vote_granted() || self.setup.bugs.has(Bug::Kip996NoPreVote) {
            return self.transition_to_candidate(step);
        }
        self.requests.reset_all();
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
        Ok(())
    }

    /// A Prospective lost, or its time is up: back to the leader it knows, if it can be reached.
    pub(super) fn transition_from_lost_prospective(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let epoch = self.quorum.epoch();
        let leader = self.quorum.leader_id();
        match (leader, self.quorum.leader_endpoints().map(Rc::clone)) {
            (Some(leader), Some(endpoints)) => self.transition_to_follower(epoch, leader, Some(endpoints), step),
            _ => self.transition_to_unattached(epoch, leader, step),
        }
    }

    /// consensus.md §1.4, in its order: accumulator, quorum-state, epoch cache, LeaderChange.
    pub(super) fn transition_to_leader(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        let (epoch, end) = (self.quorum.epoch(), self.log.end_offset());
        let linger_ms = i64::from(self.setup.config.append_linger_ms);
        let accumulator = BatchAccumulator::new(epoch, end, linger_ms, MAX_BATCH_BYTES as u32, self.setup.bugs);
        self.quorum.transition_to_leader(end, accumulator, step)?;
        self.log.assign_epoch_start(epoch, end, step.out);
        self.append_leader_change(step);
        self.requests.reset_all();
        self.fire_leader_change(step);
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

    /// Answers every parked fetch with an error, and with who leads now.
    fn fail_parked_fetches(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        if !self.parked.is_empty() {
            step.out.probe(Probe::ParkedFetchFailed);
        }
        for fetch in self.parked.take_all() {
            let response = self.empty_fetch_response(error);
            super::fetch::respond(fetch.connection, fetch.correlation_id, response, step);
        }
    }

    /// Log end as a vote is judged by.
    pub(super) fn end_offset(&self) -> Offset {
        self.log.end_offset()
    }
}
