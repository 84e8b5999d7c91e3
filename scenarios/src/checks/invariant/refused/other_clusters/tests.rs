//! Tests of refusals of other clusters.

use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::message::{
    AddRaftVoterResponse, CurrentLeader, FetchResponse, FetchSnapshotResponse, QuorumEpochResponse,
    RemoveRaftVoterResponse, UpdateRaftVoterResponse, VoteRequest, VoteResponse,
};

use super::*;
use crate::checks::Checks;
use crate::checks::tests::voters;

/// Server 2 is of another cluster. A server receives a Vote request with this cluster id, and answers with this error.
fn breaks(server: usize, cluster_id: Option<&str>, top_error: ErrorCode) -> bool {
    let config = CheckConfig { other_cluster: vec![voters(3).servers[2]], ..voters(3) };
    let mut verdict = Verdict::default();
    let (mut others, models) = (OtherClusters::new(&config), Checks::new(config).models);
    let rpc = Rpc { connection: 1, correlation_id: 1 };
    let request = Request::Vote(VoteRequest {
        cluster_id: cluster_id.map(Rc::from),
        voter_id: NodeId::NONE,
        voter_directory_id: None,
        replica_epoch: LeaderEpoch(1),
        replica_id: NodeId(1),
        replica_directory_id: None,
        last_offset_epoch: LeaderEpoch(0),
        last_offset: Offset(0),
        pre_vote: false,
    });
    let response = Response::Vote(VoteResponse { top_error, ..VoteResponse::default() });
    let events =
        [Event::RequestReceived { rpc, request: &request }, Event::ResponseSent { rpc, to: 1, response: &response }];
    for event in events {
        others.on(&Crossing { at_ns: 0, server, event }, &models, &mut verdict);
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "OtherClusterRefused")
}

#[test]
fn who_states_another_cluster_is_refused() {
    assert!(breaks(0, Some("another"), ErrorCode::None) && breaks(0, Some("another"), ErrorCode::FencedLeaderEpoch));
    assert!(!breaks(0, Some("another"), ErrorCode::InconsistentClusterId));
    assert!(!breaks(0, Some(CLUSTER_ID), ErrorCode::None) && !breaks(0, None, ErrorCode::None));
    assert!(breaks(2, Some(CLUSTER_ID), ErrorCode::None), "the other way round");
    assert!(!breaks(2, Some("another"), ErrorCode::None));
}

/// Each answer has its error elsewhere.
#[test]
fn the_error_of_every_answer_is_found() {
    let (top_error, current_leader) = (ErrorCode::InconsistentClusterId, CurrentLeader::default());
    let error_of_epoch = || QuorumEpochResponse { top_error, ..QuorumEpochResponse::default() };
    let answers = [
        Response::Vote(VoteResponse { top_error, ..VoteResponse::default() }),
        Response::BeginQuorumEpoch(error_of_epoch()),
        Response::EndQuorumEpoch(error_of_epoch()),
        Response::Fetch(FetchResponse { top_error, ..FetchResponse::default() }),
        Response::FetchSnapshot(FetchSnapshotResponse { top_error, ..FetchSnapshotResponse::default() }),
        Response::UpdateRaftVoter(UpdateRaftVoterResponse { error: top_error, current_leader }),
        Response::AddRaftVoter(AddRaftVoterResponse { error: top_error }),
        Response::RemoveRaftVoter(RemoveRaftVoterResponse { error: top_error }),
    ];
    assert!(answers.iter().all(|answer| error(answer) == Some(top_error)));
}
