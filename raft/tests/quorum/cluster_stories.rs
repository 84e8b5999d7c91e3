//! Stories with several real replicas.

use raft::bugs::Bugs;
use raft::io::Role;
use raft::message::{ErrorCode, Response};

use super::cluster::Cluster;
use super::desk::append;

fn committed(cluster: &mut Cluster, leader: i32, value: u64) -> bool {
    cluster.desk(leader).ask(append(value));
    cluster.run_ms(200);
    match cluster.desk(leader).answers.pop_back() {
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
    let looks: Vec<_> = cluster.desks.iter().map(|desk| desk.look()).collect();
    for look in &looks {
        assert_eq!(look.records, looks[0].records, "logs are equal, the observer's too");
        assert_eq!(look.high_watermark, Some(look.end), "and wholly committed");
    }
    assert_eq!(cluster.desk(4).role(), Role::Follower);
}

#[test]
fn a_cut_off_leader_resigns_and_its_uncommitted_tail_is_cut_when_it_returns() {
    let mut cluster = Cluster::start(3, 3, Bugs::NONE);
    cluster.run_ms(6_000);
    let old = cluster.leaders()[0];
    let epoch = cluster.desk(old).epoch();
    cluster.isolate(old);
    cluster.desk(old).ask(append(666));
    cluster.run_ms(8_000);
    assert_ne!(cluster.desk(old).role(), Role::Leader, "check quorum");
    let new = *cluster.leaders().first().expect("the other two have elected a leader");
    assert!(cluster.desk(new).epoch() > epoch);
    assert!(committed(&mut cluster, new, 7));
    let dirty = cluster.desk(old).look().end;
    cluster.heal();
    cluster.run_ms(6_000);
    let leader = cluster.leaders()[0];
    let (theirs, ours) = (cluster.desk(old).look(), cluster.desk(leader).look());
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
    let (epoch, follower) = (cluster.desk(leader).epoch(), leader % 3 + 1);
    cluster.isolate(follower);
    cluster.run_ms(20_000);
    assert_eq!(cluster.desk(follower).epoch(), epoch, "pre-votes change no epoch");
    cluster.heal();
    cluster.run_ms(6_000);
    assert_eq!(cluster.leaders(), [leader]);
    assert_eq!(cluster.desk(leader).epoch(), epoch);
    assert_eq!(cluster.desk(follower).role(), Role::Follower);
}

#[test]
fn one_voter_leads_at_once() {
    let mut cluster = Cluster::start(1, 1, Bugs::NONE);
    assert_eq!((cluster.leaders(), cluster.desk(1).epoch()), (vec![1], 1));
    assert!(committed(&mut cluster, 1, 9));
    cluster.desk(1).restart(true);
    assert_eq!((cluster.leaders(), cluster.desk(1).epoch()), (vec![1], 2));
}
