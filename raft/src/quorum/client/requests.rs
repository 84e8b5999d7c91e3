//! Handling of Vote, BeginQuorumEpoch and EndQuorumEpoch requests, each in Kafka's order of validation (consensus.md
//! §3.2–3.5).

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, NodeId, OffsetAndEpoch, ReplicaKey, Uuid};
use crate::io::{Connection, Effect, Probe};
use crate::message::{
    AdminRequest, AdminResponse, BeginQuorumEpochRequest, CurrentLeader, EndQuorumEpochRequest, EnvelopeResponse,
    ErrorCode, QuorumEpochResponse, Request, Response, VoteRequest, VoteResponse,
};
use crate::quorum::change_voter::Requester;
use crate::quorum::epoch_states::EpochState;
use crate::step::{Fatal, Step};

impl RaftClient {
    pub(super) fn handle_request(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: Request,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        self.hear_anybody(step);
        let response = match request {
            Request::Vote(request) => Response::Vote(self.handle_vote_request(&request, step)?),
            Request::BeginQuorumEpoch(request) => {
                Response::BeginQuorumEpoch(self.handle_begin_quorum_epoch_request(&request, step)?)
            }
            Request::EndQuorumEpoch(request) => {
                Response::EndQuorumEpoch(self.handle_end_quorum_epoch_request(&request, step)?)
            }
            Request::FetchSnapshot(request) => {
                Response::FetchSnapshot(self.handle_fetch_snapshot_request(&request, step))
            }
            Request::Fetch(request) => return self.handle_fetch_request(connection, correlation_id, request, step),
            Request::UpdateRaftVoter(request) => {
                let requester = Requester { connection, correlation_id, is_forwarded: false };
                return self.handle_update_voter_request(requester, &request, step);
            }
            Request::AddRaftVoter(request) => {
                let requester = Requester { connection, correlation_id, is_forwarded: false };
                self.handle_add_voter_request(requester, &request, step);
                return Ok(());
            }
            Request::RemoveRaftVoter(request) => {
                let requester = Requester { connection, correlation_id, is_forwarded: false };
                self.handle_remove_voter_request(requester, &request, step);
                return Ok(());
            }
            Request::Envelope(AdminRequest::AddRaftVoter(request)) => {
                let requester = Requester { connection, correlation_id, is_forwarded: true };
                self.handle_add_voter_request(requester, &request, step);
                return Ok(());
            }
            Request::Envelope(AdminRequest::RemoveRaftVoter(request)) => {
                let requester = Requester { connection, correlation_id, is_forwarded: true };
                self.handle_remove_voter_request(requester, &request, step);
                return Ok(());
            }
            Request::DescribeQuorum(_) => Response::DescribeQuorum(self.describe_quorum(step)),
            Request::Envelope(AdminRequest::DescribeQuorum(_)) => {
                let response = self.describe_quorum(step);
                Response::Envelope(match response.error {
                    // `Request.shouldReturnNotController`: the broker looks for the leader, and sends it again.
                    ErrorCode::NotLeaderOrFollower => {
                        EnvelopeResponse { error: ErrorCode::NotController, response: None }
                    }
                    _ => {
                        let response = Some(AdminResponse::DescribeQuorum(response));
                        EnvelopeResponse { error: ErrorCode::None, response }
                    }
                })
            }
            Request::ApiVersions(_)
            | Request::DiscoverVersions(_)
            | Request::AppendRecords(_)
            | Request::ReadRecords(_)
            | Request::Data(_)
            | Request::Cluster(_)
            | Request::Admin(_)
            | Request::Envelope(_) => {
                panic!("{} is not for the raft thread", request.name())
            }
        };
        step.out.push(Effect::SendResponse { connection, correlation_id, response });
        Ok(())
    }

    /// `None` is valid: old clients do not send a cluster id.
    pub(super) fn has_valid_cluster_id(&self, cluster_id: Option<&str>) -> bool {
        let is_unchecked = self.setup.bugs.has(Bug::Kafka12440ClusterIdUnchecked);
        is_unchecked || cluster_id.is_none_or(|id| *id == *self.setup.cluster_id)
    }

    /// The epoch, leader and leader address of every partition-level answer.
    pub(super) fn current_leader(&self) -> CurrentLeader {
        CurrentLeader {
            leader_id: self.quorum.leader_id(),
            leader_epoch: self.quorum.epoch(),
            endpoints: self.quorum.leader_endpoints().cloned(),
        }
    }

    /// Vote, BeginQuorumEpoch and EndQuorumEpoch: the error of an older epoch or of an anonymous request.
    fn voter_only_error(&self, remote: NodeId, epoch: LeaderEpoch, step: &mut Step<'_>) -> Option<ErrorCode> {
        if epoch < self.quorum.epoch() {
            step.out.probe(Probe::FencedRequest);
            Some(ErrorCode::FencedLeaderEpoch)
        } else if remote.0 < 0 {
            Some(ErrorCode::InvalidRequest)
        } else {
            None
        }
    }

    /// Whether the request is for this replica. An absent key matches any replica.
    fn is_addressed_to_this(&self, voter: NodeId, directory_id: Option<Uuid>) -> bool {
        let local = self.quorum.local();
        let same_directory = directory_id.is_none_or(|directory| local.directory_id == Some(directory));
        voter.0 < 0 || (voter == local.id && same_directory)
    }

    fn handle_vote_request(&mut self, request: &VoteRequest, step: &mut Step<'_>) -> Result<VoteResponse, Fatal> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Ok(VoteResponse { top_error: ErrorCode::InconsistentClusterId, ..VoteResponse::default() });
        }
        let refuse = |raft: &RaftClient, error| VoteResponse {
            error,
            current_leader: raft.current_leader(),
            ..VoteResponse::default()
        };
        // A candidate's epoch is above that of its log, because it was bumped; a Prospective's epoch may be equal.
        let possible = if request.pre_vote {
            request.last_offset_epoch <= request.replica_epoch
        } else {
            request.last_offset_epoch < request.replica_epoch
        };
        if request.last_offset.0 < 0 || request.last_offset_epoch.0 < 0 || !possible {
            return Ok(refuse(self, ErrorCode::InvalidRequest));
        }
        if let Some(error) = self.voter_only_error(request.replica_id, request.replica_epoch, step) {
            return Ok(refuse(self, error));
        }
        if request.replica_epoch > self.quorum.epoch() && !self.ignores_higher_epoch() {
            self.transition_to_unattached(request.replica_epoch, None, step)?;
        }
        // After the epoch bump, as in Kafka.
        if !self.is_addressed_to_this(request.voter_id, request.voter_directory_id) {
            return Ok(refuse(self, ErrorCode::InvalidVoterKey));
        }
        let candidate = request.replica_key();
        let theirs = OffsetAndEpoch { epoch: request.last_offset_epoch, offset: request.last_offset };
        let ours = OffsetAndEpoch { epoch: self.log.last_fetched_epoch(), offset: self.end_offset() };
        let is_up_to_date = match self.setup.bugs.has(Bug::VoteComparesOffsetsOnly) {
            true => theirs.offset >= ours.offset,
            false => theirs >= ours,
        };
        let vote_granted = self.quorum.can_grant_vote(candidate, is_up_to_date, request.pre_vote, step.now_ms());
        if !vote_granted && !is_up_to_date {
            self.quorum.refuse_shorter_log(step);
        }
        if vote_granted && !request.pre_vote && self.quorum.must_record_vote(candidate) {
            self.quorum.add_voted_state(candidate, step)?;
        }
        Ok(VoteResponse { vote_granted, ..refuse(self, ErrorCode::None) })
    }

    fn handle_begin_quorum_epoch_request(
        &mut self,
        request: &BeginQuorumEpochRequest,
        step: &mut Step<'_>,
    ) -> Result<QuorumEpochResponse, Fatal> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Ok(inconsistent_cluster_id());
        }
        if let Some(error) = self.voter_only_error(request.leader_id, request.leader_epoch, step) {
            return Ok(self.quorum_epoch_response(error));
        }
        let endpoints = Some(request.leader_endpoints.clone());
        self.maybe_transition(Some(request.leader_id), request.leader_epoch, endpoints, step)?;
        if !self.is_addressed_to_this(request.voter_id, request.voter_directory_id) {
            return Ok(self.quorum_epoch_response(ErrorCode::InvalidVoterKey));
        }
        Ok(self.quorum_epoch_response(ErrorCode::None))
    }

    fn handle_end_quorum_epoch_request(
        &mut self,
        request: &EndQuorumEpochRequest,
        step: &mut Step<'_>,
    ) -> Result<QuorumEpochResponse, Fatal> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Ok(inconsistent_cluster_id());
        }
        if let Some(error) = self.voter_only_error(request.leader_id, request.leader_epoch, step) {
            return Ok(self.quorum_epoch_response(error));
        }
        let endpoints = Some(request.leader_endpoints.clone());
        self.maybe_transition(Some(request.leader_id), request.leader_epoch, endpoints, step)?;
        let max_backoff_ms = self.setup.config.election_backoff_max_ms;
        let delay_ms = end_quorum_epoch_delay_ms(&request.preferred_candidates, self.quorum.local(), max_backoff_ms);
        if let EpochState::Follower(follower) = self.quorum.state_mut()
            && follower.leader_id == request.leader_id
            && !self.setup.bugs.has(Bug::EndQuorumEpochIgnored)
        {
            step.out.probe(Probe::EndQuorumEpochHonoured);
            follower.fetch_timer.update(step.now.wall_ms);
            follower.fetch_timer.reset(delay_ms);
        }
        Ok(self.quorum_epoch_response(ErrorCode::None))
    }

    fn quorum_epoch_response(&self, error: ErrorCode) -> QuorumEpochResponse {
        QuorumEpochResponse { error, current_leader: self.current_leader(), ..QuorumEpochResponse::default() }
    }
}

fn inconsistent_cluster_id() -> QuorumEpochResponse {
    QuorumEpochResponse { top_error: ErrorCode::InconsistentClusterId, ..QuorumEpochResponse::default() }
}

/// The delay before a follower starts an election: zero for the first preferred candidate, the maximum if it is not in
/// the list (consensus.md §2.3).
pub(super) fn end_quorum_epoch_delay_ms(candidates: &[ReplicaKey], local: ReplicaKey, max_backoff_ms: i32) -> i64 {
    let max_ms = i64::from(max_backoff_ms.max(0));
    let names = |key: &ReplicaKey| key.id == local.id && (key.directory_id.is_none() || *key == local);
    let position = candidates.iter().position(names).unwrap_or(candidates.len());
    match position {
        0 => 0,
        position if position >= candidates.len() => max_ms,
        position => ((max_ms >> (candidates.len() - 1)) << (position - 1)).min(max_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(candidates: i32, max_ms: i32) -> Vec<i64> {
        let key = |id| ReplicaKey { id: NodeId(id), directory_id: None };
        let list: Vec<ReplicaKey> = (0..candidates).map(key).collect();
        (0..=candidates).map(|id| end_quorum_epoch_delay_ms(&list, key(id), max_ms)).collect()
    }

    #[test]
    fn the_delay_grows_with_the_position_and_is_longest_for_who_is_absent() {
        assert_eq!(delays(0, 1000), [0], "an empty list means everybody at once");
        assert_eq!(delays(2, 1000), [0, 500, 1000]);
        assert_eq!(delays(4, 1000), [0, 125, 250, 500, 1000]);
    }
}
