//! Tests of pre-votes.

use raft::ids::NodeId;

use super::*;
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
