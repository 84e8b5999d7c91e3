//! Handling of responses, and the rule by which epochs and leaders propagate (consensus.md §3.2–3.6). `true` means
//! handled: the destination is READY again.

use super::RaftClient;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, NodeId, Offset};
use crate::io::{DialogueEntry, Observation, Probe};
use crate::message::{
    AddRaftVoterResponse, CurrentLeader, Endpoints, ErrorCode, FetchResponse, QuorumEpochResponse,
    RemoveRaftVoterResponse, Response, UpdateRaftVoterResponse, VoteResponse,
};
use crate::quorum::epoch_states::EpochState;
use crate::quorum::network_channel::{Inbound, LostApi};
use crate::step::{Fatal, Step, throw};

impl RaftClient {
    /// Responses to requests from before a transition are not expected any more and were dropped.
    pub(super) fn handle_inbound(&mut self, inbound: Inbound, step: &mut Step<'_>) -> Result<(), Fatal> {
        let Inbound { from, correlation_id, result } = inbound;
        step.out.record(|| {
            let result = result.clone().map_err(|lost| format!("{:?}", lost.error));
            DialogueEntry::Inbound { from, correlation_id, result }
        });
        if result.is_ok() {
            self.hear_anybody(step);
        }
        if !self.requests.is_response_expected(from, correlation_id) {
            return Ok(());
        }
        let handled = match result {
            Err(lost) => self.handle_lost(from, lost.api, step)?,
            Ok(Response::Vote(response)) => self.handle_vote_response(from, &response, step)?,
            Ok(Response::BeginQuorumEpoch(response)) => {
                self.handle_begin_quorum_epoch_response(from, &response, step)?
            }
            Ok(Response::EndQuorumEpoch(response)) => self.handle_end_quorum_epoch_response(from, &response, step)?,
            Ok(Response::Fetch(response)) => self.handle_fetch_response(&response, step)?,
            Ok(Response::FetchSnapshot(response)) => self.handle_fetch_snapshot_response(&response, step)?,
            Ok(Response::UpdateRaftVoter(response)) => self.handle_update_voter_response(&response, step)?,
            Ok(Response::AddRaftVoter(AddRaftVoterResponse { error })) => {
                self.handle_join_response(error, ErrorCode::DuplicateVoter, step)?
            }
            Ok(Response::RemoveRaftVoter(RemoveRaftVoterResponse { error })) => {
                self.handle_join_response(error, ErrorCode::VoterNotFound, step)?
            }
            Ok(Response::ApiVersions(response)) => self.handle_api_versions_response(from, &response, step)?,
            Ok(
                Response::DiscoverVersions
                | Response::DescribeQuorum(_)
                | Response::AppendRecords(_)
                | Response::ReadRecords(_)
                | Response::Data(_)
                | Response::Cluster(_)
                | Response::Admin(_)
                | Response::Envelope(_),
            ) => false,
        };
        self.requests.on_response_result(from, correlation_id, handled, step.now_ms());
        Ok(())
    }

    /// Disconnected or timed out: Kafka answers the request itself with BROKER_NOT_AVAILABLE
    /// (`KafkaNetworkChannel.sendOnCompleted`).
    fn handle_lost(&mut self, from: NodeId, api: LostApi, step: &mut Step<'_>) -> Result<bool, Fatal> {
        let error = ErrorCode::BrokerNotAvailable;
        match api {
            // Its epoch is the default of the field, so it counts as one of an older epoch: there is no backoff.
            LostApi::UpdateRaftVoter => {
                let leader_epoch = LeaderEpoch(-1);
                let current_leader = CurrentLeader { leader_id: None, leader_epoch, endpoints: None };
                self.handle_update_voter_response(&UpdateRaftVoterResponse { error, current_leader }, step)
            }
            LostApi::ApiVersions => Ok(self.handle_api_versions_error(from, step)),
            LostApi::Other => Ok(false),
        }
    }

    /// [`Bug::FetchTimerResetByAnyMessage`]
    pub(super) fn hear_anybody(&mut self, step: &Step<'_>) {
        let fetch_timeout_ms = i64::from(self.setup.config.fetch_timeout_ms);
        if let (true, Some(follower)) =
            (self.setup.bugs.has(Bug::FetchTimerResetByAnyMessage), self.quorum.follower_mut())
        {
            follower.fetch_timer.update(step.now.wall_ms);
            follower.fetch_timer.reset(fetch_timeout_ms);
        }
    }

    /// Rule `T` of consensus.md §3.2, for Begin- and EndQuorumEpoch and for error answers.
    pub(super) fn maybe_transition(
        &mut self,
        leader: Option<NodeId>,
        epoch: LeaderEpoch,
        endpoints: Option<Endpoints>,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let local = self.quorum.epoch();
        if epoch > local && self.ignores_higher_epoch() {
            return Ok(());
        }
        let known = self.quorum.leader_id();
        let consistent = match leader {
            Some(leader) if leader == self.quorum.local().id => self.quorum.is_leader(),
            Some(_) => epoch != local || known.is_none() || leader == known,
            None => true,
        };
        if !consistent {
            let whom = |replica: Option<NodeId>| replica.map_or("no node".into(), |id| format!("node {id}"));
            let (named, known) = (whom(leader), whom(known));
            throw!(AnotherLeader:
                "a message names {named} as leader of epoch {epoch}, but {known} is the known leader of epoch {local}"
            );
        }
        let Some(leader) = leader else {
            return if epoch > local { self.transition_to_unattached(epoch, None, step) } else { Ok(()) };
        };
        let known_endpoints = self.quorum.leader_endpoints().map_or(0, |endpoints| endpoints.len());
        let reported_endpoints = endpoints.as_ref().map_or(0, |endpoints| endpoints.len());
        if epoch > local || (epoch == local && (known.is_none() || reported_endpoints > known_endpoints)) {
            self.transition_to_follower(epoch, leader, endpoints, step)?;
        } else if let Some(endpoints) = endpoints {
            self.take_new_endpoints(leader, epoch, endpoints);
        }
        Ok(())
    }

    /// [`Fix::TakeNewLeaderEndpoints`]: the endpoints of the leader were those of the local voter set, which may be out of date.
    fn take_new_endpoints(&mut self, leader: NodeId, epoch: LeaderEpoch, endpoints: Endpoints) {
        if !self.setup.fixes.has(Fix::TakeNewLeaderEndpoints) || epoch != self.quorum.epoch() || endpoints.is_empty() {
            return;
        }
        let Some(follower) = self.quorum.follower_mut() else { return };
        if follower.leader_id == leader && !follower.has_fetched_from_leader && follower.leader_endpoints != endpoints {
            follower.leader_endpoints = endpoints;
            self.requests.reset(leader);
        }
    }

    /// G10: the wrong leader ignores a higher epoch.
    pub(super) fn ignores_higher_epoch(&self) -> bool {
        self.setup.bugs.has(Bug::HigherEpochIgnored) && self.quorum.is_leader()
    }

    /// The part common to the responses of Vote, BeginQuorumEpoch and EndQuorumEpoch, none of which handles an error
    /// itself; `Some` if the response is thereby handled.
    fn handle_common_response(
        &mut self,
        top_error: ErrorCode,
        error: ErrorCode,
        current: &CurrentLeader,
        step: &mut Step<'_>,
    ) -> Result<Option<bool>, Fatal> {
        if top_error != ErrorCode::None {
            return Ok(Some(false));
        }
        let handled = self.maybe_handle_common_response(error, current, step)?;
        Ok(handled.or((error != ErrorCode::None).then_some(false)))
    }

    /// Kafka's `maybeHandleCommonResponse`: `None` leaves the response, or its error, to its API.
    pub(super) fn maybe_handle_common_response(
        &mut self,
        error: ErrorCode,
        current: &CurrentLeader,
        step: &mut Step<'_>,
    ) -> Result<Option<bool>, Fatal> {
        let (epoch, local) = (current.leader_epoch, self.quorum.epoch());
        let is_ignored = |leader: NodeId| self.ignores_leader(leader, current) || self.is_former_self(leader);
        let leader = current.leader_id.filter(|leader| !is_ignored(*leader));
        if epoch < local || error == ErrorCode::UnknownLeaderEpoch {
            return Ok(Some(true));
        }
        if epoch > local || matches!(error, ErrorCode::FencedLeaderEpoch | ErrorCode::NotLeaderOrFollower) {
            self.maybe_transition(leader, epoch, current.endpoints.clone(), step)?;
            return Ok(Some(true));
        }
        let goes_back = self.setup.bugs.has(Bug::Kafka17641BackToNamedLeader)
            && matches!(self.quorum.state(), EpochState::Prospective(_));
        let lacks_endpoints = matches!(self.quorum.state(), EpochState::Unattached(_))
            && self.setup.fixes.has(Fix::FollowLeaderOfUnattached);
        if let Some(leader) = leader
            && (self.quorum.leader_id().is_none() || goes_back || lacks_endpoints)
        {
            self.transition_to_follower(epoch, leader, current.endpoints.clone(), step)?;
            return Ok((error != ErrorCode::None).then_some(true));
        }
        match error {
            ErrorCode::BrokerNotAvailable => Ok(Some(false)),
            ErrorCode::InvalidVoterKey => Ok(Some(true)),
            ErrorCode::InvalidRequest => throw!("a request was refused as invalid in epoch {epoch}"),
            _ => Ok(None),
        }
    }

    /// [`Fix::IgnoreLeaderWithoutEndpoints`]: of a leader that is unknown yet neither the answer nor the voter set says
    /// where it is.
    fn ignores_leader(&self, leader: NodeId, current: &CurrentLeader) -> bool {
        let is_new = current.leader_epoch > self.quorum.epoch() || self.quorum.leader_id().is_none();
        self.setup.fixes.has(Fix::IgnoreLeaderWithoutEndpoints)
            && is_new
            && leader != self.quorum.local().id
            && current.endpoints.as_ref().is_none_or(|endpoints| endpoints.is_empty())
            && self.quorum.voters().endpoints(leader).is_none()
    }

    /// [`Fix::IgnoreLeaderOfFormerDirectory`]: the leader had this id and another directory.
    fn is_former_self(&self, leader: NodeId) -> bool {
        let local = self.quorum.local();
        self.setup.fixes.has(Fix::IgnoreLeaderOfFormerDirectory)
            && leader == local.id
            && !self.quorum.is_leader()
            && !self.quorum.voters().is_voter(local)
    }

    fn handle_vote_response(
        &mut self,
        from: NodeId,
        response: &VoteResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        if response.top_error == ErrorCode::UnsupportedVersion
            && matches!(self.quorum.state(), EpochState::Prospective(_))
        {
            self.transition_to_candidate(step)?;
            return Ok(true);
        }
        let common = self.handle_common_response(response.top_error, response.error, &response.current_leader, step)?;
        if let Some(handled) = common {
            return Ok(handled);
        }
        match self.quorum.state_mut() {
            EpochState::Prospective(state) => {
                state.election.record(from, response.vote_granted)?;
                if state.election.is_vote_granted() {
                    self.transition_to_candidate(step)?;
                } else if state.election.is_vote_rejected() {
                    step.out.probe(Probe::PreVoteLost);
                    self.transition_from_lost_prospective(step)?;
                }
            }
            EpochState::Candidate(state) => {
                let was_lost = state.election.is_vote_rejected();
                if state.election.record(from, response.vote_granted)? {
                    throw!("voter {from} changed its vote in epoch {}", self.quorum.epoch());
                }
                if state.election.is_vote_granted() {
                    self.transition_to_leader(step)?;
                } else if state.election.is_vote_rejected() && !was_lost {
                    step.out.probe(Probe::VoteLost);
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn handle_begin_quorum_epoch_response(
        &mut self,
        from: NodeId,
        response: &QuorumEpochResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        let common = self.handle_common_response(response.top_error, response.error, &response.current_leader, step)?;
        if let Some(handled) = common {
            return Ok(handled);
        }
        let is_ignored = self.setup.fixes.has(Fix::IgnoreAnswerOfRemovedVoter);
        if let Some(leader) = self.quorum.leader_mut()
            && !leader.add_acknowledgement_from(from)
            && !is_ignored
        {
            throw!("node {from}, which is no voter, acknowledged BeginQuorumEpoch");
        }
        Ok(true)
    }

    fn handle_end_quorum_epoch_response(
        &mut self,
        from: NodeId,
        response: &QuorumEpochResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        let common = self.handle_common_response(response.top_error, response.error, &response.current_leader, step)?;
        if let Some(handled) = common {
            return Ok(handled);
        }
        let EpochState::Resigned(state) = self.quorum.state_mut() else {
            throw!("EndQuorumEpoch was acknowledged by node {from} to a replica that is not Resigned");
        };
        state.unacked.retain(|voter| *voter != from);
        Ok(true)
    }

    fn handle_fetch_response(&mut self, response: &FetchResponse, step: &mut Step<'_>) -> Result<bool, Fatal> {
        if response.top_error != ErrorCode::None {
            return Ok(false);
        }
        if let Some(handled) = self.maybe_handle_common_response(response.error, &response.current_leader, step)? {
            return Ok(handled);
        }
        if !self.quorum.is_follower() {
            // consensus.md §1.6: reached by an Unattached replica that knows its leader's id but no endpoints.
            throw!("a Fetch was answered, and this replica is {}", self.quorum.role());
        }
        if response.error != ErrorCode::None {
            return Ok(false);
        }
        match (response.diverging_epoch.as_deref(), response.snapshot_id.as_deref()) {
            (Some(diverging), _) => {
                let high_watermark = self.quorum.high_watermark().unwrap_or(Offset(0));
                let checked = !self.setup.bugs.has(Bug::TruncateBelowHighWatermark);
                if checked && diverging.offset < high_watermark {
                    throw!(TruncationBelowHighWatermark:
                        "the leader asks to truncate the log to offset {}, below the high watermark {high_watermark}",
                        diverging.offset
                    );
                }
                let before = self.log.end_offset();
                let end = self.log.truncate_to_end_offset(*diverging, step.out)?;
                if end < before {
                    step.out.observe(Observation::Truncated { end });
                }
                self.quorum.partition_state.truncate_new_entries(end);
                self.log.check_last_fetched_epoch()?;
            }
            (None, Some(id)) => self.begin_download(*id, step),
            (None, None) => self.append_fetched(response, step)?,
        }
        let too_early = self.setup.bugs.has(Bug::LeaderLeftEarly);
        let fetch_timeout_ms = i64::from(self.setup.config.fetch_timeout_ms) / if too_early { 4 } else { 1 };
        let says_enough = !response.records.0.is_empty() || !self.setup.bugs.has(Bug::FetchTimerNeedsRecords);
        match self.quorum.follower_mut() {
            Some(follower) if says_enough => follower.reset_fetch_timeout(step.now_ms(), fetch_timeout_ms),
            Some(follower) => follower.has_fetched_from_leader = true,
            None => {}
        }
        Ok(true)
    }
}
