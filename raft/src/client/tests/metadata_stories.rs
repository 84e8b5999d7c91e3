//! Changes and refreshes of the cached metadata (controller-broker.md §5.6, §6.10).

use std::rc::Rc;

use super::brokers::{Brokers, TOPIC};
use super::world::Middle;
use crate::client::metadata::Metadata;
use crate::client::{ClientConfig, TopicPartition};
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, NodeId, Uuid};
use crate::message::ErrorCode;
use crate::message::data::{LeaderIdAndEpoch, MetadataResponse};

const P0: TopicPartition = TopicPartition { topic: 0, partition: 0 };

fn metadata() -> Metadata {
    let mut metadata = Metadata::new(&ClientConfig::new(Rc::from([NodeId(0)]), Rc::from([Rc::from("t")])));
    metadata.add_topic(0);
    metadata
}

/// Partition 0 led by `leader` in `epoch`.
fn answer(leader: i32, epoch: i32) -> MetadataResponse {
    let mut brokers = Brokers::new(1);
    brokers.partitions[0].epoch = epoch;
    brokers.partitions[0].leader = (leader >= 0).then_some(NodeId(leader));
    brokers.metadata()
}

fn of_topic(mut answer: MetadataResponse, topic_id: Uuid, error: ErrorCode) -> MetadataResponse {
    let mut topic = answer.topics[0].clone();
    (topic.topic_id, topic.error) = (topic_id, error);
    answer.topics = Rc::from([topic]);
    answer
}

fn leader(metadata: &Metadata) -> (Option<i32>, Option<i32>) {
    let leader = metadata.current_leader(P0);
    (leader.leader.map(|node| node.0), leader.epoch.map(|epoch| epoch.0))
}

#[test]
fn a_leader_epoch_never_goes_back_while_the_topic_is_the_same() {
    let mut metadata = metadata();
    metadata.update(1_000, &answer(1, 5), &mut Middle);
    metadata.update(2_000, &answer(2, 4), &mut Middle);
    assert_eq!(leader(&metadata), (Some(1), Some(5)));
    metadata.update(3_000, &answer(2, 5), &mut Middle);
    assert_eq!(leader(&metadata), (Some(2), Some(5)), "the same epoch may tell more");
    metadata.update(4_000, &of_topic(answer(0, 1), Uuid([9; 16]), ErrorCode::None), &mut Middle);
    assert_eq!(leader(&metadata), (Some(0), Some(1)), "another topic of that name");
}

/// The finding behind [`Fix::KeepTopicIdsThroughRebootstrap`].
#[test]
fn a_rebootstrap_forgets_whose_epochs_it_has_seen() {
    let after_rebootstrap = |fixes| {
        let config = ClientConfig::new(Rc::from([NodeId(0)]), Rc::from([Rc::from("t")]));
        let mut metadata = Metadata::new(&ClientConfig { fixes, ..config });
        metadata.add_topic(0);
        metadata.update(1_000, &answer(1, 5), &mut Middle);
        metadata.rebootstrap();
        metadata.update(2_000, &answer(2, 4), &mut Middle);
        metadata
    };
    assert_eq!(leader(&after_rebootstrap(Fixes::NONE)), (Some(2), Some(4)), "a leader deposed long ago");
    let mut mended = after_rebootstrap(Fixes::NONE.with(Fix::KeepTopicIdsThroughRebootstrap));
    assert_eq!(leader(&mended), (None, Some(5)), "who leads epoch 5 is not known any more");
    mended.update(3_000, &answer(0, 5), &mut Middle);
    assert_eq!(leader(&mended), (Some(0), Some(5)));
    mended.update(4_000, &of_topic(answer(2, 1), Uuid([9; 16]), ErrorCode::None), &mut Middle);
    assert_eq!(leader(&mended), (Some(2), Some(1)), "another topic of that name");
}

#[test]
fn a_topic_with_an_error_leaves_the_cache_and_is_asked_for_again() {
    let mut metadata = metadata();
    metadata.update(1_000, &answer(1, 5), &mut Middle);
    assert_eq!(metadata.next_update_ms(), 301_000);
    let gone = of_topic(answer(1, 5), TOPIC, ErrorCode::UnknownTopicOrPartition);
    metadata.update(2_000, &gone, &mut Middle);
    assert!(!metadata.has_partition(P0));
    assert_eq!(metadata.next_update_ms(), 2_100);
    metadata.update(3_000, &answer(-1, 6), &mut Middle);
    assert_eq!((leader(&metadata), metadata.has_partition(P0)), ((None, Some(6)), true));
    assert_eq!(metadata.next_update_ms(), 3_100, "LEADER_NOT_AVAILABLE");
}

#[test]
fn failures_and_answers_without_news_back_off() {
    let mut metadata = metadata();
    let mut waits = Vec::new();
    for _ in 0..6 {
        metadata.failed_update(10_000, &mut Middle);
        waits.push(metadata.next_update_ms() - 10_000);
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    waits.clear();
    for _ in 0..4 {
        metadata.update(10_000, &answer(1, 5), &mut Middle);
        metadata.request_update(false);
        waits.push(metadata.next_update_ms() - 10_000);
    }
    assert_eq!(waits, [100, 100, 200, 400], "the first brought something new");
}

#[test]
fn a_hint_is_used_only_if_newer_and_about_a_known_partition() {
    let hint = |leader, epoch| LeaderIdAndEpoch { leader_id: NodeId(leader), leader_epoch: LeaderEpoch(epoch) };
    let mut metadata = metadata();
    assert!(!metadata.update_partition_leadership(P0, &hint(2, 9)));
    metadata.update(1_000, &answer(1, 5), &mut Middle);
    assert!(!metadata.update_partition_leadership(P0, &hint(2, 5)));
    assert!(!metadata.update_partition_leadership(P0, &hint(-1, 6)));
    assert!(metadata.update_partition_leadership(P0, &hint(2, 6)));
    assert_eq!(leader(&metadata), (Some(2), Some(6)));
    metadata.update_last_seen_epoch_if_newer(P0, LeaderEpoch(7));
    assert_eq!(leader(&metadata), (None, Some(7)), "somebody else leads epoch 7");
    assert!(!metadata.update_partition_leadership(P0, &hint(1, 7)), "only newer than the last seen epoch");
    assert_eq!(leader(&metadata), (None, Some(7)));
    assert!(metadata.update_partition_leadership(P0, &hint(1, 8)));
    assert_eq!(leader(&metadata), (Some(1), Some(8)));
}
