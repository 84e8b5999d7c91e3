//! AddRaftVoter (`AddVoterHandler`, consensus.md §6.3), and the observers that ask for it themselves
//! (`controller.quorum.auto.join.enable`, §6.7).

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::NodeId;
use crate::io::Probe;
use crate::message::{
    AddRaftVoterRequest, AddRaftVoterResponse, ErrorCode, KRaftVersionFeature, RemoveRaftVoterRequest, Request,
    Response,
};
use crate::quorum::change_voter::{Requester, VoterChange};
use crate::quorum::network_channel::Destination;
use crate::step::{Fatal, Step, throw};
use crate::voter_set::VoterNode;

/// The leader.
impl RaftClient {
    pub(super) fn handle_add_voter_request(
        &mut self,
        requester: Requester,
        request: &AddRaftVoterRequest,
        step: &mut Step<'_>,
    ) {
        if let Err(error) = self.begin_add_voter(requester, request, step) {
            requester.respond(Response::AddRaftVoter(AddRaftVoterResponse { error }), step);
        }
    }

    fn begin_add_voter(
        &mut self,
        requester: Requester,
        request: &AddRaftVoterRequest,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        let voter = request.voter_key();
        self.validate_change(request.cluster_id.as_deref(), voter)?;
        let Some(endpoint) = self.default_endpoint(&request.listeners) else {
            return Err(ErrorCode::InvalidRequest);
        };
        let voters = self.voters_to_change(step)?;
        if voters.ids().contains(&request.voter_id) {
            return Err(ErrorCode::DuplicateVoter);
        }
        let voter = VoterNode {
            id: request.voter_id,
            directory_id: request.voter_directory_id,
            endpoints: request.listeners.clone(),
            // Until it has answered ApiVersions.
            supported: KRaftVersionFeature::OF_STATIC_VOTER,
        };
        let change = VoterChange::Add { voter, ack_when_committed: request.ack_when_committed };
        match self.begin_change(change, Destination::at(request.voter_id, Some(endpoint)), requester, step) {
            true => Ok(()),
            false => Err(ErrorCode::RequestTimedOut),
        }
    }

    /// The voter has answered ApiVersions.
    pub(super) fn complete_add_voter(
        &mut self,
        voter: VoterNode,
        ack_when_committed: bool,
        supported: &KRaftVersionFeature,
        step: &mut Step<'_>,
    ) {
        if !supported.contains(self.quorum.partition_state().last_kraft_version()) {
            return self.complete_change(ErrorCode::InvalidRequest, step);
        }
        let now_ms = step.now_ms();
        let is_caught_up = self.quorum.leader().is_some_and(|leader| leader.is_replica_caught_up(voter.key(), now_ms));
        if !is_caught_up && !self.setup.bugs.has(Bug::NewVoterBehind) {
            return self.complete_change(ErrorCode::RequestTimedOut, step);
        }
        let voter = VoterNode { supported: supported.clone(), ..voter };
        // That its id is in no voter was checked, and no other change can have been appended since.
        let voters = self.quorum.partition_state().last_written_voter_set();
        let Some(voters) = voters.add_voter(voter) else { return };
        step.out.probe(Probe::VoterAdded);
        let last_offset = self.append_voters(voters, step);
        self.set_last_offset(last_offset);
        if !ack_when_committed {
            self.answer_change(ErrorCode::None, step);
        }
    }
}

/// An observer.
impl RaftClient {
    /// Whether this observer has to ask now to become a voter (`shouldSendAddOrRemoveVoterRequest`).
    pub(super) fn should_join(&mut self, step: &Step<'_>) -> bool {
        self.join_remaining_ms(step) == 0
    }

    /// The time until this observer asks to become a voter; `i64::MAX` if it does not.
    pub(super) fn join_remaining_ms(&mut self, step: &Step<'_>) -> i64 {
        let config = &self.setup.config;
        let joins = config.can_become_voter && config.auto_join;
        if !joins || self.shutdown.is_some() || self.quorum.partition_state().last_kraft_version() < 1 {
            return i64::MAX;
        }
        let now_ms = step.now_ms();
        self.quorum.follower_mut().map_or(i64::MAX, |follower| {
            follower.update_voter_period.update(now_ms);
            follower.update_voter_period.remaining_ms()
        })
    }

    /// A voter with its id and another directory is to be removed first.
    pub(super) fn maybe_send_add_or_remove_voter(&mut self, leader: NodeId, step: &mut Step<'_>) -> i64 {
        let sent = match self.quorum.voters().key_of(self.quorum.local().id) {
            Some(old) => {
                let build = |raft: &RaftClient| {
                    Request::RemoveRaftVoter(RemoveRaftVoterRequest {
                        cluster_id: Some(raft.setup.cluster_id.clone()),
                        voter_id: old.id,
                        voter_directory_id: old.directory_id,
                    })
                };
                self.maybe_send_request(self.leader(leader), build, step)
            }
            None => self.maybe_send_request(self.leader(leader), RaftClient::add_voter_request, step),
        };
        if let (true, Some(follower)) = (sent.is_sent, self.quorum.follower_mut()) {
            follower.update_voter_period.reset(follower.update_voter_period_ms);
        }
        sent.wait_ms
    }

    fn add_voter_request(&self) -> Request {
        let local = self.quorum.local_voter_node();
        Request::AddRaftVoter(AddRaftVoterRequest {
            cluster_id: Some(self.setup.cluster_id.clone()),
            timeout_ms: self.setup.config.request_timeout_ms,
            voter_id: local.id,
            voter_directory_id: local.directory_id,
            listeners: local.endpoints.clone(),
            ack_when_committed: false,
        })
    }

    /// `handleAddVoterResponse` and `handleRemoveVoterResponse`: `already` is the error if there was nothing to do.
    pub(super) fn handle_join_response(
        &mut self,
        error: ErrorCode,
        already: ErrorCode,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        if !matches!(error, ErrorCode::None | ErrorCode::RequestTimedOut) && error != already {
            return Ok(false);
        }
        let now_ms = step.now_ms();
        let Some(follower) = self.quorum.follower_mut() else {
            throw!("a change of the voters was answered, and this replica is {}", self.quorum.role());
        };
        follower.update_voter_period.update(now_ms);
        follower.update_voter_period.reset(follower.update_voter_period_ms);
        Ok(true)
    }
}
