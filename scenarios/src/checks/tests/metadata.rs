//! Committed metadata: what nodes publish of it, and what must hold of every record.

use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, Uuid};
use raft::message::cluster::{
    AllocateProducerIdsResponse, AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse,
    AlterPartitionResult,
};
use raft::message::data::InitProducerIdResponse;
use raft::message::{ClusterRequest, ClusterResponse, DataResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{
    AbortTransaction, BeginTransaction, ClearElr, EndTransaction, Partition, PartitionChange, ProducerIds, Topic,
};

use super::brokers::{Brokers, CLIENT, PARTITION, broker, change, config, elr, partition, to_isr};

fn publish(brokers: &mut Brokers, server: usize, offset: i64, digest: u64) {
    brokers.publishes(server, offset, digest);
}

fn last(brokers: &Brokers) -> i64 {
    brokers.checks.models.committed.end.0 - 1
}

fn digest(brokers: &Brokers) -> u64 {
    brokers.cluster().metadata().image().digest()
}

fn topic(name: &str, id: u8) -> MetadataRecord {
    MetadataRecord::Topic(Topic { name: name.into(), topic_id: Uuid([id; 16]) })
}

#[test]
fn images_at_equal_offsets_are_equal() {
    let mut brokers = Brokers::with_partition(true);
    let (offset, before) = (last(&brokers), digest(&brokers));
    brokers.commit([topic("other", 8)]);
    let (newer, after) = (last(&brokers), digest(&brokers));
    publish(&mut brokers, 0, newer, after);
    publish(&mut brokers, 1, offset, before);
    publish(&mut brokers, 1, newer, after);
    publish(&mut brokers, 1, newer, after);
    assert_eq!(brokers.broke(), None);
    // The right image, but of another offset.
    publish(&mut brokers, 2, offset, after);
    assert_eq!(brokers.broke(), Some("ImagesEqualAtEqualOffsets"));
}

#[test]
fn what_a_node_publishes_never_goes_back_in_one_life() {
    let mut brokers = Brokers::with_partition(true);
    let (offset, before) = (last(&brokers), digest(&brokers));
    brokers.commit([topic("other", 8)]);
    let (newer, after) = (last(&brokers), digest(&brokers));
    publish(&mut brokers, 0, newer, after);
    brokers.restart(0, sim::watch::Down::Killed);
    publish(&mut brokers, 0, offset, before);
    publish(&mut brokers, 0, newer, after);
    assert_eq!(brokers.broke(), None);
    publish(&mut brokers, 0, offset, before);
    assert_eq!(brokers.broke(), Some("ImagesEqualAtEqualOffsets"));
}

#[test]
fn nothing_is_published_before_it_is_committed() {
    let mut brokers = Brokers::with_partition(true);
    let (offset, digest) = (last(&brokers), digest(&brokers));
    publish(&mut brokers, 0, offset + 1, digest);
    assert_eq!(brokers.broke(), Some("ImagesEqualAtEqualOffsets"));
}

#[test]
fn a_transaction_is_hidden_until_it_ends() {
    let mut brokers = Brokers::with_partition(true);
    let before = digest(&brokers);
    brokers.commit([MetadataRecord::BeginTransaction(BeginTransaction { name: None }), topic("other", 8)]);
    let hidden = last(&brokers);
    publish(&mut brokers, 0, hidden, before);
    assert_eq!(digest(&brokers), before);
    brokers.commit([MetadataRecord::EndTransaction(EndTransaction {})]);
    let shown = (last(&brokers), digest(&brokers));
    assert_ne!(shown.1, before);
    publish(&mut brokers, 0, shown.0, shown.1);
    brokers.commit([MetadataRecord::BeginTransaction(BeginTransaction { name: None }), topic("third", 9)]);
    brokers.commit([MetadataRecord::AbortTransaction(AbortTransaction { reason: None })]);
    let aborted = last(&brokers);
    publish(&mut brokers, 0, aborted, shown.1);
    assert_eq!(brokers.broke(), None);
    brokers.commit([MetadataRecord::EndTransaction(EndTransaction {})]);
    assert_eq!(brokers.broke(), Some("CommittedMetadataReplays"));
}

#[test]
fn a_committed_record_replays() {
    let mut brokers = Brokers::with_partition(true);
    brokers.commit([topic("other", 8)]);
    assert_eq!(brokers.broke(), None);
    brokers.commit([topic("other", 9)]);
    assert_eq!(brokers.broke(), Some("CommittedMetadataReplays"));
    let mut brokers = Brokers::with_partition(true);
    let begin = MetadataRecord::BeginTransaction(BeginTransaction { name: None });
    brokers.commit([begin, topic("other", 8), topic("other", 9)]);
    assert_eq!(brokers.broke(), Some("CommittedMetadataReplays"), "in a transaction, too");
    let mut brokers = Brokers::with_partition(true);
    brokers.commit_frames([&[1, 99, 0][..]]);
    assert_eq!(brokers.broke(), Some("CommittedMetadataReplays"), "there is no record of that type");
}

#[test]
fn each_incarnation_has_a_newer_epoch() {
    let mut brokers = Brokers::blank();
    let again = brokers.registration(0, 0);
    brokers.commit([again.clone()]);
    // The same incarnation keeps its epoch.
    brokers.commit([again]);
    assert_eq!(brokers.broke(), None);
    // Another broker gets the epoch of a first one.
    let MetadataRecord::RegisterBroker(mut other) = brokers.registration(1, 0) else { return };
    other.broker_epoch = brokers.cluster().metadata().image().broker_epoch(broker(0));
    brokers.commit([MetadataRecord::RegisterBroker(other)]);
    assert_eq!(brokers.broke(), Some("MonotonicBrokerEpoch"));
}

fn block(next: i64, server: usize) -> MetadataRecord {
    let next_producer_id = ProducerId(next);
    MetadataRecord::ProducerIds(ProducerIds {
        broker_id: broker(server),
        broker_epoch: BrokerEpoch(0),
        next_producer_id,
    })
}

fn answer(brokers: &mut Brokers, to: Option<usize>, response: Response) {
    brokers.responds_to(0, to.unwrap_or(CLIENT), (1, 1), &response);
}

fn give_block(brokers: &mut Brokers, to: usize, start: i64) {
    let producer_id_start = ProducerId(start);
    let given = AllocateProducerIdsResponse { error: ErrorCode::None, producer_id_start, producer_id_len: 1000 };
    answer(brokers, Some(to), Response::Cluster(ClusterResponse::AllocateProducerIds(given)));
}

fn give_id(brokers: &mut Brokers, id: i64) {
    let given = InitProducerIdResponse { error: ErrorCode::None, producer_id: ProducerId(id), producer_epoch: 0 };
    answer(brokers, None, Response::Data(DataResponse::InitProducerId(given)));
}

#[test]
fn a_block_of_producer_ids_is_given_once_and_only_if_it_is_committed() {
    let at_work = || {
        let mut brokers = Brokers::with_partition(true);
        brokers.commit([block(1000, 0)]);
        brokers.commit([block(2000, 1)]);
        give_block(&mut brokers, 0, 0);
        assert_eq!(brokers.broke(), None);
        brokers
    };
    let mut brokers = at_work();
    give_block(&mut brokers, 1, 1000);
    assert_eq!(brokers.broke(), None);
    for (to, start) in [(0, 0), (0, 1000), (1, 2000)] {
        let mut brokers = at_work();
        give_block(&mut brokers, to, start);
        assert_eq!(brokers.broke(), Some("ProducerIdBlocksDisjoint"), "{start} to {to}");
    }
}

#[test]
fn a_producer_id_is_given_once_and_out_of_a_block_of_ones_own() {
    let mut brokers = Brokers::with_partition(true);
    brokers.commit([block(1000, 0)]);
    brokers.commit([block(2000, 1)]);
    give_id(&mut brokers, 0);
    give_id(&mut brokers, 1);
    assert_eq!(brokers.broke(), None);
    give_id(&mut brokers, 1);
    assert_eq!(brokers.broke(), Some("ProducerIdBlocksDisjoint"));
    let mut brokers = Brokers::with_partition(true);
    brokers.commit([block(1000, 1)]);
    give_id(&mut brokers, 1);
    assert_eq!(brokers.broke(), Some("ProducerIdBlocksDisjoint"));
}

#[test]
fn an_honest_life_of_a_partition_is_valid() {
    let mut brokers = Brokers::with_partition(true);
    brokers.change(to_isr(&[0, 1], None));
    brokers.fence(0, PartitionChange { eligible_leader_replicas: elr(&[0]), ..to_isr(&[1], Some(1)) });
    brokers.fence(
        1,
        PartitionChange {
            eligible_leader_replicas: elr(&[0, 1]),
            leader: NodeId::NONE,
            last_known_elr: elr(&[1]),
            ..to_isr(&[], None)
        },
    );
    // It comes back after an unclean end, and the other one after a clean one.
    let registration = brokers.registration(1, 1);
    let revoked = PartitionChange { eligible_leader_replicas: elr(&[0]), ..change() };
    brokers.commit([MetadataRecord::PartitionChange(revoked), registration]);
    let registration = brokers.registration(0, 0);
    brokers.commit([registration]);
    let unfenced = brokers.registration_change(0, -1);
    let elected =
        PartitionChange { eligible_leader_replicas: elr(&[]), last_known_elr: elr(&[]), ..to_isr(&[0], Some(0)) };
    brokers.commit([unfenced, MetadataRecord::PartitionChange(elected)]);
    brokers.unfence(1);
    brokers.change(to_isr(&[0, 1], None));
    assert_eq!(brokers.broke(), None);
}

#[test]
fn a_partition_has_a_leader_while_a_replica_may_lead_it() {
    let nobody = || PartitionChange { leader: NodeId::NONE, ..change() };
    let mut brokers = Brokers::with_partition(false);
    brokers.change(nobody());
    assert_eq!(brokers.broke(), Some("LeaderWhileCandidateActive"));
    // The last one of the ISR is fenced; when it comes back it is elected at once.
    let mut brokers = Brokers::with_partition(false);
    brokers.change(to_isr(&[0], None));
    brokers.fence(0, nobody());
    assert_eq!(brokers.broke(), None);
    brokers.unfence(0);
    assert_eq!(brokers.broke(), Some("LeaderWhileCandidateActive"));
}

#[test]
fn isr_and_elr_are_valid_after_every_batch() {
    let bad: [(&str, PartitionChange); 7] = [
        ("no replica", to_isr(&[0, 7], None)),
        ("twice", to_isr(&[0, 0], None)),
        ("leader out", to_isr(&[1, 2], None)),
        ("in both", PartitionChange { eligible_leader_replicas: elr(&[0]), ..to_isr(&[0], None) }),
        ("elr besides enough", PartitionChange { eligible_leader_replicas: elr(&[2]), ..to_isr(&[0, 1], None) }),
        ("dropped from both", to_isr(&[0], None)),
        ("elr of no replica", PartitionChange { eligible_leader_replicas: elr(&[1, 2, 7]), ..to_isr(&[0], None) }),
    ];
    for (what, change) in bad {
        let mut brokers = Brokers::with_partition(true);
        brokers.change(change);
        assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"), "{what}");
    }
}

#[test]
fn one_batch_may_hold_several_events() {
    let mut brokers = Brokers::with_partition(true);
    let second = PartitionChange { eligible_leader_replicas: elr(&[2]), ..to_isr(&[0], None) };
    brokers.commit([to_isr(&[0, 2], None), second].map(MetadataRecord::PartitionChange));
    assert_eq!(brokers.broke(), None, "broker 102 left while the ISR was large enough");

    let mut brokers = Brokers::with_partition(true);
    let change = PartitionChange { eligible_leader_replicas: elr(&[1, 2]), ..to_isr(&[0], None) };
    let cleared = ClearElr { topic_name: "t".into() };
    let lowered = [config("min.insync.replicas", "1"), MetadataRecord::ClearElr(cleared)];
    brokers.commit([MetadataRecord::PartitionChange(change)].into_iter().chain(lowered));
    assert_eq!(brokers.broke(), None, "two were needed when the ELR was made");
}

#[test]
fn the_elr_is_only_for_clusters_that_have_it() {
    let with_elr = || PartitionChange { eligible_leader_replicas: elr(&[1, 2]), ..to_isr(&[0], None) };
    let mut brokers = Brokers::with_partition(true);
    brokers.change(with_elr());
    assert_eq!(brokers.broke(), None);
    let mut brokers = Brokers::with_partition(false);
    brokers.change(with_elr());
    assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"));
}

#[test]
fn a_lowered_min_isr_makes_an_elr_needless() {
    let mut brokers = Brokers::with_partition(true);
    brokers.change(PartitionChange { eligible_leader_replicas: elr(&[1, 2]), ..to_isr(&[0], None) });
    let with_elr = PartitionChange { leader: broker(0), eligible_leader_replicas: elr(&[1, 2]), ..change() };
    let clear = MetadataRecord::ClearElr(ClearElr { topic_name: "t".into() });
    brokers.commit([config("min.insync.replicas", "1"), clear]);
    assert_eq!(brokers.broke(), None);
    brokers.change(with_elr);
    assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"));
}

/// KAFKA-13173: two brokers expire, and both changes are made from one state.
#[test]
fn a_fenced_broker_leaves_every_isr() {
    let mut brokers = Brokers::with_partition(false);
    brokers.fence(1, to_isr(&[0, 2], None));
    brokers.fence(2, to_isr(&[0], None));
    assert_eq!(brokers.broke(), None);
    let mut brokers = Brokers::with_partition(false);
    brokers.fence(1, to_isr(&[0, 2], None));
    brokers.fence(2, to_isr(&[0, 1], None));
    assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"));
}

#[test]
fn a_broker_that_is_fenced_alone_is_seen_in_partitions_nobody_touched() {
    let mut brokers = Brokers::with_partition(false);
    let fence = brokers.registration_change(1, 1);
    brokers.commit([fence]);
    assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"));
}

#[test]
fn the_last_one_stays_in_the_isr_where_there_is_no_elr() {
    let alone = |elr| {
        let mut brokers = Brokers::with_partition(elr);
        let left = PartitionChange { eligible_leader_replicas: super::brokers::elr(&[1, 2]), ..to_isr(&[0], None) };
        brokers.change(if elr { left } else { to_isr(&[0], None) });
        brokers.fence(0, PartitionChange { leader: NodeId::NONE, ..change() });
        brokers
    };
    assert_eq!(alone(false).broke(), None);
    assert_eq!(alone(true).broke(), Some("ValidControllerIsrAndElr"));
}

#[test]
fn a_partition_record_sets_no_epoch_back() {
    let mut brokers = Brokers::with_partition(true);
    brokers.change(PartitionChange { leader: broker(1), ..change() });
    let again = Partition { leader_epoch: LeaderEpoch(1), partition_epoch: PartitionEpoch(1), ..partition() };
    brokers.commit([MetadataRecord::Partition(again)]);
    assert_eq!(brokers.broke(), None);
    brokers.commit([MetadataRecord::Partition(partition())]);
    assert_eq!(brokers.broke(), Some("ValidControllerIsrAndElr"));
}

#[test]
fn a_new_min_isr_clears_the_elr_that_was_made_under_the_old_one() {
    let shrunk = || {
        let mut brokers = Brokers::with_partition(true);
        brokers.change(PartitionChange { eligible_leader_replicas: elr(&[1, 2]), ..to_isr(&[0], None) });
        assert_eq!(brokers.broke(), None);
        brokers
    };
    let min_isr = || config("min.insync.replicas", "1");
    let mut kept = shrunk();
    kept.commit([min_isr()]);
    assert_eq!(kept.broke(), Some("ValidControllerIsrAndElr"));
    let mut cleared = shrunk();
    cleared.commit([min_isr(), MetadataRecord::ClearElr(ClearElr { topic_name: "t".into() })]);
    assert_eq!(cleared.broke(), None);
    let mut one_by_one = shrunk();
    let none = PartitionChange { eligible_leader_replicas: elr(&[]), last_known_elr: elr(&[]), ..change() };
    one_by_one.commit([min_isr(), MetadataRecord::PartitionChange(none)]);
    assert_eq!(one_by_one.broke(), None);
    let mut of_another = shrunk();
    of_another.commit([config("retention.ms", "1")]);
    assert_eq!(of_another.broke(), None);
}

#[test]
fn a_process_that_registers_again_stays_as_it_was() {
    let again = |fenced: bool, leaving: bool, same: bool| {
        let mut brokers = Brokers::with_partition(true);
        let MetadataRecord::RegisterBroker(mut record) = brokers.registration(2, 0) else { panic!("it is one") };
        if same {
            let known = brokers.cluster().metadata().image().brokers.get(&broker(2)).expect("it registered");
            (record.incarnation_id, record.broker_epoch) = (known.incarnation_id, known.broker_epoch);
        }
        (record.fenced, record.in_controlled_shutdown) = (fenced, leaving);
        brokers
            .commit([MetadataRecord::RegisterBroker(record), MetadataRecord::PartitionChange(to_isr(&[0, 1], None))]);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(again(false, false, true), None);
    assert_eq!(again(true, false, true).as_deref(), Some("ReregistrationKeepsState"));
    assert_eq!(again(false, true, true).as_deref(), Some("ReregistrationKeepsState"));
    assert_eq!(again(true, false, false), None, "another process begins fenced");
}

#[test]
fn an_isr_change_is_of_the_newest_partition_epoch_and_fences_none_but_old_leaders() {
    let answered = |error: ErrorCode, requested: (i32, i32), partition_epoch: i32| {
        let mut brokers = Brokers::with_partition(true);
        brokers.change(to_isr(&[0, 1], None));
        let item = AlterPartitionItem {
            partition: PARTITION,
            leader_epoch: LeaderEpoch(requested.0),
            new_isr_with_epochs: Rc::from([]),
            leader_recovery_state: 0,
            partition_epoch: PartitionEpoch(requested.1),
        };
        let request =
            AlterPartitionRequest { broker_id: broker(0), broker_epoch: BrokerEpoch(0), partitions: Rc::from([item]) };
        let request = Request::Cluster(ClusterRequest::AlterPartition(request));
        brokers.receives(1, (3, 4), &request);
        let result = AlterPartitionResult {
            partition: PARTITION,
            error,
            leader_id: broker(0),
            leader_epoch: LeaderEpoch(0),
            isr: Rc::from([]),
            leader_recovery_state: 0,
            partition_epoch: PartitionEpoch(partition_epoch),
        };
        let answer = AlterPartitionResponse { error: ErrorCode::None, partitions: Rc::from([result]) };
        let response = Response::Cluster(ClusterResponse::AlterPartition(answer));
        brokers.responds(1, (3, 4), &response);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(answered(ErrorCode::None, (0, 1), 2), None);
    assert_eq!(answered(ErrorCode::None, (0, 1), 1), None, "nothing to change");
    assert_eq!(answered(ErrorCode::None, (0, 0), 2).as_deref(), Some("IsrCompareAndSet"));
    assert_eq!(answered(ErrorCode::InvalidUpdateVersion, (0, 0), -1), None);
    assert_eq!(answered(ErrorCode::FencedLeaderEpoch, (-1, 0), -1), None);
    assert_eq!(answered(ErrorCode::FencedLeaderEpoch, (0, 0), -1).as_deref(), Some("IsrCompareAndSet"));
    assert_eq!(answered(ErrorCode::FencedLeaderEpoch, (1, 0), -1).as_deref(), Some("IsrCompareAndSet"));
    assert_eq!(answered(ErrorCode::NotController, (1, 0), -1), None);
}
