//! Sending of requests: one request in flight per destination (consensus.md §2.4). Each function returns the time until
//! the next poll.

use std::rc::Rc;

use smallvec::SmallVec;

use super::RaftClient;
use crate::fixes::Fix;
use crate::ids::{NodeId, ReplicaKey, Uuid};
use crate::io::DialogueEntry;
use crate::message::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, Endpoint, Endpoints, FetchRequest, Request, VoteRequest,
};
use crate::quorum::epoch_states::EpochState;
use crate::quorum::network_channel::Destination;
use crate::quorum::request_manager::bootstrap_server_id;
use crate::step::Step;

/// `MaxWaitMs` of every raft Fetch.
const FETCH_MAX_WAIT_MS: i32 = 500;

/// Kafka's `RequestSendResult`.
pub(super) struct RequestSendResult {
    pub is_sent: bool,
    /// Time until the next attempt.
    pub wait_ms: i64,
}

impl RaftClient {
    /// A voter by the last voter set of the log.
    pub(super) fn voter(&self, id: NodeId) -> Destination {
        self.at_default_listener(id, self.quorum.voters().endpoints(id))
    }

    /// A leader by what has named it.
    pub(super) fn leader(&self, id: NodeId) -> Destination {
        self.at_default_listener(id, self.quorum.leader_endpoints())
    }

    fn at_default_listener(&self, id: NodeId, endpoints: Option<&Endpoints>) -> Destination {
        Destination::at(id, endpoints.and_then(|endpoints| self.default_endpoint(endpoints)))
    }

    /// The endpoint of the listener by which this replica reaches the quorum (`channel.listenerName`, `Endpoints.address`).
    /// The settings of a broker do not have that name here; it takes the first endpoint.
    pub(super) fn default_endpoint<'a>(&self, endpoints: &'a Endpoints) -> Option<&'a Endpoint> {
        match self.quorum.local_voter_node().endpoints.first() {
            Some(own) => endpoints.iter().find(|endpoint| endpoint.name == own.name),
            None => endpoints.first(),
        }
    }

    /// As the configuration names it; a static voter if there are no `controller.quorum.bootstrap.servers`.
    fn bootstrap_server(&self, id: NodeId) -> Destination {
        let servers = (0..).zip(self.setup.config.bootstrap_servers.iter());
        let port = servers.map(|(place, server)| (bootstrap_server_id(place), server.port)).find(|it| it.0 == id);
        port.map_or_else(|| self.voter(id), |(_, port)| Destination { id, port: Some(port) })
    }

    pub(super) fn maybe_send_request(
        &mut self,
        destination: Destination,
        build: impl FnOnce(&RaftClient) -> Request,
        step: &mut Step<'_>,
    ) -> RequestSendResult {
        let (to, now_ms) = (destination.id, step.now_ms());
        if self.requests.is_backing_off(to, now_ms) {
            let wait_ms = self.requests.remaining_backoff_ms(to, now_ms);
            return RequestSendResult { is_sent: false, wait_ms };
        }
        let is_sent = self.requests.is_ready(to, now_ms);
        if is_sent {
            self.last_correlation_id = self.last_correlation_id.checked_add(1).unwrap_or(0);
            let correlation_id = self.last_correlation_id;
            let request = build(self);
            self.requests.on_request_sent(to, correlation_id, now_ms);
            let port = destination.port;
            step.out.record(|| DialogueEntry::Sent { to, port, correlation_id, request: request.clone() });
            self.channel.send(now_ms, destination, correlation_id, request);
        }
        let wait_ms = self.requests.remaining_request_time_ms(to, now_ms);
        RequestSendResult { is_sent, wait_ms }
    }

    /// Sends to all of these; the shortest time until the next attempt.
    fn maybe_send_requests(
        &mut self,
        voters: &[NodeId],
        build: impl Fn(&RaftClient, NodeId) -> Request,
        step: &mut Step<'_>,
    ) -> i64 {
        let send = |voter: &NodeId| {
            let destination = self.voter(*voter);
            self.maybe_send_request(destination, |raft| build(raft, *voter), step).wait_ms
        };
        voters.iter().map(send).min().unwrap_or(i64::MAX)
    }

    /// Sends requests to all voters that have not answered, until the election is lost.
    pub(super) fn maybe_send_vote_requests(&mut self, step: &mut Step<'_>) -> i64 {
        let (election, pre_vote) = match self.quorum.state() {
            EpochState::Prospective(state) => (&state.election, true),
            EpochState::Candidate(state) => (&state.election, false),
            _ => return i64::MAX,
        };
        if election.is_vote_rejected() {
            return i64::MAX;
        }
        let voters: SmallVec<[NodeId; 7]> = election.unrecorded().collect();
        self.maybe_send_requests(&voters, |raft, voter| raft.vote_request(voter, pre_vote), step)
    }

    fn vote_request(&self, voter: NodeId, pre_vote: bool) -> Request {
        let local = self.quorum.local();
        Request::Vote(VoteRequest {
            cluster_id: Some(Rc::clone(&self.setup.cluster_id)),
            voter_id: voter,
            voter_directory_id: self.quorum.voters().key_of(voter).and_then(|key| key.directory_id),
            replica_epoch: self.quorum.epoch(),
            replica_id: local.id,
            replica_directory_id: local.directory_id,
            last_offset_epoch: self.log.last_fetched_epoch(),
            last_offset: self.log.end_offset(),
            pre_vote,
        })
    }

    pub(super) fn maybe_send_begin_quorum_epoch(&mut self, step: &mut Step<'_>) -> i64 {
        let now_ms = step.now_ms();
        let Some(leader) = self.quorum.leader_mut() else { return i64::MAX };
        let wait_ms = leader.time_until_begin_quorum_epoch_ms(now_ms);
        if wait_ms > 0 {
            return wait_ms;
        }
        let voters = leader.needing_begin_quorum_epoch(now_ms);
        leader.reset_begin_quorum_epoch_timer(now_ms);
        // The wait ends with the requests, not with the timer that was restarted.
        let send = |voter: &ReplicaKey| {
            let destination = self.voter(voter.id);
            self.maybe_send_request(destination, |raft| raft.begin_quorum_epoch_request(*voter), step).wait_ms
        };
        voters.iter().map(send).min().unwrap_or(i64::MAX)
    }

    fn begin_quorum_epoch_request(&self, voter: ReplicaKey) -> Request {
        Request::BeginQuorumEpoch(BeginQuorumEpochRequest {
            cluster_id: Some(Rc::clone(&self.setup.cluster_id)),
            voter_id: voter.id,
            voter_directory_id: voter.directory_id,
            leader_id: self.quorum.local().id,
            leader_epoch: self.quorum.epoch(),
            leader_endpoints: self.quorum.leader_endpoints().cloned().unwrap_or_default(),
        })
    }

    fn names_endpoints_at_end(&self) -> bool {
        let is_dynamic = self.setup.config.is_dynamic || self.quorum.partition_state().last_kraft_version() > 0;
        is_dynamic && self.setup.fixes.has(Fix::EndpointsInEndQuorumEpoch)
    }

    pub(super) fn maybe_send_end_quorum_epoch(&mut self, step: &mut Step<'_>) -> i64 {
        let EpochState::Resigned(state) = self.quorum.state() else { return i64::MAX };
        let voters = state.unacked.clone();
        let candidates = Rc::clone(&state.preferred_candidates);
        let build = |raft: &RaftClient, _| {
            Request::EndQuorumEpoch(EndQuorumEpochRequest {
                cluster_id: Some(Rc::clone(&raft.setup.cluster_id)),
                leader_id: raft.quorum.local().id,
                leader_epoch: raft.quorum.epoch(),
                preferred_candidates: Rc::clone(&candidates),
                leader_endpoints: match raft.names_endpoints_at_end() {
                    true => Rc::clone(&raft.quorum.local_voter_node().endpoints),
                    false => Rc::default(),
                },
            })
        };
        self.maybe_send_requests(&voters, build, step)
    }

    /// Fetches from the leader, or the next chunk of a snapshot; while it does not answer, a Fetch is sent to any bootstrap
    /// server, which may know a newer leader.
    pub(super) fn maybe_send_fetch_to_best_node(&mut self, leader: NodeId, step: &mut Step<'_>) -> i64 {
        let now_ms = step.now_ms();
        let silent_ms = self.leave_silent_servers(leader, now_ms);
        let wait_ms = if self.requests.has_request_timed_out(leader, now_ms) {
            self.requests.reset(leader);
            self.maybe_send_fetch_to_any_bootstrap(step)
        } else if self.requests.is_backing_off(leader, now_ms) {
            self.maybe_send_fetch_to_any_bootstrap(step)
        } else if !self.requests.has_any_inflight_request(now_ms) {
            let build = |raft: &RaftClient| raft.fetch_snapshot_request().unwrap_or_else(|| raft.fetch_request());
            self.maybe_send_request(self.leader(leader), build, step).wait_ms
        } else {
            self.requests.backoff_before_available_bootstrap_server(now_ms)
        };
        wait_ms.min(silent_ms)
    }

    /// With the fix: gives up what other servers than the leader have not answered for half of the fetch timeout. Returns
    /// the time until that applies to a request in flight. A replica that may not begin an
    /// election waits.
    fn leave_silent_servers(&mut self, leader: NodeId, now_ms: i64) -> i64 {
        if !self.setup.fixes.has(Fix::LeaveSilentBootstrapServer) || !self.quorum.may_campaign() {
            return i64::MAX;
        }
        self.requests.give_up_others(leader, i64::from(self.setup.config.fetch_timeout_ms) / 2, now_ms)
    }

    pub(super) fn maybe_send_fetch_to_any_bootstrap(&mut self, step: &mut Step<'_>) -> i64 {
        let now_ms = step.now_ms();
        match self.requests.find_ready_bootstrap_server(now_ms, step.entropy) {
            Some(server) => {
                self.maybe_send_request(self.bootstrap_server(server), RaftClient::fetch_request, step).wait_ms
            }
            None => self.requests.backoff_before_available_bootstrap_server(now_ms),
        }
    }

    fn fetch_request(&self) -> Request {
        let local = self.quorum.local();
        Request::Fetch(FetchRequest {
            cluster_id: Some(Rc::clone(&self.setup.cluster_id)),
            replica_id: local.id,
            replica_directory_id: local.directory_id,
            topic_id: Uuid::METADATA_TOPIC_ID,
            max_wait_ms: FETCH_MAX_WAIT_MS,
            max_bytes: self.setup.config.fetch_max_bytes,
            current_leader_epoch: self.quorum.epoch(),
            fetch_offset: self.log.end_offset(),
            last_fetched_epoch: self.log.last_fetched_epoch(),
            high_watermark: self.quorum.high_watermark(),
        })
    }
}
