//! Tests of pre-votes.

use raft::ids::{NodeId, Offset};
use raft::message::{CurrentLeader, Response, VoteRequest, VoteResponse};

use super::*;
use crate::checks::Checks;
use crate::checks::event::Rpc;
use crate::checks::models::PendingVote;
use crate::checks::tests::test_disk::TestDisk;
use crate::checks::tests::voters;

/// Of five.
const MAJORITY: usize = 3;

fn breaks(votes: &PreVotes, epoch: i32) -> bool {
    let (model, mut verdict) = (ServerModel::new(NodeId(1), true), Verdict::default());
    votes.asks_for_votes(0, &model, LeaderEpoch(epoch), &mut verdict);
    verdict.violation().is_some()
}

#[test]
fn a_majority_in_the_epoch_before_allows_the_next() {
    let mut votes = PreVotes::new(&voters(5));
    assert!(breaks(&votes, 1));
    votes.granted(1, 0, LeaderEpoch(3), MAJORITY);
    votes.granted(1, 0, LeaderEpoch(3), MAJORITY);
    assert!(breaks(&votes, 4), "two of five");
    votes.granted(2, 0, LeaderEpoch(3), MAJORITY);
    assert!(!breaks(&votes, 4) && breaks(&votes, 5));
    votes.granted(3, 0, LeaderEpoch(4), MAJORITY);
    votes.granted(4, 0, LeaderEpoch(5), MAJORITY);
    assert!(breaks(&votes, 5) && breaks(&votes, 6), "each epoch has its own majority");
}

#[test]
fn who_starts_as_candidate_of_an_epoch_goes_on_in_it() {
    let mut votes = PreVotes::new(&voters(3));
    votes.started(0, LeaderEpoch(7));
    assert!(!breaks(&votes, 7) && breaks(&votes, 8));
}

/// A replica requests a pre-vote, may be restarted, and the answer is sent.
#[test]
fn an_answer_to_a_former_process_does_not_count() {
    for restarts in [false, true] {
        let (mut votes, mut verdict) = (PreVotes::new(&voters(3)), Verdict::default());
        let mut models = Checks::new(voters(3)).models;
        let (rpc, epoch) = (Rpc { connection: 1, correlation_id: 1 }, LeaderEpoch(3));
        let candidate = models.servers[0].id;
        models.pending_votes.push(PendingVote { server: 1, rpc, epoch, candidate, directory_id: None, pre_vote: true });
        let request = Request::Vote(VoteRequest {
            cluster_id: None,
            voter_id: NodeId::NONE,
            voter_directory_id: None,
            replica_epoch: epoch,
            replica_id: candidate,
            replica_directory_id: None,
            last_offset_epoch: LeaderEpoch(0),
            last_offset: Offset(0),
            pre_vote: true,
        });
        let current_leader = CurrentLeader { leader_epoch: epoch, ..CurrentLeader::default() };
        let response = Response::Vote(VoteResponse { current_leader, vote_granted: true, ..VoteResponse::default() });
        let disk = TestDisk::default();
        let boot = restarts.then_some((0, Event::Booted { incarnation: 2, disk: &disk }));
        let events = [(0, Event::RequestSent { rpc, request: &request })].into_iter().chain(boot);
        for (server, event) in events.chain([(1, Event::ResponseSent { rpc, to: 0, response: &response })]) {
            votes.on(&Crossing { at_ns: 0, server, event }, &models, &mut verdict);
        }
        assert_eq!(breaks(&votes, 4), restarts);
    }
}
