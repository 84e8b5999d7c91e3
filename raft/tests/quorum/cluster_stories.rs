//! Stories with several real replicas.

use raft::bugs::Bugs;
use raft::io::Role;
use raft::message::{ErrorCode, Response};

use super::cluster::Cluster;
use super::harness::append;

fn committed(cluster: &mut Cluster, leader: i32, value: u64) -> bool {
    cluster.harness(leader).ask(append(value));
    cluster.run_ms(200);
    match cluster.harness(leader).answers.pop_back() {
        Some((_, Response::AppendRecords(answer))) => answer.error == ErrorCode::None,
        _ => false,
    }
}

#[test]
fn three_voters_elect_one_leader_and_commit() {
    let mut cluster = Cluster::start(3, 4, Bugs::NONE);
    cluster.run_ms(6_000);
    let leaders = cluster.leaders();
    assert_eq!(leaders.len(), 1, "leaders: {leaders:?}");
    for value in 1..=20 {
        assert!(committed(&mut cluster, leaders[0], value), "value {value} was not committed");
    }
    cluster.run_ms(1_000);
    let looks: Vec<_> = cluster.harnesses.iter().map(|harness| harness.look()).collect();
    for look in &looks {
        assert_eq!(look.records, looks[0].records, "logs are equal, the observer's too");
        assert_eq!(look.high_watermark, Some(look.end), "and wholly committed");
    }
    assert_eq!(cluster.harness(4).role(), Role::Follower);
}

#[test]
fn a_cut_off_leader_resigns_and_its_uncommitted_tail_is_cut_when_it_returns() {
    let mut cluster = Cluster::start(3, 3, Bugs::NONE);
    cluster.run_ms(6_000);
    let old = cluster.leaders()[0];
    let epoch = cluster.harness(old).epoch();
    cluster.isolate(old);
    cluster.harness(old).ask(append(666));
    cluster.run_ms(8_000);
    assert_ne!(cluster.harness(old).role(), Role::Leader, "check quorum");
    let new = *cluster.leaders().first().expect("the other two have elected a leader");
    assert!(cluster.harness(new).epoch() > epoch);
    assert!(committed(&mut cluster, new, 7));
    let dirty = cluster.harness(old).look().end;
    cluster.heal();
    cluster.run_ms(6_000);
    let leader = cluster.leaders()[0];
    let (theirs, ours) = (cluster.harness(old).look(), cluster.harness(leader).look());
    assert!(dirty > 0);
    assert_eq!(theirs.records, ours.records);
    let values: Vec<u64> = ours.records.0.iter().flat_map(|batch| batch.values()).map(|(_, value)| value).collect();
    assert_eq!(values, [7], "666 was never committed");
}

#[test]
fn a_cut_off_follower_does_not_disturb_the_leader_when_it_returns() {
    let mut cluster = Cluster::start(3, 3, Bugs::NONE);
    cluster.run_ms(6_000);
    let leader = cluster.leaders()[0];
    let (epoch, follower) = (cluster.harness(leader).epoch(), leader % 3 + 1);
    cluster.isolate(follower);
    cluster.run_ms(20_000);
    assert_eq!(cluster.harness(follower).epoch(), epoch, "pre-votes change no epoch");
    cluster.heal();
    cluster.run_ms(6_000);
    assert_eq!(cluster.leaders(), [leader]);
    assert_eq!(cluster.harness(leader).epoch(), epoch);
    assert_eq!(cluster.harness(follower).role(), Role::Follower);
}

#[test]
fn one_voter_leads_at_once() {
    let mut cluster = Cluster::start(1, 1, Bugs::NONE);
    assert_eq!((cluster.leaders(), cluster.harness(1).epoch()), (vec![1], 1));
    assert!(committed(&mut cluster, 1, 9));
    cluster.harness(1).restart(true);
    assert_eq!((cluster.leaders(), cluster.harness(1).epoch()), (vec![1], 2));
}

/// A timer that is armed for now although nothing has changed would show as thousands of events.
#[test]
fn an_idle_cluster_does_not_spin_observers_and_cut_off_nodes_included() {
    let mut cluster = Cluster::start(3, 4, Bugs::NONE);
    cluster.run_ms(6_000);
    let before = cluster.events;
    cluster.run_ms(10_000);
    let idle = cluster.events - before;
    let leader = cluster.leaders()[0];
    cluster.isolate(leader);
    cluster.isolate(4);
    let before = cluster.events;
    cluster.run_ms(10_000);
    let cut = cluster.events - before;
    assert!(idle < 1_500 && cut < 3_000, "events in ten seconds: {idle} idle, {cut} after a cut");
}
