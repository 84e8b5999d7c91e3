//! `VoterProbedBeforeUpdate`: a leader checks what a voter says of itself, at the voter.

use crate::checks::prelude::*;
use raft::message::{ErrorCode, Request, Response};

claim! {
    /// A leader accepts an UpdateRaftVoter only when its sender has answered an ApiVersions of the leader since.
    VoterProbedBeforeUpdate by VoterUpdates, Safety of Server, "KIP-853: UpdateVoterHandler.handleApiVersionsResponse";
}

/// An UpdateRaftVoter that a server has received and not answered.
#[derive(Clone, Copy, Debug)]
struct Open {
    rpc: Rpc,
    /// The server that sent it.
    voter: usize,
    probed: bool,
}

#[derive(Clone, Debug, Default)]
struct Leader {
    open: Vec<Open>,
    /// Answers to its ApiVersions that are under way: their correlation ids, and the servers that sent them.
    probed: Vec<(i32, usize)>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct VoterUpdates {
    leaders: Vec<Leader>,
}

impl Check for VoterUpdates {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED
        .and(Kinds::RESPONSE_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> VoterUpdates {
        VoterUpdates { leaders: vec![Leader::default(); config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        if let Event::ResponseSent { rpc, to, response: Response::ApiVersions(_) } = event {
            self.leaders[to].probed.push((rpc.correlation_id, server));
            return;
        }
        let leader = &mut self.leaders[server];
        match event {
            Event::RequestReceived { rpc, request: Request::UpdateRaftVoter(update) } => {
                if let Some(voter) = models.server(update.voter_id) {
                    leader.open.push(Open { rpc, voter, probed: false });
                }
            }
            Event::ResponseReceived { correlation_id, response: Response::ApiVersions(answer), .. }
                if answer.error == ErrorCode::None =>
            {
                if let Some(index) = leader.probed.iter().position(|(id, _)| *id == correlation_id) {
                    let (_, voter) = leader.probed.remove(index);
                    let open = leader.open.iter_mut().filter(|open| open.voter == voter);
                    open.for_each(|open| open.probed = true);
                }
            }
            Event::ResponseSent { rpc, response: Response::UpdateRaftVoter(answer), .. }
            | Event::ResponseUnheard { rpc, response: Response::UpdateRaftVoter(answer) } => {
                let Some(index) = leader.open.iter().position(|open| open.rpc == rpc) else { return };
                let open = leader.open.remove(index);
                if answer.error == ErrorCode::None && !open.probed {
                    verdict.fail(&VoterUpdates::CLAIM, || {
                        let (id, voter) = (models.servers[server].id, models.servers[open.voter].id);
                        format!(
                            "node {id} accepts the UpdateRaftVoter of node {voter}, whose versions it has not requested"
                        )
                    });
                }
            }
            Event::Down { .. } => *leader = Leader::default(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use raft::ids::{LeaderEpoch, NodeId};
    use raft::message::{
        ApiVersionsResponse, CurrentLeader, KRaftVersionFeature, UpdateRaftVoterRequest, UpdateRaftVoterResponse,
    };

    use super::*;
    use crate::checks::Checks;
    use crate::checks::tests::voters;

    /// Whether the leader, server 0, may accept the UpdateRaftVoter of server 1 after answers to ApiVersions, with this
    /// error, from these servers.
    fn accepts(answers: &[usize], error: ErrorCode) -> bool {
        let supported = KRaftVersionFeature::SUPPORTED;
        let update = Request::UpdateRaftVoter(UpdateRaftVoterRequest {
            cluster_id: None,
            current_leader_epoch: LeaderEpoch(2),
            voter_id: NodeId(2),
            voter_directory_id: None,
            listeners: Rc::default(),
            k_raft_version_feature: supported.clone(),
        });
        let probed = Response::ApiVersions(ApiVersionsResponse { error, supported });
        let accepted = Response::UpdateRaftVoter(UpdateRaftVoterResponse {
            error: ErrorCode::None,
            current_leader: CurrentLeader::default(),
        });
        let (models, mut verdict) = (Checks::new(voters(3)).models, Verdict::default());
        let mut check = VoterUpdates::new(&voters(3));
        let mut on = |server, event| check.on(&Crossing { at_ns: 1, server, event }, &models, &mut verdict);
        let rpc = Rpc { connection: 1, correlation_id: 5 };
        on(0, Event::RequestReceived { rpc, request: &update });
        for (number, from) in answers.iter().enumerate() {
            let rpc = Rpc { connection: 2, correlation_id: number as i32 };
            on(*from, Event::ResponseSent { rpc, to: 0, response: &probed });
            on(0, Event::ResponseReceived { token: 2, correlation_id: number as i32, response: &probed });
        }
        on(0, Event::ResponseSent { rpc, to: 1, response: &accepted });
        verdict.violation().is_none()
    }

    #[test]
    fn the_voter_itself_has_answered() {
        assert!(accepts(&[1], ErrorCode::None));
        assert!(accepts(&[2, 1], ErrorCode::None));
        assert!(!accepts(&[], ErrorCode::None));
        assert!(!accepts(&[2], ErrorCode::None), "another one");
        assert!(!accepts(&[1], ErrorCode::UnsupportedVersion));
    }
}
