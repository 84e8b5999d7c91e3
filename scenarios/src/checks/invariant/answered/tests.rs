//! Tests of requests that are answered in time.

use std::rc::Rc;

use raft::ids::{BrokerEpoch, NodeId};
use raft::io::ThreadName;
use raft::message::admin::UnregisterBrokerRequest;
use raft::message::cluster::AllocateProducerIdsRequest;
use raft::message::data::{DataFetchRequest, DataFetchResponse};
use raft::message::{
    AdminRequest, ClusterRequest, DataResponse, EnvelopeResponse, ErrorCode, MeantFor, RemoveRaftVoterRequest,
};

use super::*;
use crate::checks::Checks;
use crate::checks::invariant::timings::Disturbance;
use crate::checks::tests::voters;

const MS: u64 = 1_000_000;
const INPUT: Event<'static> = Event::Input { thread: ThreadName::RequestHandler };

fn rpc(connection: u64) -> Rpc {
    Rpc { connection, correlation_id: 1 }
}

/// A consumer's fetch that may wait for 500 ms.
fn fetch() -> Request {
    Request::Data(DataRequest::Fetch(DataFetchRequest {
        replica_id: NodeId(-1),
        replica_epoch: BrokerEpoch(-1),
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 1,
        meant_for: MeantFor::ANY,
        partitions: Rc::from([]),
    }))
}

/// These events happen, by ms. Is a request left unanswered too long?
fn breaks(events: &[(u64, Event<'_>)]) -> bool {
    let models = Checks::new(voters(1)).models;
    let (mut answered, mut verdict) = (Answered::new(&voters(1)), Verdict::default());
    for (ms, event) in events {
        assert!(Answered::EVENTS.meets(event.kind()), "it is not told of this");
        answered.on(&Crossing { at_ns: ms * MS, server: 0, event: *event }, &models, &mut verdict);
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "RequestAnswered")
}

#[test]
fn what_a_process_answers_by_itself_it_answers_when_its_wait_ends() {
    let (request, nothing) = (fetch(), DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([]) });
    let response = Response::Data(DataResponse::Fetch(nothing));
    let serves = |connection| Event::ResponseSent { rpc: rpc(connection), to: 0, response: &response };
    let requested = (1_000, Event::RequestReceived { rpc: rpc(2), request: &request });
    let started = [(0, Event::RequestReceived { rpc: rpc(1), request: &request }), (10, serves(1)), requested];
    let then = |more: &[(u64, Event<'_>)]| breaks(&[&started, more].concat());
    assert!(then(&[(4_600, INPUT)]) && !then(&[(4_400, INPUT)]));
    assert!(!then(&[(1_400, serves(2)), (4_600, INPUT)]));
    assert!(!then(&[(1_400, Event::ResponseUnheard { rpc: rpc(2), response: &response }), (4_600, INPUT)]));
    assert!(!breaks(&[requested, (4_600, INPUT)]), "it has not started");
    let begins = Disturbance { begins: true, ..Disturbance::default() };
    let paused = [(1_100, Event::Disturbed { how: begins }), (2_500, Event::Disturbed { how: Disturbance::default() })];
    assert!(!then(&[paused[0], paused[1], (4_600, INPUT)]));
    assert!(then(&[paused[0], paused[1], (6_100, INPUT)]), "it takes no longer afterwards");
}

/// A leader waits for the new voter's answer to ApiVersions, whether an operator or a broker asks it.
#[test]
fn a_change_of_the_voters_is_answered_when_the_request_timeout_of_the_quorum_ends() {
    let remove = RemoveRaftVoterRequest { cluster_id: None, voter_id: NodeId(3), voter_directory_id: None };
    for request in [Request::RemoveRaftVoter(remove.clone()), Request::Envelope(AdminRequest::RemoveRaftVoter(remove))]
    {
        let leads = Observation::LeadershipAnnounced { epoch: raft::ids::LeaderEpoch(1) };
        let requested = [
            (0, Event::Observed { observation: leads }),
            (1_000, Event::RequestReceived { rpc: rpc(2), request: &request }),
        ];
        let then = |ms| breaks(&[&requested[..], &[(ms, INPUT)]].concat());
        assert!(!then(5_900) && then(6_100), "{}", request.name());
    }
}

#[test]
fn what_waits_for_a_commit_is_answered_when_the_controller_renounces() {
    let ask = AllocateProducerIdsRequest { broker_id: NodeId(101), broker_epoch: BrokerEpoch(1) };
    let request = Request::Cluster(ClusterRequest::AllocateProducerIds(ask));
    let leads = |epoch| Event::Observed { observation: Observation::LeadershipAnnounced { epoch } };
    let renounces = |epoch| Event::Observed { observation: Observation::LeadershipRenounced { epoch } };
    let epoch = raft::ids::LeaderEpoch(1);
    let requested = (1_000, Event::RequestReceived { rpc: rpc(2), request: &request });
    let waits = [(0, leads(epoch)), requested, (9_000, INPUT)];
    assert!(!breaks(&waits), "a majority may not answer");
    assert!(breaks(&[&waits[..], &[(9_500, renounces(epoch)), (12_600, INPUT)]].concat()));
    assert!(breaks(&[requested, (4_100, INPUT)]), "it does not lead");
    let observation = Observation::HighWatermark { offset: raft::ids::Offset(0), epoch, leading: true };
    let committed = [(9_500, Event::Observed { observation }), (12_600, INPUT)];
    assert!(breaks(&[&waits[..], &committed].concat()), "all that it has written is committed");
}

#[test]
fn what_is_forwarded_is_answered_when_the_controller_has_answered_it() {
    let admin = AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id: NodeId(101) });
    let (request, envelope) = (Request::Admin(admin.clone()), Request::Envelope(admin));
    let (answers, nothing) = (fetch(), DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([]) });
    let serves = Response::Data(DataResponse::Fetch(nothing));
    let answered = |error| Response::Envelope(EnvelopeResponse { error, response: None });
    let (refused, done) = (answered(ErrorCode::NotController), answered(ErrorCode::None));
    let sent = |id| Event::RequestSent { rpc: Rpc { connection: 9, correlation_id: id }, request: &envelope };
    let answer = |correlation_id, response| Event::ResponseReceived { token: 1, correlation_id, response };
    let began = [
        (0, Event::RequestReceived { rpc: rpc(1), request: &answers }),
        (10, Event::ResponseSent { rpc: rpc(1), to: 0, response: &serves }),
        (1_000, Event::RequestReceived { rpc: rpc(2), request: &request }),
        (1_100, sent(1)),
        (1_200, answer(1, &refused)),
        (1_300, sent(2)),
    ];
    let then = |more: &[(u64, Event<'_>)]| breaks(&[&began, more].concat());
    assert!(!then(&[(240_000, INPUT)]) && then(&[(244_100, INPUT)]), "the controller does not answer");
    assert!(!then(&[(1_400, answer(1, &done)), (4_600, INPUT)]), "nothing expects that answer any more");
    assert!(then(&[(1_400, answer(2, &done)), (4_600, INPUT)]));
    let moved = |begins| Event::Disturbed { how: Disturbance { begins, ..Disturbance::default() } };
    let paused = [(1_350, moved(true)), (1_390, moved(false)), (1_400, answer(2, &done)), (4_600, INPUT)];
    assert!(!then(&paused), "it may have waited too long for that answer");
    let to_client = Event::ResponseSent { rpc: rpc(2), to: 3, response: &done };
    assert!(!then(&[(1_400, answer(2, &done)), (1_500, to_client), (4_600, INPUT)]));
    // Another one says the same, and its Envelope comes first after a lost connection.
    let again = (1_250, Event::RequestReceived { rpc: rpc(3), request: &request });
    let second = Event::ResponseSent { rpc: rpc(3), to: 3, response: &done };
    assert!(!then(&[again, (1_400, answer(2, &done)), (1_500, second), (4_600, INPUT)]));
    assert!(then(&[again, (1_400, answer(2, &done)), (4_600, INPUT)]));
}
