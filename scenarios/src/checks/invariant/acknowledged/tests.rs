//! Tests of what a leader counts as acknowledged.

use raft::ids::{NodeId, Uuid};

use super::*;
use crate::checks::tests::voters;

fn set() -> VoterSet {
    voters(3).voter_set
}

fn leader() -> ServerModel {
    ServerModel::new(NodeId(1), true)
}

fn replica(id: i32) -> ReplicaKey {
    ReplicaKey { id: NodeId(id), directory_id: None }
}

/// A leader of three voters moves its high watermark to 5 in epoch 2 after these fetches (from, epoch,
/// offset).
fn breaks(fetches: &[(i32, i32, i64)]) -> bool {
    let (mut acknowledged, mut verdict) = (Acknowledged::new(&voters(3)), Verdict::default());
    acknowledged.role_changed(0, Some(LeaderEpoch(2)));
    for (number, (from, epoch, offset)) in fetches.iter().enumerate() {
        let rpc = Rpc { connection: 1, correlation_id: number as i32 };
        acknowledged.fetched(0, replica(*from), LeaderEpoch(*epoch), (rpc, Offset(*offset)));
        acknowledged.answered(0, rpc, &FetchResponse::default());
    }
    let shown = OffsetAndEpoch { epoch: LeaderEpoch(2), offset: Offset(5) };
    acknowledged.moved(0, shown, (&leader(), &set()), &mut verdict);
    verdict.violation().is_some_and(|violation| violation.invariant == "HighWatermarkAcknowledged")
}

#[test]
fn a_fetch_that_is_refused_does_not_count() {
    let diverging_epoch = Some(OffsetAndEpoch { epoch: LeaderEpoch(1), offset: Offset(3) });
    let mut acknowledged = Acknowledged::new(&voters(3));
    acknowledged.role_changed(0, Some(LeaderEpoch(2)));
    let mut fetch = |number, offset, answer: &FetchResponse| {
        let rpc = Rpc { connection: 1, correlation_id: number };
        acknowledged.fetched(0, replica(2), LeaderEpoch(2), (rpc, Offset(offset)));
        acknowledged.answered(0, rpc, answer);
        acknowledged.received[0].fetched.entry(replica(2)).offset
    };
    assert_eq!(
        fetch(1, 7, &FetchResponse { diverging_epoch: diverging_epoch.map(Box::new), ..FetchResponse::default() }),
        Offset(-1)
    );
    assert_eq!(fetch(2, 7, &FetchResponse::default()), Offset(7));
}

#[test]
fn a_fetch_that_waits_counts_again_behind_an_older_one() {
    let (mut acknowledged, mut verdict) = (Acknowledged::new(&voters(3)), Verdict::default());
    acknowledged.role_changed(0, Some(LeaderEpoch(2)));
    let rpc = |correlation_id| Rpc { connection: 1, correlation_id };
    acknowledged.fetched(0, replica(2), LeaderEpoch(2), (rpc(2), Offset(5)));
    acknowledged.fetched(0, replica(2), LeaderEpoch(2), (rpc(1), Offset(4)));
    acknowledged.answered(0, rpc(1), &FetchResponse::default());
    acknowledged.moved(
        0,
        OffsetAndEpoch { epoch: LeaderEpoch(2), offset: Offset(5) },
        (&leader(), &set()),
        &mut verdict,
    );
    assert!(verdict.violation().is_none());
}

#[test]
fn a_refusal_that_nobody_hears_does_not_count() {
    let (models, mut verdict) = (crate::checks::Checks::new(voters(3)).models, Verdict::default());
    let mut acknowledged = Acknowledged::new(&voters(3));
    acknowledged.role_changed(0, Some(LeaderEpoch(2)));
    let mut unheard = |number, offset, diverging_epoch: Option<OffsetAndEpoch>| {
        let rpc = Rpc { connection: 1, correlation_id: number };
        acknowledged.fetched(0, replica(2), LeaderEpoch(2), (rpc, Offset(offset)));
        let response = Response::Fetch(FetchResponse {
            diverging_epoch: diverging_epoch.map(Box::new),
            ..FetchResponse::default()
        });
        let event = Event::ResponseUnheard { rpc, response: &response };
        acknowledged.on(&Crossing { at_ns: 1, server: 0, event }, &models, &mut verdict);
        acknowledged.received[0].fetched.entry(replica(2)).offset
    };
    assert_eq!(unheard(2, 7, None), Offset(7));
    let diverging_epoch = Some(OffsetAndEpoch { epoch: LeaderEpoch(1), offset: Offset(3) });
    assert_eq!(unheard(1, 4, diverging_epoch), Offset(7), "an older one from before the log was cut");
}

#[test]
fn a_majority_has_fetched_in_the_leaders_epoch() {
    assert!(breaks(&[]));
    assert!(breaks(&[(2, 2, 4), (3, 2, 4)]));
    assert!(!breaks(&[(2, 2, 5)]));
    assert!(breaks(&[(2, 2, 7), (2, 2, 0)]), "it has gone back since");
    assert!(breaks(&[(2, 1, 5), (3, 3, 5)]), "other epochs do not count");
    assert!(breaks(&[(1, 2, 5)]), "nor does its own word count twice");
}

/// Voter 2 has a directory id; a Fetch of that id counts.
#[test]
fn a_voter_counts_by_its_directory_id() {
    let directory = |id: u8| Some(Uuid([id; 16]));
    let mut nodes = set().nodes().to_vec();
    nodes[1].directory_id = directory(1);
    let voters = VoterSet::of(nodes);
    for (directory_id, breaks) in [(directory(1), false), (directory(2), true), (None, true)] {
        let (mut acknowledged, mut verdict) = (Acknowledged::new(&crate::checks::tests::voters(3)), Verdict::default());
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        let rpc = Rpc { connection: 1, correlation_id: 1 };
        acknowledged.fetched(0, ReplicaKey { id: NodeId(2), directory_id }, LeaderEpoch(2), (rpc, Offset(5)));
        let shown = OffsetAndEpoch { epoch: LeaderEpoch(2), offset: Offset(5) };
        acknowledged.moved(0, shown, (&leader(), &voters), &mut verdict);
        assert_eq!(verdict.violation().is_some(), breaks);
    }
}

/// Of two replicas with the id of a voter without a directory id, the one counts whose Fetch was accepted last.
#[test]
fn a_fetch_that_is_answered_with_a_snapshot_does_not_count() {
    let of = |directory: u8| ReplicaKey { id: NodeId(2), directory_id: Some(Uuid([directory; 16])) };
    let snapshot_id = Some(OffsetAndEpoch { epoch: LeaderEpoch(1), offset: Offset(3) });
    for (snapshot_id, breaks) in [(snapshot_id, false), (None, true)] {
        let (mut acknowledged, mut verdict) = (Acknowledged::new(&crate::checks::tests::voters(3)), Verdict::default());
        acknowledged.role_changed(0, Some(LeaderEpoch(2)));
        for (number, offset) in [(1, 5), (2, 0)] {
            let rpc = Rpc { connection: 1, correlation_id: number };
            acknowledged.fetched(0, of(number as u8), LeaderEpoch(2), (rpc, Offset(offset)));
            let snapshot_id = snapshot_id.filter(|_| number == 2);
            acknowledged.answered(
                0,
                rpc,
                &FetchResponse { snapshot_id: snapshot_id.map(Box::new), ..FetchResponse::default() },
            );
        }
        let shown = OffsetAndEpoch { epoch: LeaderEpoch(2), offset: Offset(5) };
        acknowledged.moved(0, shown, (&leader(), &set()), &mut verdict);
        assert_eq!(verdict.violation().is_some(), breaks);
    }
}
