//! What is common to changes of the voter set (consensus.md §6.2): one at a time, its end by a commit, a timeout or the end
//! of the leadership, and the answer to ApiVersions of the voter that is added or updated.

use super::RaftClient;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, NodeId, Offset, ReplicaKey};
use crate::io::Probe;
use crate::message::{
    ApiVersionsRequest, ApiVersionsResponse, DescribeQuorumResponse, ErrorCode, QuorumReplica, Request,
};
use crate::quorum::change_voter::{PendingChange, Requester, VoterChange};
use crate::quorum::leader_state::{KRaftVersionUpgrade, ReplicaInfo};
use crate::quorum::network_channel::Destination;
use crate::quorum::timer::Timer;
use crate::step::{Fatal, Step};
use crate::voter_set::VoterSet;

impl RaftClient {
    /// Why a leader cannot begin an AddRaftVoter or RemoveRaftVoter now, else the committed voter set: checks 1 to 4 of
    /// `AddVoterHandler` and `RemoveVoterHandler`.
    pub(super) fn voters_to_change(&mut self, step: &mut Step<'_>) -> Result<VoterSet, ErrorCode> {
        self.maybe_expire_pending_change(step);
        let overlaps = self.setup.bugs.has(Bug::VoterChangesOverlap);
        if overlaps {
            self.complete_change(ErrorCode::RequestTimedOut, step);
        }
        let Some(leader) = self.quorum.leader() else { return Err(ErrorCode::NotLeaderOrFollower) };
        if leader.pending_change.is_some() {
            step.out.probe(Probe::VoterChangePending);
            return Err(ErrorCode::RequestTimedOut);
        }
        if leader.high_watermark.is_none() && !self.setup.bugs.has(Bug::VoterChangeBeforeOwnCommit) {
            return Err(ErrorCode::RequestTimedOut);
        }
        if self.quorum.partition_state().last_kraft_version() < 1 {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let ignores_uncommitted = overlaps || self.setup.bugs.has(Bug::VoterChangeBesideUncommitted);
        let is_early = leader.high_watermark.is_none() || ignores_uncommitted;
        let newest = is_early.then(|| self.quorum.partition_state().last_written_voter_set().clone());
        newest.or_else(|| self.committed_voter_set()).ok_or(ErrorCode::RequestTimedOut)
    }

    /// The last voter set of the log, if its record is committed.
    pub(super) fn committed_voter_set(&self) -> Option<VoterSet> {
        let leader = self.quorum.leader()?;
        let high_watermark = leader.high_watermark?.offset;
        let (offset, voters) = self.quorum.partition_state().last_voter_set_entry()?;
        let awaits_unwritten = self.setup.fixes.has(Fix::AwaitUnwrittenVoterChange);
        let last_offset = leader.last_voters_offset.filter(|_| awaits_unwritten).unwrap_or(offset);
        (offset.max(last_offset) < high_watermark).then(|| voters.clone())
    }

    /// Sends ApiVersions to a voter, and waits for its answer; `false` if it cannot be sent a request now.
    pub(super) fn begin_change(
        &mut self,
        change: VoterChange,
        voter: Destination,
        requester: Requester,
        step: &mut Step<'_>,
    ) -> bool {
        let sent = self.maybe_send_request(voter, |_| Request::ApiVersions(ApiVersionsRequest {}), step);
        if let (true, Some(leader)) = (sent.is_sent, self.quorum.leader_mut()) {
            let timeout = Timer::new(step.now_ms(), sent.wait_ms);
            let requester = Some(requester);
            leader.pending_change = Some(PendingChange { change, requester, timeout, last_offset: None });
        }
        sent.is_sent
    }

    /// What a request for a change needs, whatever the change (`handleAddVoterRequest`, `handleRemoveVoterRequest`).
    pub(super) fn validate_change(&self, cluster_id: Option<&str>, voter: ReplicaKey) -> Result<(), ErrorCode> {
        if !self.has_valid_cluster_id(cluster_id) {
            return Err(ErrorCode::InconsistentClusterId);
        }
        if let Some(error) = self.leader_only_error(self.quorum.epoch()) {
            return Err(error);
        }
        if voter.id.0 < 0 || voter.directory_id.is_none() {
            return Err(ErrorCode::InvalidRequest);
        }
        Ok(())
    }

    /// `appendVotersRecord`: the set is in force once it is in the log. Returns the offset of the record.
    pub(super) fn append_voters(&mut self, voters: VoterSet, step: &mut Step<'_>) -> Option<Offset> {
        let now_ms = step.now_ms();
        let leader = self.quorum.leader_mut()?;
        let offset = leader.accumulator.append_control(now_ms, [crate::log::ControlRecord::KRaftVoters(voters)]);
        leader.last_voters_offset = Some(offset);
        Some(offset)
    }

    /// Time until the pending change expires, which it does now if that is over; `i64::MAX` if there is none.
    pub(super) fn maybe_expire_pending_change(&mut self, step: &mut Step<'_>) -> i64 {
        let Some(pending) = self.quorum.leader_mut().and_then(|leader| leader.pending_change.as_mut()) else {
            return i64::MAX;
        };
        pending.timeout.update(step.now_ms());
        if !pending.timeout.is_expired() {
            return pending.timeout.remaining_ms();
        }
        if pending.last_offset.is_some() {
            step.out.probe(Probe::VoterChangeExpired);
        }
        self.complete_change(ErrorCode::RequestTimedOut, step);
        i64::MAX
    }

    pub(super) fn complete_change(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        let current_leader = self.current_leader();
        if let Some(pending) = self.quorum.leader_mut().and_then(|leader| leader.pending_change.take()) {
            pending.complete(error, current_leader, step);
        }
    }

    /// `highWatermarkUpdated` of the three handlers: the change is committed. A leader that has removed itself resigns.
    pub(super) fn notify_change_of_high_watermark(&mut self, high_watermark: Offset, step: &mut Step<'_>) {
        let pending = self.quorum.leader().and_then(|leader| leader.pending_change.as_ref());
        let committed = pending.filter(|pending| pending.last_offset.is_some_and(|last| high_watermark > last));
        let is_removal = committed.is_some_and(|pending| matches!(pending.change, VoterChange::Remove));
        if committed.is_some() {
            step.out.probe(Probe::VoterChangeCommitted);
            self.complete_change(ErrorCode::None, step);
        }
        let is_late = self.setup.fixes.has(Fix::ResignAfterExpiredRemoval) || self.leads_only_until_commit();
        let resigns = is_removal || is_late && self.committed_voter_set().is_some();
        if resigns && self.quorum.is_observer() {
            step.out.probe(Probe::RemovedLeaderResigned);
            if let Some(leader) = self.quorum.leader_mut() {
                leader.resign_requested = true;
            }
        }
    }

    /// The leader was elected as an observer, to commit what its log has.
    fn leads_only_until_commit(&self) -> bool {
        let last = self.quorum.partition_state().last_voter_set_entry();
        let start = self.quorum.leader().map(|leader| leader.epoch_start_offset);
        self.setup.fixes.has(Fix::CampaignAfterRefusingVote) && last.map(|(offset, _)| offset) < start
    }

    pub(super) fn handle_api_versions_response(
        &mut self,
        from: NodeId,
        response: &ApiVersionsResponse,
        step: &mut Step<'_>,
    ) -> Result<bool, Fatal> {
        if response.error != ErrorCode::None {
            return Ok(self.handle_api_versions_error(from, step));
        }
        match self.change_awaiting(from).map(|pending| pending.change.clone()) {
            None => {}
            Some(VoterChange::Add { voter, ack_when_committed }) => {
                self.complete_add_voter(voter, ack_when_committed, &response.supported, step);
            }
            Some(VoterChange::Update { voter }) if voter.supported != response.supported => {
                self.complete_change(ErrorCode::InvalidRequest, step);
            }
            Some(VoterChange::Update { voter }) => self.complete_update_voter(voter, step),
            Some(VoterChange::Remove) => {}
        }
        Ok(true)
    }

    /// The error ends the change; if it has ended before there is no backoff either.
    pub(super) fn handle_api_versions_error(&mut self, from: NodeId, step: &mut Step<'_>) -> bool {
        if self.change_awaiting(from).is_none() {
            return true;
        }
        self.complete_change(ErrorCode::RequestTimedOut, step);
        false
    }

    /// The pending change that waits for the answer of this voter.
    fn change_awaiting(&self, voter: NodeId) -> Option<&PendingChange> {
        let pending = self.quorum.leader()?.pending_change.as_ref()?;
        (pending.awaited_voter() == Some(voter)).then_some(pending)
    }

    /// The pending change has appended its record.
    pub(super) fn set_last_offset(&mut self, last_offset: Option<Offset>) {
        if let Some(pending) = self.quorum.leader_mut().and_then(|leader| leader.pending_change.as_mut()) {
            pending.last_offset = last_offset;
        }
    }

    /// Answers the request of the pending change before the change has ended.
    pub(super) fn answer_change(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        let current_leader = self.current_leader();
        if let Some(pending) = self.quorum.leader_mut().and_then(|leader| leader.pending_change.as_mut()) {
            pending.answer(error, current_leader, step);
        }
    }

    pub(super) fn describe_quorum(&self, step: &Step<'_>) -> DescribeQuorumResponse {
        let Some(leader) = self.quorum.leader() else {
            return DescribeQuorumResponse {
                error: ErrorCode::NotLeaderOrFollower,
                ..DescribeQuorumResponse::unknown()
            };
        };
        let info = leader.describe(self.quorum.epoch(), step.now_ms());
        let replica = |of: &ReplicaInfo| QuorumReplica {
            replica_id: of.key.id,
            replica_directory_id: of.key.directory_id,
            log_end_offset: of.log_end_offset,
            last_fetch_timestamp: of.last_fetch_timestamp,
            last_caught_up_timestamp: of.last_caught_up_timestamp,
        };
        DescribeQuorumResponse {
            error: ErrorCode::None,
            leader_id: info.leader_id,
            leader_epoch: info.leader_epoch,
            high_watermark: info.high_watermark,
            current_voters: info.voters.iter().map(replica).collect(),
            observers: info.observers.iter().map(replica).collect(),
        }
    }

    /// `upgradeKRaftVersion`, for the controller: appends the level and the voters, which have described themselves to this
    /// leader. `Ok(false)` if the level is in force, or about to be.
    pub fn upgrade_kraft_version(
        &mut self,
        epoch: LeaderEpoch,
        level: i16,
        validate_only: bool,
        step: &mut Step<'_>,
    ) -> Result<bool, ErrorCode> {
        let persisted = self.quorum.partition_state().last_kraft_version();
        let of_log = self.quorum.partition_state().last_written_voter_set().clone();
        let now_ms = step.now_ms();
        let is_current = self.quorum.epoch() == epoch;
        let Some(leader) = self.quorum.leader_mut().filter(|_| is_current) else {
            return Err(ErrorCode::NotController);
        };
        let voters = match &leader.kraft_version_upgrade {
            KRaftVersionUpgrade::Version(pending) if *pending == level => return Ok(false),
            KRaftVersionUpgrade::Version(_) => return Err(ErrorCode::InvalidUpdateVersion),
            _ if persisted == level => return Ok(false),
            _ if persisted > level => return Err(ErrorCode::InvalidUpdateVersion),
            KRaftVersionUpgrade::Empty => return Err(ErrorCode::InvalidUpdateVersion),
            KRaftVersionUpgrade::Voters(voters) => voters.clone(),
        };
        if !voters.supports_version(level) {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        if voters.ids() != of_log.ids() || voters.nodes().iter().any(|voter| voter.directory_id.is_none()) {
            return Err(ErrorCode::UnknownServerError);
        }
        if !validate_only {
            leader.kraft_version_upgrade = KRaftVersionUpgrade::Version(level);
            let version = crate::log::ControlRecord::KRaftVersion(level);
            let set = (voters != of_log).then_some(crate::log::ControlRecord::KRaftVoters(voters));
            leader.accumulator.append_control(now_ms, [version].into_iter().chain(set));
            step.out.probe(Probe::KRaftVersionUpgraded);
        }
        Ok(true)
    }
}
