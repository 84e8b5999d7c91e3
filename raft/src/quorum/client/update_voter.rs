//! UpdateRaftVoter at kraft.version 0 (KIP-853, `UpdateVoterHandler`): each voter sends its endpoints and versions to
//! each new leader, two fetch timeouts after it has followed it. The leader asks the voter for its versions
//! (ApiVersions), one voter at a time, and would keep the answer in memory for an upgrade, which is not modelled.

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::NodeId;
use crate::io::{Connection, Probe};
use crate::message::{
    ApiVersionsRequest, ApiVersionsResponse, ErrorCode, KRaftVersionFeature, Request, Response, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse,
};
use crate::quorum::leader_state::UpdateVoterHandlerState;
use crate::quorum::timer::Timer;
use crate::step::{Fatal, Step, throw};

/// `kraft.version` of a static quorum.
const KRAFT_VERSION: i16 = 0;

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
        if follower.has_updated_leader {
            follower.update_voter_period.reset(follower.update_voter_period_ms);
            return self.maybe_send_fetch_to_best_node(leader, step);
        }
        let sent = self.maybe_send_request(leader, RaftClient::update_voter_request, step);
        if let (Some(correlation_id), Some(follower)) = (sent.correlation_id, self.quorum.follower_mut()) {
            follower.update_voter_request = Some(correlation_id);
            follower.update_voter_period.reset(follower.update_voter_period_ms);
        }
        sent.wait_ms
    }

    fn update_voter_request(&self) -> Request {
        let local = self.quorum.local();
        Request::UpdateRaftVoter(UpdateRaftVoterRequest {
            cluster_id: Some(self.setup.cluster_id.clone()),
            current_leader_epoch: self.quorum.epoch(),
            voter_id: local.id,
            voter_directory_id: local.directory_id,
            listeners: self.quorum.voters().endpoints(local.id).cloned().unwrap_or_default(),
            k_raft_version_feature: KRaftVersionFeature::SUPPORTED,
        })
    }

    pub(super) fn handle_update_voter_response(
        &mut self,
        response: &UpdateRaftVoterResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        let common = self.handle_common_response(ErrorCode::None, response.error, &response.current_leader, step)?;
        if let Some(handled) = common {
            return Ok(handled);
        }
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
        connection: Connection,
        correlation_id: i32,
        request: &UpdateRaftVoterRequest,
        step: &mut Step<'_>,
    ) {
        if let Some(error) = self.update_voter_error(request, step) {
            let response = UpdateRaftVoterResponse { error, current_leader: self.current_leader() };
            respond(connection, correlation_id, response, step);
            return;
        }
        let voter = request.voter_id;
        if self.setup.bugs.has(Bug::VoterUpdatedUnprobed) {
            self.accept_update(voter, step);
            let response = UpdateRaftVoterResponse { error: ErrorCode::None, current_leader: self.current_leader() };
            respond(connection, correlation_id, response, step);
            return;
        }
        let sent = self.maybe_send_request(voter, |_| Request::ApiVersions(ApiVersionsRequest {}), step);
        match (sent.correlation_id, self.quorum.leader_mut()) {
            (Some(api_versions_request), Some(leader)) => {
                leader.update_voter = Some(UpdateVoterHandlerState {
                    voter,
                    supported: request.k_raft_version_feature.clone(),
                    connection,
                    correlation_id,
                    api_versions_request,
                    timeout: Timer::new(step.now_ms(), sent.wait_ms),
                });
            }
            _ => {
                let current_leader = self.current_leader();
                let response = UpdateRaftVoterResponse { error: ErrorCode::RequestTimedOut, current_leader };
                respond(connection, correlation_id, response, step);
            }
        }
    }

    fn update_voter_error(&mut self, request: &UpdateRaftVoterRequest, step: &mut Step<'_>) -> Option<ErrorCode> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Some(ErrorCode::InconsistentClusterId);
        }
        if let Some(error) = self.leader_only_error(request.current_leader_epoch) {
            return Some(error);
        }
        let KRaftVersionFeature { min_supported_version: min, max_supported_version: max } =
            request.k_raft_version_feature;
        if request.voter_id.0 < 0 || request.voter_directory_id.is_none() || min < 0 || max < min {
            return Some(ErrorCode::InvalidRequest);
        }
        self.maybe_expire_update_voter(step);
        let leader = self.quorum.leader()?;
        if leader.update_voter.is_some() || leader.high_watermark.is_none() {
            return Some(ErrorCode::RequestTimedOut);
        }
        request.listeners.is_empty().then_some(ErrorCode::InvalidRequest)
    }

    /// Time until the pending update expires; `i64::MAX` if there is none.
    pub(super) fn maybe_expire_update_voter(&mut self, step: &mut Step<'_>) -> i64 {
        let Some(pending) = self.quorum.leader_mut().and_then(|leader| leader.update_voter.as_mut()) else {
            return i64::MAX;
        };
        pending.timeout.update(step.now_ms());
        if !pending.timeout.is_expired() {
            return pending.timeout.remaining_ms();
        }
        self.complete_update_voter(ErrorCode::RequestTimedOut, step);
        i64::MAX
    }

    fn complete_update_voter(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        let current_leader = self.current_leader();
        let pending = self.quorum.leader_mut().and_then(|leader| leader.update_voter.take());
        if let Some(UpdateVoterHandlerState { connection, correlation_id, .. }) = pending {
            respond(connection, correlation_id, UpdateRaftVoterResponse { error, current_leader }, step);
        }
    }

    pub(super) fn handle_api_versions_response(
        &mut self,
        from: NodeId,
        response: &ApiVersionsResponse,
        step: &mut Step<'_>,
    ) -> bool {
        let pending = self.quorum.leader().and_then(|leader| leader.update_voter.as_ref());
        let Some(pending) = pending.filter(|pending| pending.voter == from) else { return true };
        let KRaftVersionFeature { min_supported_version: min, max_supported_version: max } = pending.supported;
        let is_same = response.supported == pending.supported;
        if response.error != ErrorCode::None {
            self.complete_update_voter(ErrorCode::RequestTimedOut, step);
            return false;
        }
        if !is_same || !(min..=max).contains(&KRAFT_VERSION) {
            self.complete_update_voter(ErrorCode::InvalidRequest, step);
        } else if !self.quorum.voters().ids().contains(&from) {
            self.complete_update_voter(ErrorCode::VoterNotFound, step);
        } else {
            self.accept_update(from, step);
            self.complete_update_voter(ErrorCode::None, step);
        }
        true
    }

    fn accept_update(&mut self, voter: NodeId, step: &mut Step<'_>) {
        step.out.probe(Probe::VoterUpdated);
        let now_ms = step.now_ms();
        if let Some(leader) = self.quorum.leader_mut() {
            leader.update_check_quorum(voter, now_ms);
        }
    }

    /// A request of this file got no response; `None` if it is one of another file. Kafka answers it itself with
    /// BROKER_NOT_AVAILABLE: that of UpdateRaftVoter has the epoch -1, counts as one of an older epoch, and so causes no
    /// backoff.
    pub(super) fn handle_lost_update_voter(&mut self, from: NodeId, lost: i32, step: &mut Step<'_>) -> Option<bool> {
        if self.quorum.follower_mut().is_some_and(|follower| follower.update_voter_request == Some(lost)) {
            return Some(true);
        }
        let pending = self.quorum.leader().and_then(|leader| leader.update_voter.as_ref());
        if pending.is_some_and(|pending| pending.voter == from && pending.api_versions_request == lost) {
            self.complete_update_voter(ErrorCode::RequestTimedOut, step);
            return Some(false);
        }
        None
    }
}

pub(super) fn respond(
    connection: Connection,
    correlation_id: i32,
    response: UpdateRaftVoterResponse,
    step: &mut Step<'_>,
) {
    let response = Response::UpdateRaftVoter(response);
    step.out.push(crate::io::Effect::SendResponse { connection, correlation_id, response });
}
