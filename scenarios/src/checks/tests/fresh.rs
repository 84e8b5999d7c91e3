//! What fresh clients are to do.

use crate::checks::prelude::*;
use std::collections::BTreeSet;

use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::message::ErrorCode;
use raft::metadata::records::PartitionChange;

use super::brokers::{Brokers, to_isr};
use super::replicas::clients_of_the_topic;
use crate::checks::fresh::FreshClients;
use crate::checks::loss::facts::Fact;
use crate::checks::recovery::Missing;

const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };
const RESULT: AttemptEvent =
    AttemptEvent::AdminResult { attempt: 1, index: 0, error: ErrorCode::None, outcome: Outcome::Done };
const SENT: AttemptEvent =
    AttemptEvent::ProduceInvoked { attempt: 1, batch: 9, partition: P, acks: -1, count: 1, leader_epoch: 0 };

#[test]
fn each_of_the_three_is_waited_for() {
    let nobody = BTreeSet::new();
    let missing = |fresh: &FreshClients| fresh.missing(&nobody, |_, _| None);
    let mut fresh = FreshClients::new(5, 1);
    fresh.attempt(4, RESULT);
    assert_eq!(missing(&fresh), Some(("a fresh admin client creates a topic", None, None)));
    fresh.attempt(5, RESULT);
    fresh.attempt(6, SENT);
    assert_eq!(missing(&fresh), Some(("a fresh producer is acknowledged by every partition", Some(P), None)));
    fresh.attempt(6, AttemptEvent::BatchAcked { batch: 9, base_offset: Offset(3) });
    let poll = |fresh: &mut FreshClients, offset| {
        let leader_epoch = LeaderEpoch(0);
        fresh.attempt(7, AttemptEvent::PollRecords { attempt: 1, partition: P, leader_epoch, count: 1 });
        fresh.attempt(7, AttemptEvent::PollRecord { attempt: 1, offset: Offset(offset), value: 0 });
    };
    poll(&mut fresh, 2);
    assert_eq!(missing(&fresh), Some(("a fresh consumer reads every partition", Some(P), Some(Offset(3)))));
    assert_eq!(
        fresh.missing(&nobody, |_, offset| (offset.0 == 4).then_some(Offset(3))),
        None,
        "what was acknowledged is lost"
    );
    poll(&mut fresh, 3);
    assert_eq!(missing(&fresh), None);
}

/// With too few replicas that can ever come back into the ISR, what is still to be done there is never done.
#[test]
fn a_partition_may_refuse_producers_for_ever() {
    let story = |change: PartitionChange, altered: &[usize], rotten: &[usize]| {
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
        let partition = cluster.replication.partitions.iter_mut().next().expect("it has one");
        let id = Some(partition.id);
        partition.facts.extend(rotten.iter().map(|server| Fact::Rotten { server: *server }));
        let refused = cluster.fresh_missing().expect("nothing is acknowledged");
        // The leader's high watermark is 1.
        let reads = |next| Missing { partition: id, ..Missing::unread("t-0".to_owned(), next) };
        let out = Missing { partition: id, ..Missing::new("every replica in sync", [1]) };
        assert_eq!(cluster.gives_up(&out), None, "of replicas each has its own excuse");
        assert_eq!(cluster.gives_up(&Missing::new("all that clients have seen is committed", [])), None);
        assert_eq!(cluster.gives_up(&reads(0)), None, "that can be read");
        let of_readers = cluster.clone().gives_up(&reads(1));
        let excuse = cluster.gives_up(&refused);
        assert_eq!(excuse, of_readers);
        let is_awaited = cluster.fresh_missing().is_some();
        let unread = cluster.histories.unread(&cluster.given_up, &mut cluster.replication.partitions).is_some();
        assert_eq!((is_awaited, unread), (excuse.is_none(), excuse.is_none()));
        excuse.map(Excuse::name)
    };
    let to = |isr: &[usize]| to_isr(isr, None);
    let for_ever = Some("replica_epochs_altered");
    assert_eq!(story(to(&[0]), &[0], &[]), for_ever, "its followers truncate what they fetch");
    assert_eq!(story(to(&[0]), &[1, 2], &[]), for_ever, "it refuses its followers");
    assert_eq!(story(to(&[0]), &[1], &[]), None, "the other comes back");
    assert_eq!(story(to(&[0]), &[], &[]), None, "both do");
    assert_eq!(story(to(&[0]), &[], &[1, 2]), None, "that is another excuse, of replicas only");
    assert_eq!(story(to(&[0, 1]), &[0], &[]), None, "the ISR is large enough");
    assert_eq!(story(PartitionChange { leader: NodeId::NONE, ..to(&[0]) }, &[0], &[]), None, "it has no leader");
}
