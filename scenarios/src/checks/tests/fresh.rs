//! What fresh clients are to do.

use crate::checks::prelude::*;

use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::message::ErrorCode;
use raft::metadata::records::PartitionChange;

use super::brokers::{Brokers, to_isr};
use super::replicas::clients_of_the_topic;
use crate::checks::fresh::FreshClients;

const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };
const RESULT: AttemptEvent =
    AttemptEvent::AdminResult { attempt: 1, index: 0, error: ErrorCode::None, outcome: Outcome::Done };
const SENT: AttemptEvent =
    AttemptEvent::ProduceInvoked { attempt: 1, batch: 9, partition: P, acks: -1, count: 1, leader_epoch: 0 };

#[test]
fn each_of_the_three_is_waited_for() {
    let uncut = |_, _| None;
    let mut fresh = FreshClients::new(5, 1);
    fresh.attempt(4, RESULT);
    assert_eq!(fresh.missing(0, uncut), Some("a fresh admin client creates a topic"));
    fresh.attempt(5, RESULT);
    fresh.attempt(6, SENT);
    assert_eq!(fresh.missing(0, uncut), Some("a fresh producer is acknowledged by every partition"));
    assert_eq!((fresh.missing(1, uncut), fresh.unacknowledged().len()), (None, 1), "it may refuse for ever");
    fresh.attempt(6, AttemptEvent::BatchAcked { batch: 9, base_offset: Offset(3) });
    let poll = |fresh: &mut FreshClients, offset| {
        let leader_epoch = LeaderEpoch(0);
        fresh.attempt(7, AttemptEvent::PollRecords { attempt: 1, partition: P, leader_epoch, count: 1 });
        fresh.attempt(7, AttemptEvent::PollRecord { attempt: 1, offset: Offset(offset), value: 0 });
    };
    poll(&mut fresh, 2);
    assert_eq!(fresh.missing(0, uncut), Some("a fresh consumer reads every partition"));
    assert_eq!(
        fresh.missing(0, |_, offset| (offset.0 == 4).then_some(Offset(3))),
        None,
        "what was acknowledged is lost"
    );
    poll(&mut fresh, 3);
    assert_eq!(fresh.missing(0, uncut), None);
}

/// With too few replicas that can ever come back into the ISR, nobody waits for producers and consumers of it.
#[test]
fn a_partition_may_refuse_producers_for_ever() {
    let story = |change: PartitionChange, altered: &[usize]| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.cluster_mut().histories = clients_of_the_topic();
        let cluster = brokers.cluster_mut();
        cluster.fresh = FreshClients::new(8, 1);
        cluster.fresh.attempt(8, RESULT);
        cluster.fresh.attempt(9, SENT);
        cluster.healed(Offset(0), &mut Verdict::default());
        brokers.change(change);
        let cluster = brokers.cluster_mut();
        for server in altered {
            cluster.replication.damaged(*server, Some(&["t-0/leader-epoch-checkpoint".to_owned()]));
        }
        let is_unread = cluster.histories.unread(&mut cluster.replication.partitions).is_some();
        assert_eq!(is_unread, cluster.fresh_missing().is_some());
        !is_unread
    };
    let to = |isr: &[usize]| to_isr(isr, None);
    assert!(story(to(&[0]), &[0]), "its followers truncate what they fetch");
    assert!(story(to(&[0]), &[1, 2]), "it refuses its followers");
    assert!(!story(to(&[0]), &[1]), "the other comes back");
    assert!(!story(to(&[0]), &[]), "both do");
    assert!(!story(to(&[0, 1]), &[0]), "the ISR is large enough");
    assert!(!story(PartitionChange { leader: NodeId::NONE, ..to(&[0]) }, &[0]), "it has no leader");
}
