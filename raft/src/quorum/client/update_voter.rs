//! UpdateRaftVoter at kraft.version 0 (KIP-853, `UpdateVoterHandler`): each voter sends its endpoints and versions to
//! each new leader, two fetch timeouts after it has followed it. The leader asks the voter for its versions
//! (ApiVersions), one voter at a time, and would keep the answer in memory for an upgrade, which is not modelled.

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::NodeId;
use crate::io::{Connection, Probe};
use crate::message::{
    ApiVersionsRequest, ApiVersionsResponse, ErrorCode, KRaftVersionFeature, Request, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse,
};
use crate::quorum::leader_state::{UpdateVoterHandlerState, update_voter_response};
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
        if let (true, Some(follower)) = (sent.is_sent, self.quorum.follower_mut()) {
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
        connection: Connection,
        correlation_id: i32,
        request: &UpdateRaftVoterRequest,
        step: &mut Step<'_>,
    ) {
        let respond = |error: ErrorCode, raft: &RaftClient, step: &mut Step<'_>| {
            step.out.push(update_voter_response(connection, correlation_id, error, raft.current_leader()));
        };
        if let Some(error) = self.update_voter_error(request, step) {
            return respond(error, self, step);
        }
        let voter = request.voter_id;
        if self.setup.bugs.has(Bug::Kafka20661VoterUpdatedUnprobed) {
            self.accept_update(voter, step);
            return respond(ErrorCode::None, self, step);
        }
        let sent = self.maybe_send_request(voter, |_| Request::ApiVersions(ApiVersionsRequest {}), step);
        match self.quorum.leader_mut() {
            Some(leader) if sent.is_sent => {
                leader.update_voter = Some(UpdateVoterHandlerState {
                    voter,
                    supported: request.k_raft_version_feature.clone(),
                    connection,
                    correlation_id,
                    timeout: Timer::new(step.now_ms(), sent.wait_ms),
                });
            }
            _ => respond(ErrorCode::RequestTimedOut, self, step),
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
        // A leader that is none of the voters has no listener, and is no leader.
        let own = self.quorum.leader_endpoints()?.first()?;
        let has_default_listener = request.listeners.iter().any(|endpoint| endpoint.name == own.name);
        (!has_default_listener).then_some(ErrorCode::InvalidRequest)
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
            step.out.push(update_voter_response(connection, correlation_id, error, current_leader));
        }
    }

    pub(super) fn handle_api_versions_response(
        &mut self,
        from: NodeId,
        response: &ApiVersionsResponse,
        step: &mut Step<'_>,
    ) -> bool {
        let Some(pending) = self.update_pending_of(from) else { return true };
        let KRaftVersionFeature { min_supported_version: min, max_supported_version: max } = pending.supported;
        let is_same = response.supported == pending.supported;
        if response.error != ErrorCode::None {
            return self.handle_api_versions_error(from, step);
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

    /// The error ends the update; if it has ended before there is no backoff either.
    pub(super) fn handle_api_versions_error(&mut self, from: NodeId, step: &mut Step<'_>) -> bool {
        if self.update_pending_of(from).is_none() {
            return true;
        }
        self.complete_update_voter(ErrorCode::RequestTimedOut, step);
        false
    }

    fn update_pending_of(&self, voter: NodeId) -> Option<&UpdateVoterHandlerState> {
        self.quorum.leader()?.update_voter.as_ref().filter(|pending| pending.voter == voter)
    }

    fn accept_update(&mut self, voter: NodeId, step: &mut Step<'_>) {
        step.out.probe(Probe::VoterUpdated);
        let now_ms = step.now_ms();
        if let Some(leader) = self.quorum.leader_mut() {
            leader.update_check_quorum(voter, now_ms);
        }
    }
}
