//! UpdateRaftVoter (`UpdateVoterHandler`, consensus.md §6.5). With kraft.version 0 each voter sends its endpoints and
//! versions to each new leader, two fetch timeouts after it has followed it, and the leader keeps them in memory for an
//! upgrade; above it a voter whose entry in the voter set is out of date sends it. The leader asks the voter for its versions
//! (ApiVersions) first.

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::NodeId;
use crate::io::Probe;
use crate::message::{
    ErrorCode, KRaftVersionFeature, Request, Response, UpdateRaftVoterRequest, UpdateRaftVoterResponse,
};
use crate::quorum::change_voter::{PendingChange, Requester, VoterChange};
use crate::quorum::leader_state::KRaftVersionUpgrade;
use crate::quorum::network_channel::Destination;
use crate::quorum::timer::Timer;
use crate::step::{Fatal, Step, throw};
use crate::voter_set::VoterNode;

/// The follower.
impl RaftClient {
    /// Sends UpdateRaftVoter in place of a Fetch if it is due. Returns the time until the next poll.
    pub(super) fn maybe_send_update_voter_or_fetch(&mut self, leader: NodeId, step: &mut Step<'_>) -> i64 {
        let now_ms = step.now_ms();
        let Some(follower) = self.quorum.follower_mut() else { return 0 };
        follower.update_voter_period.update(now_ms);
        if !follower.update_voter_period.is_expired() {
            return self.maybe_send_fetch_to_best_node(leader, step);
        }
        if !self.should_update_voter() {
            self.reset_update_voter_period();
            return self.maybe_send_fetch_to_best_node(leader, step);
        }
        let sent = self.maybe_send_request(self.leader(leader), RaftClient::update_voter_request, step);
        if sent.is_sent {
            self.reset_update_voter_period();
        }
        sent.wait_ms
    }

    /// `shouldSendUpdateVoteRequest`
    fn should_update_voter(&self) -> bool {
        match self.quorum.partition_state().last_kraft_version() {
            0 => self.quorum.follower().is_some_and(|follower| !follower.has_updated_leader),
            _ => {
                let voters = self.quorum.partition_state().last_written_voter_set();
                voters.voter_node_needs_update(self.quorum.local_voter_node())
            }
        }
    }

    fn reset_update_voter_period(&mut self) {
        if let Some(follower) = self.quorum.follower_mut() {
            follower.update_voter_period.reset(follower.update_voter_period_ms);
        }
    }

    fn update_voter_request(&self) -> Request {
        let local = self.quorum.local_voter_node();
        Request::UpdateRaftVoter(UpdateRaftVoterRequest {
            cluster_id: Some(self.setup.cluster_id.clone()),
            current_leader_epoch: self.quorum.epoch(),
            voter_id: local.id,
            voter_directory_id: local.directory_id,
            listeners: local.endpoints.clone(),
            k_raft_version_feature: local.supported.clone(),
        })
    }

    pub(super) fn handle_update_voter_response(
        &mut self,
        response: &UpdateRaftVoterResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        if let Some(handled) = self.maybe_handle_common_response(response.error, &response.current_leader, step)? {
            return Ok(handled);
        }
        // UNSUPPORTED_VERSION: this leader cannot be updated.
        if !matches!(response.error, ErrorCode::None | ErrorCode::UnsupportedVersion) {
            return Ok(false);
        }
        let fetch_timeout_ms = i64::from(self.setup.config.fetch_timeout_ms);
        let Some(follower) = self.quorum.follower_mut() else {
            throw!("UpdateRaftVoter was answered, and this replica is {}", self.quorum.role());
        };
        follower.has_updated_leader = true;
        // As after a Fetch.
        follower.has_fetched_from_leader = true;
        follower.fetch_timer.update(step.now.wall_ms);
        follower.fetch_timer.reset(fetch_timeout_ms);
        Ok(true)
    }
}

/// The leader.
impl RaftClient {
    pub(super) fn handle_update_voter_request(
        &mut self,
        requester: Requester,
        request: &UpdateRaftVoterRequest,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if let Err(error) = self.begin_update_voter(requester, request, step) {
            let current_leader = self.current_leader();
            requester.respond(Response::UpdateRaftVoter(UpdateRaftVoterResponse { error, current_leader }), step);
        }
        Ok(())
    }

    fn begin_update_voter(
        &mut self,
        requester: Requester,
        request: &UpdateRaftVoterRequest,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Err(ErrorCode::InconsistentClusterId);
        }
        if let Some(error) = self.leader_only_error(request.current_leader_epoch) {
            return Err(error);
        }
        let KRaftVersionFeature { min_supported_version: min, max_supported_version: max } =
            request.k_raft_version_feature;
        if request.voter_id.0 < 0 || request.voter_directory_id.is_none() || min < 0 || max < min {
            return Err(ErrorCode::InvalidRequest);
        }
        self.maybe_expire_pending_change(step);
        let is_busy = |raft: &RaftClient| {
            raft.quorum.leader().is_none_or(|leader| leader.pending_change.is_some() || leader.high_watermark.is_none())
        };
        if is_busy(self) {
            return Err(ErrorCode::RequestTimedOut);
        }
        let Some(endpoint) = self.default_endpoint(&request.listeners) else {
            return Err(ErrorCode::InvalidRequest);
        };
        let voter = VoterNode {
            id: request.voter_id,
            directory_id: request.voter_directory_id,
            endpoints: request.listeners.clone(),
            supported: request.k_raft_version_feature.clone(),
        };
        if self.setup.bugs.has(Bug::Kafka20661VoterUpdatedUnprobed) {
            let timeout = Timer::new(step.now_ms(), i64::from(self.setup.config.request_timeout_ms));
            let change = VoterChange::Update { voter: voter.clone() };
            if let Some(leader) = self.quorum.leader_mut() {
                let requester = Some(requester);
                leader.pending_change = Some(PendingChange { change, requester, timeout, last_offset: None });
            }
            self.complete_update_voter(voter, step);
            return Ok(());
        }
        let destination = Destination::at(request.voter_id, Some(endpoint));
        match self.begin_change(VoterChange::Update { voter }, destination, requester, step) {
            true => Ok(()),
            false => Err(ErrorCode::RequestTimedOut),
        }
    }

    /// The voter has answered ApiVersions with the versions that it had sent.
    pub(super) fn complete_update_voter(&mut self, voter: VoterNode, step: &mut Step<'_>) {
        let level = self.quorum.partition_state().last_kraft_version();
        if !voter.supported.contains(level) {
            return self.complete_change(ErrorCode::InvalidRequest, step);
        }
        let (key, now_ms) = (voter.key(), step.now_ms());
        if level == 0 {
            let updated = match self.quorum.leader().map(|leader| &leader.kraft_version_upgrade) {
                Some(KRaftVersionUpgrade::Voters(voters)) => voters.update_voter_ignoring_directory_id(voter),
                _ => return self.complete_change(ErrorCode::RequestTimedOut, step),
            };
            let Some(updated) = updated else { return self.complete_change(ErrorCode::VoterNotFound, step) };
            step.out.probe(Probe::VoterUpdated);
            if let Some(leader) = self.quorum.leader_mut() {
                leader.kraft_version_upgrade = KRaftVersionUpgrade::Voters(updated);
                leader.update_check_quorum(key, now_ms);
            }
            return self.complete_change(ErrorCode::None, step);
        }
        let Some(voters) = self.committed_voter_set() else {
            return self.complete_change(ErrorCode::RequestTimedOut, step);
        };
        let Some(updated) = voters.update_voter(voter) else {
            return self.complete_change(ErrorCode::VoterNotFound, step);
        };
        step.out.probe(Probe::VoterUpdated);
        let last_offset = self.append_voters(updated, step);
        self.set_last_offset(last_offset);
        if let Some(leader) = self.quorum.leader_mut() {
            leader.update_check_quorum(key, now_ms);
        }
        // At once: the voter's next Fetch may be needed for the commit.
        self.answer_change(ErrorCode::None, step);
    }
}
