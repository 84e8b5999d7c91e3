//! `VoterProbedBeforeUpdate`: a leader checks what a voter says of itself, at the voter.

use std::collections::VecDeque;

use crate::checks::prelude::*;
use raft::message::{ErrorCode, Request, Response};

claim! {
    /// A leader accepts an UpdateRaftVoter only when its sender has answered an ApiVersions of the leader since. (Where names
    /// lead to other servers, the answer of any server counts without `RefuseMisroutedConnections`: Kafka's leader does not
    /// learn who answers.)
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

/// An ApiVersions that a leader has sent.
#[derive(Clone, Copy, Debug)]
struct Probe {
    rpc: Rpc,
    /// The server that has answered it.
    answered_by: Option<usize>,
}

/// One life of a server. Its correlation ids begin anew with the next one.
#[derive(Clone, Debug, Default)]
struct Leader {
    open: Vec<Open>,
    /// The last ones: one update is pending at a time, so older ones are of updates that have ended.
    probes: VecDeque<Probe>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct VoterUpdates {
    leaders: Vec<Leader>,
    wrong_names: bool,
}

impl Check for VoterUpdates {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED
        .and(Kinds::REQUEST_SENT)
        .and(Kinds::RESPONSE_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> VoterUpdates {
        VoterUpdates { leaders: vec![Leader::default(); config.servers.len()], wrong_names: config.wrong_names }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        // Clients send ApiVersions, too.
        if let Event::ResponseSent { rpc, to, response: Response::ApiVersions(_) } = event {
            let probes = self.leaders.get_mut(to).map(|leader| &mut leader.probes);
            if let Some(probe) = probes.and_then(|probes| probes.iter_mut().find(|probe| probe.rpc == rpc)) {
                probe.answered_by = Some(server);
            }
            return;
        }
        let (servers, any_counts) = (self.leaders.len(), self.wrong_names);
        let leader = &mut self.leaders[server];
        match event {
            Event::RequestSent { rpc, request: Request::ApiVersions(_) } => {
                leader.probes.push_back(Probe { rpc, answered_by: None });
                if leader.probes.len() > servers {
                    leader.probes.pop_front();
                }
            }
            Event::RequestReceived { rpc, request: Request::UpdateRaftVoter(update) } => {
                if let Some(voter) = models.server(update.voter_id) {
                    leader.open.push(Open { rpc, voter, probed: false });
                }
            }
            Event::ResponseReceived { correlation_id, response: Response::ApiVersions(answer), .. }
                if answer.error == ErrorCode::None =>
            {
                let answered = leader.probes.iter().find(|probe| probe.rpc.correlation_id == correlation_id);
                if let Some(voter) = answered.and_then(|probe| probe.answered_by) {
                    let open = leader.open.iter_mut().filter(|open| any_counts || open.voter == voter);
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
        ApiVersionsRequest, ApiVersionsResponse, CurrentLeader, KRaftVersionFeature, UpdateRaftVoterRequest,
        UpdateRaftVoterResponse,
    };
    use sim::watch::Down;

    use super::*;
    use crate::checks::Checks;
    use crate::checks::tests::voters;

    /// Server 0 leads, and server 1 sends it UpdateRaftVoter.
    struct World {
        models: Models,
        verdict: Verdict,
        check: VoterUpdates,
    }

    const UPDATE: Rpc = Rpc { connection: 1, correlation_id: 5 };
    const LEADER: usize = 0;
    const CLIENT: usize = 3;

    impl World {
        fn new() -> World {
            let (models, verdict) = (Checks::new(voters(3)).models, Verdict::default());
            World { models, verdict, check: VoterUpdates::new(&voters(3)) }
        }
        fn on(&mut self, server: usize, event: Event<'_>) {
            self.check.on(&Crossing { at_ns: 1, server, event }, &self.models, &mut self.verdict);
        }
        fn updates(&mut self) {
            let update = Request::UpdateRaftVoter(UpdateRaftVoterRequest {
                cluster_id: None,
                current_leader_epoch: LeaderEpoch(2),
                voter_id: NodeId(2),
                voter_directory_id: None,
                listeners: Rc::default(),
                k_raft_version_feature: KRaftVersionFeature::SUPPORTED,
            });
            self.on(LEADER, Event::RequestReceived { rpc: UPDATE, request: &update });
        }
        fn probes(&mut self, rpc: Rpc) {
            self.on(LEADER, Event::RequestSent { rpc, request: &Request::ApiVersions(ApiVersionsRequest {}) });
        }
        fn answers(&mut self, voter: usize, to: usize, rpc: Rpc, error: ErrorCode) {
            let supported = KRaftVersionFeature::SUPPORTED;
            let response = Response::ApiVersions(ApiVersionsResponse { error, supported });
            self.on(voter, Event::ResponseSent { rpc, to, response: &response });
        }
        fn hears(&mut self, correlation_id: i32, error: ErrorCode) {
            let supported = KRaftVersionFeature::SUPPORTED;
            let response = Response::ApiVersions(ApiVersionsResponse { error, supported });
            self.on(LEADER, Event::ResponseReceived { token: 2, correlation_id, response: &response });
        }
        fn may_accept(mut self) -> bool {
            let accepted = Response::UpdateRaftVoter(UpdateRaftVoterResponse {
                error: ErrorCode::None,
                current_leader: CurrentLeader::default(),
            });
            self.on(LEADER, Event::ResponseSent { rpc: UPDATE, to: 1, response: &accepted });
            self.verdict.violation().is_none()
        }
    }

    fn rpc(connection: u64, correlation_id: i32) -> Rpc {
        Rpc { connection, correlation_id }
    }

    /// Whether the leader may accept the update after answers to its ApiVersions, with this error, from these servers.
    fn accepts(answers: &[usize], error: ErrorCode) -> bool {
        let mut world = World::new();
        world.updates();
        for (number, from) in (0..).zip(answers) {
            world.probes(rpc(*from as u64, number));
            world.answers(*from, LEADER, rpc(*from as u64, number), error);
            world.hears(number, error);
        }
        world.may_accept()
    }

    #[test]
    fn the_voter_itself_has_answered() {
        assert!(accepts(&[1], ErrorCode::None));
        assert!(accepts(&[2, 1], ErrorCode::None));
        assert!(!accepts(&[], ErrorCode::None));
        assert!(!accepts(&[2], ErrorCode::None), "another one");
        assert!(!accepts(&[1], ErrorCode::UnsupportedVersion));
    }

    #[test]
    fn where_names_lead_elsewhere_any_answer_counts() {
        for (wrong_names, answers) in [(true, true), (false, false)] {
            let mut world = World::new();
            world.check.wrong_names = wrong_names;
            world.updates();
            world.probes(rpc(2, 1));
            world.answers(2, LEADER, rpc(2, 1), ErrorCode::None);
            world.hears(1, ErrorCode::None);
            assert_eq!(world.may_accept(), answers);
        }
        let mut silent = World::new();
        silent.check.wrong_names = true;
        silent.updates();
        assert!(!silent.may_accept());
    }

    #[test]
    fn an_answer_to_a_former_process_is_none_to_this_one() {
        let mut world = World::new();
        world.probes(rpc(7, 1));
        world.on(LEADER, Event::Down { how: Down::Killed });
        world.answers(2, LEADER, rpc(7, 1), ErrorCode::None);
        // Correlation ids begin anew.
        world.updates();
        world.probes(rpc(9, 1));
        world.answers(1, LEADER, rpc(9, 1), ErrorCode::None);
        world.hears(1, ErrorCode::None);
        assert!(world.may_accept());
    }

    #[test]
    fn what_is_lost_is_forgotten_and_clients_are_no_leaders() {
        let mut world = World::new();
        world.answers(1, CLIENT, rpc(3, 1), ErrorCode::None);
        for number in 0..100 {
            world.probes(rpc(4, number));
        }
        assert_eq!(world.check.leaders[LEADER].probes.len(), 3);
        assert!({
            world.updates();
            !world.may_accept()
        });
    }
}
