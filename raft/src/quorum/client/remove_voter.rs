//! RemoveRaftVoter (`RemoveVoterHandler`, consensus.md §6.4).

use super::RaftClient;
use crate::bugs::Bug;
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
        let voter = request.voter_key();
        self.validate_change(request.cluster_id.as_deref(), voter)?;
        let voters = self.voters_to_change(step)?;
        // R13: whatever directory the voter of this id has.
        let by_id = voters.key_of(voter.id).filter(|_| self.setup.bugs.has(Bug::Kip853DirectoryIdIgnored));
        let key = by_id.unwrap_or(voter);
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
