//! Dynamic quorums whose nodes an operator has formatted differently. Kafka compares cluster ids, and nothing else: not the
//! voters of one 0-0 checkpoint with those of another. What holds a quorum together is that replicas are named by their
//! directory ids, and that the first leader writes its voters to the log.

use raft::fixes::Fixes;
use raft::ids::Uuid;
use raft::io::Role;
use raft::message::{ErrorCode, Request, Response, VoteRequest};
use raft::voter_set::{VoterNode, VoterSet};

use super::cluster::Cluster;
use super::harness::*;
use super::membership_stories::{remove, voters};

/// Replica `id` of the bootstrap servers 1 to 3, on such a disk.
fn on(id: i32, disk: Disk) -> Harness {
    Harness::boot(dynamic(id, 3, Fixes::default()), disk, 0)
}

fn is_committed(cluster: &mut Cluster, leader: i32, request: Request) -> bool {
    cluster.harness(leader).ask(request);
    cluster.run_ms(400);
    matches!(
        cluster.harness(leader).answers.pop_back(),
        Some((_, Response::AppendRecords(answer))) if answer.error == ErrorCode::None
    )
}

/// `kafka-storage format --no-initial-controllers` draws a directory id.
#[test]
fn a_voter_that_is_formatted_without_initial_controllers_observes_until_it_is_added() {
    let mut cluster = Cluster::of(vec![on(1, formatted(1, 3)), on(2, formatted(2, 3)), on(3, Disk::default())]);
    cluster.run_ms(8_000);
    let leaders = cluster.leaders();
    assert!(matches!(leaders[..], [1 | 2]), "leaders: {leaders:?}");
    let leader = leaders[0];
    assert!(is_committed(&mut cluster, leader, append(1)), "two of three");
    cluster.run_ms(1_000);
    assert_eq!(cluster.harness(3).look().records, cluster.harness(leader).look().records, "it has the log");
    assert_eq!(voters(cluster.harness(3)), [1, 2, 3], "and the voters, of which 3 has another directory id");
    cluster.isolate(3 - leader);
    assert!(!is_committed(&mut cluster, leader, append(2)), "its fetches do not count");
    cluster.run_ms(10_000);
    assert_eq!(cluster.leaders(), [0; 0], "nor do they for check quorum, and it votes for nobody");
    cluster.heal();
    cluster.run_ms(8_000);
    let leader = cluster.leaders()[0];
    cluster.harness(leader).ask(remove(3));
    cluster.run_ms(1_000);
    assert_eq!(voters(cluster.harness(leader)), [1, 2], "the voter that never was is removed by its directory id");
}

/// `LeaderState.appendStartOfEpochControlRecords`: the voters of a 0-0 checkpoint are in force until a leader has written
/// its own to the log.
#[test]
fn the_voters_of_the_first_leader_become_those_of_all() {
    let (two, three) = (voter_set(&[1, 2]), voter_set(&[1, 2, 3]));
    let mut seen = Vec::new();
    for draws in 1..=12 {
        let disks = [formatted_with(1, &two), formatted_with(2, &three), formatted_with(3, &three)];
        let mut cluster = Cluster::of((1..).zip(disks).map(|(id, disk)| on(id, disk)).collect());
        // Alone they ask for pre-votes again and again, so that the first to ask differs later.
        (1..=3).for_each(|id| cluster.isolate(id));
        cluster.run_ms(draws * 1_700);
        cluster.heal();
        cluster.isolate(if draws % 2 == 0 { 1 } else { 3 });
        cluster.run_ms(8_000);
        let first = cluster.leaders()[0];
        cluster.heal();
        cluster.run_ms(8_000);
        let expected: &[i32] = if first == 1 { &[1, 2] } else { &[1, 2, 3] };
        for id in 1..=3 {
            assert_eq!(voters(cluster.harness(id)), expected, "replica {id}, first leader {first}");
        }
        assert_eq!(cluster.leaders().len(), 1);
        seen.push(first);
    }
    assert!([1, 2, 3].iter().all(|id| seen.contains(id)), "first leaders: {seen:?}");
}

/// `kafka-storage format --standalone`, of one node of three: Kafka does not notice it, and the two others follow it when
/// their pre-votes are refused by a leader of their epoch (`KafkaRaftClient.maybeHandleCommonResponse`).
#[test]
fn a_voter_that_is_formatted_standalone_becomes_the_only_voter() {
    let mut cluster = with_one_alone();
    cluster.run_ms(8_000);
    assert_eq!(cluster.leaders(), [3]);
    assert!(is_committed(&mut cluster, 3, append(1)));
    cluster.run_ms(1_000);
    for id in 1..=3 {
        assert_eq!(voters(cluster.harness(id)), [3], "replica {id}");
        assert_eq!(cluster.harness(id).look().records, cluster.harness(3).look().records);
    }
    // It is not the voter that the others meant; their epoch it obeys.
    let Request::Vote(vote) = vote(1, 9, (8, 99), false) else { unreachable!() };
    let meant = VoteRequest { voter_id: cluster.harness(3).id, voter_directory_id: directory(3), ..vote };
    let (granted, error, ..) = verdict(cluster.harness(3).ask(Request::Vote(meant)));
    assert_eq!((granted, error, cluster.harness(3).role()), (false, ErrorCode::InvalidVoterKey, Role::Unattached));
}

/// If the others have a leader of that epoch, their BeginQuorumEpoch names it a second one, which is a fatal fault
/// (`KafkaRaftClient.maybeTransition`, before the voter key of the request is compared).
#[test]
fn beside_voters_that_have_a_leader_it_ends_itself() {
    let mut cluster = with_one_alone();
    cluster.isolate(3);
    cluster.run_ms(8_000);
    let leader = cluster.leaders()[0];
    assert!(is_committed(&mut cluster, leader, append(1)) && is_committed(&mut cluster, 3, append(2)));
    assert_eq!(cluster.leaders(), [leader, 3], "two quorums of one cluster id");
    assert_eq!(cluster.harness(3).epoch(), cluster.harness(leader).epoch());
    cluster.heal();
    cluster.run_ms(4_000);
    let halted = cluster.harness(3).halted.clone();
    assert!(halted.as_ref().is_some_and(|(reason, fatal)| *fatal && reason.contains("leader")), "{halted:?}");
    assert_eq!(cluster.leaders(), [leader]);
    assert!(is_committed(&mut cluster, leader, append(3)));
}

/// Replicas 1 and 2 are formatted with all three voters, 3 with itself.
fn with_one_alone() -> Cluster {
    let alone = VoterNode { directory_id: Some(Uuid([9; 16])), ..voter(3) };
    let disks = [formatted(1, 3), formatted(2, 3), formatted_with(3, &VoterSet::of(vec![alone]))];
    Cluster::of((1..).zip(disks).map(|(id, disk)| on(id, disk)).collect())
}
