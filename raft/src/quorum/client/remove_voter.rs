//! RemoveRaftVoter (`RemoveVoterHandler`, consensus.md §6.4).

use super::RaftClient;
use crate::bugs::Bug;
use crate::ids::ReplicaKey;
use crate::io::Probe;
use crate::message::{ErrorCode, RemoveRaftVoterRequest, RemoveRaftVoterResponse, Response};
use crate::quorum::change_voter::{PendingChange, Requester, VoterChange};
use crate::quorum::timer::Timer;
use crate::step::Step;

impl RaftClient {
    pub(super) fn handle_remove_voter_request(
        &mut self,
        requester: Requester,
        request: &RemoveRaftVoterRequest,
        step: &mut Step<'_>,
    ) {
        if let Err(error) = self.remove_voter(requester, request, step) {
            requester.respond(Response::RemoveRaftVoter(RemoveRaftVoterResponse { error }), step);
        }
    }

    fn remove_voter(
        &mut self,
        requester: Requester,
        request: &RemoveRaftVoterRequest,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        if !self.has_valid_cluster_id(request.cluster_id.as_deref()) {
            return Err(ErrorCode::InconsistentClusterId);
        }
        if let Some(error) = self.leader_only_error(self.quorum.epoch()) {
            return Err(error);
        }
        if request.voter_id.0 < 0 || request.voter_directory_id.is_none() {
            return Err(ErrorCode::InvalidRequest);
        }
        let voters = self.voters_to_change(step)?;
        let by_id = self.setup.bugs.has(Bug::Kip853DirectoryIdIgnored);
        let directory_id = request.voter_directory_id.filter(|_| !by_id);
        let key = ReplicaKey { id: request.voter_id, directory_id };
        let without = voters.remove_voter(key).ok_or(ErrorCode::VoterNotFound)?;
        step.out.probe(if key == self.quorum.local() { Probe::LeaderRemoved } else { Probe::VoterRemoved });
        let last_offset = self.append_voters(without, step);
        let timeout = Timer::new(step.now_ms(), i64::from(self.setup.config.request_timeout_ms));
        let (change, requester) = (VoterChange::Remove, Some(requester));
        if let Some(leader) = self.quorum.leader_mut() {
            leader.pending_change = Some(PendingChange { change, requester, timeout, last_offset });
        }
        Ok(())
    }
}
