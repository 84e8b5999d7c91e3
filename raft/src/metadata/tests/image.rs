//! What replaying records makes of an image.

use std::rc::Rc;

use proptest::prelude::*;

use super::history::{
    choices, config, create, feature, no_change, nodes, partition, plain_history, register, retold, topic_id,
};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::metadata::image::*;
use crate::metadata::records::*;
use crate::metadata::{MetadataDelta, MetadataImage, MetadataRecord};

fn replayed(records: impl IntoIterator<Item = MetadataRecord>) -> MetadataImage {
    let mut image = MetadataImage::default();
    for record in records {
        image.replay(&record, &mut MetadataChanges::default()).expect("a good record");
    }
    image
}

/// What the record is refused with; the image stays as it was.
fn refused(image: &MetadataImage, record: impl Into<MetadataRecord>) -> ReplayError {
    let (mut after, mut changes) = (image.clone(), MetadataChanges::default());
    let error = after.replay(&record.into(), &mut changes).expect_err("a fatal case");
    assert!(after == *image && after.digest() == image.digest() && changes.is_empty(), "{error}");
    error
}

const ID: TopicIdPartition =
    TopicIdPartition { topic_id: Uuid([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]), partition: 0 };

fn one_topic() -> MetadataImage {
    let replicas = nodes([1, 2, 3]);
    let directories: Rc<[Uuid]> = [5, 6, 7].map(|n| Uuid([n; 16])).into();
    replayed([create(0, 0), Partition { directories, ..partition(ID.topic_id, 0, replicas) }.into()])
}

#[test]
fn a_change_is_merged_as_kafka_merges_it() {
    assert_eq!(ID.topic_id, topic_id(0, 0));
    let mut image = one_topic();
    let mut merge = |change: PartitionChange| {
        image.replay(&change.into(), &mut MetadataChanges::default()).expect("a good change");
        PartitionRegistration::clone(image.topics().partition(ID).expect("it is there"))
    };
    let plain = merge(no_change(ID.topic_id, 0));
    assert_eq!((plain.leader_epoch, plain.partition_epoch), (LeaderEpoch(0), PartitionEpoch(1)));
    // The same leader again is an election.
    let same = merge(PartitionChange { leader: NodeId(1), ..no_change(ID.topic_id, 0) });
    assert_eq!((same.leader, same.leader_epoch, same.partition_epoch), (NodeId(1), LeaderEpoch(1), PartitionEpoch(2)));
    let unclean = PartitionChange {
        leader: NodeId(3),
        isr: Some(nodes([3])),
        leader_recovery_state: 1,
        last_known_elr: Some(nodes([1])),
        ..no_change(ID.topic_id, 0)
    };
    let unclean = merge(unclean);
    assert_eq!((unclean.leader, unclean.leader_recovery_state), (NodeId(3), LeaderRecoveryState::Recovering));
    assert_eq!((unclean.isr, unclean.last_known_elr), (nodes([3]), nodes([1])));
    // A replica that stays keeps its directory, a new one has to choose.
    let moved = merge(PartitionChange { replicas: Some(nodes([3, 4])), ..no_change(ID.topic_id, 0) });
    assert_eq!(moved.directories[..], [Uuid([7; 16]), directory_id::UNASSIGNED]);
    assert_eq!(moved.leader_recovery_state, LeaderRecoveryState::Recovering);
    // ELR goes, with a partition epoch of its own; where there is none, nothing happens.
    let (mut cleared, mut changes) = (image.clone(), MetadataChanges::default());
    for expected in [5, 5] {
        cleared.replay(&ClearElr { topic_name: "".into() }.into(), &mut changes).expect("all topics");
        let state = cleared.topics().partition(ID).expect("it is there");
        assert_eq!((state.partition_epoch, state.last_known_elr.len()), (PartitionEpoch(expected), 0));
    }
}

/// Logs of before 3.0 and of a migration from ZooKeeper have them.
#[test]
fn records_that_kafka_only_reads_are_replayed() {
    let mut image = one_topic();
    let mut changes = MetadataChanges::default();
    let (id, epoch) = (NodeId(1), BrokerEpoch(8));
    let mut fenced = |record: MetadataRecord| {
        image.replay(&record, &mut changes).expect("a record of the broker");
        image.cluster().broker(id).map(|broker| broker.fenced)
    };
    assert_eq!(fenced(register(1, 8, true)), Some(true));
    assert_eq!(fenced(UnfenceBroker { id, epoch }.into()), Some(false));
    assert_eq!(fenced(ZkMigrationState { zk_migration_state: 3 }.into()), Some(false));
    assert_eq!(fenced(FenceBroker { id, epoch }.into()), Some(true));
    let other = FenceBroker { id, epoch: BrokerEpoch(7) };
    assert!(matches!(refused(&image, other), ReplayError::BrokerEpoch { .. }));
}

#[test]
fn fatal_cases_are_errors_and_change_nothing() {
    let mut image = one_topic();
    let mut changes = MetadataChanges::default();
    image.replay(&register(1, 8, false), &mut changes).expect("a registration");
    let block =
        |next| ProducerIds { broker_id: NodeId(1), broker_epoch: BrokerEpoch(8), next_producer_id: ProducerId(next) };
    image.replay(&block(1000).into(), &mut changes).expect("a block");

    let unregister = |broker, epoch| UnregisterBroker { broker_id: NodeId(broker), broker_epoch: BrokerEpoch(epoch) };
    let (registered, found) = (BrokerEpoch(8), BrokerEpoch(7));
    assert_eq!(refused(&image, unregister(2, 8)), ReplayError::UnknownBroker(NodeId(2)));
    assert_eq!(refused(&image, unregister(1, 7)), ReplayError::BrokerEpoch { broker: NodeId(1), registered, found });
    let change = |fenced, in_controlled_shutdown| BrokerRegistrationChange {
        broker_id: NodeId(1),
        broker_epoch: registered,
        fenced,
        in_controlled_shutdown,
        log_dirs: Rc::default(),
        cordoned_log_dirs: None,
    };
    assert!(matches!(refused(&image, change(2, 0)), ReplayError::RegistrationChange { field: "fenced", .. }));
    assert!(matches!(refused(&image, change(1, -1)), ReplayError::RegistrationChange { value: -1, .. }));
    assert_eq!(
        refused(&image, UnregisterController { controller_id: NodeId(9) }),
        ReplayError::UnknownController(NodeId(9))
    );
    assert!(matches!(refused(&image, create(0, 1)), ReplayError::TopicExists { .. }));
    let stranger = topic_id(3, 3);
    assert_eq!(refused(&image, RemoveTopic { topic_id: stranger }), ReplayError::UnknownTopic(stranger));
    assert_eq!(refused(&image, partition(stranger, 0, nodes([1]))), ReplayError::UnknownTopic(stranger));
    assert_eq!(refused(&image, no_change(stranger, 0)), ReplayError::UnknownTopic(stranger));
    let unknown = TopicIdPartition { partition: 9, ..ID };
    assert_eq!(refused(&image, no_change(ID.topic_id, 9)), ReplayError::UnknownPartition(unknown));
    let state = PartitionChange { leader_recovery_state: 2, ..no_change(ID.topic_id, 0) };
    assert_eq!(refused(&image, state), ReplayError::LeaderRecoveryState(2));
    let short = PartitionChange { directories: Some([Uuid([1; 16])].into()), ..no_change(ID.topic_id, 0) };
    assert_eq!(refused(&image, short), ReplayError::Directories { replicas: 3, directories: 1 });
    assert!(matches!(refused(&image, ClearElr { topic_name: "x".into() }), ReplayError::UnknownTopicName(_)));
    let typeless = Config { resource_type: 8, resource_name: "1".into(), name: "a".into(), value: None };
    assert_eq!(refused(&image, typeless), ReplayError::ConfigResource(8));
    for (name, level) in [("metadata.version", 6), ("metadata.version", 34), ("share.version", 3), ("x", 0)] {
        assert!(matches!(refused(&image, feature(name, level)), ReplayError::FeatureLevel { .. }), "{name} {level}");
    }
    let (current, next) = (ProducerId(1000), ProducerId(1000));
    assert_eq!(refused(&image, block(1000)), ReplayError::ProducerIds { current, next });
    image.replay(&feature("kraft.version", 99), &mut changes).expect("it says nothing here");
}

#[test]
fn a_broker_is_active_once_unfenced_until_it_leaves() {
    let dir = Uuid([1; 16]);
    let change = |fenced, in_controlled_shutdown, log_dirs: &[Uuid]| {
        let (broker_id, broker_epoch, log_dirs) = (NodeId(1), BrokerEpoch(5), log_dirs.into());
        let cordoned_log_dirs = None;
        BrokerRegistrationChange {
            broker_id,
            broker_epoch,
            fenced,
            in_controlled_shutdown,
            log_dirs,
            cordoned_log_dirs,
        }
    };
    let mut image = replayed([register(1, 5, true)]);
    let mut state = |record: Option<BrokerRegistrationChange>| {
        if let Some(record) = record {
            image.replay(&record.into(), &mut MetadataChanges::default()).expect("a good change");
        }
        let broker = image.cluster().broker(NodeId(1)).expect("it is registered");
        (broker.is_active(), broker.fenced, broker.in_controlled_shutdown, broker.has_online_dir(dir))
    };
    assert_eq!(state(None), (false, true, false, true));
    assert_eq!(state(Some(change(-1, 0, &[]))), (true, false, false, true));
    assert_eq!(state(Some(change(0, 1, &[]))), (false, false, true, true));
    // What once began cannot be unsaid; no directories is no change, another set is.
    assert_eq!(state(Some(change(0, 0, &[Uuid([9; 16])]))), (false, false, true, false));
    let broker = image.cluster().broker(NodeId(1)).expect("it is registered");
    assert!(broker.has_online_dir(directory_id::UNASSIGNED) && broker.has_online_dir(directory_id::MIGRATING));
    assert!(!broker.has_online_dir(directory_id::LOST));
    let dirless = BrokerRegistration { log_dirs: Rc::default(), ..BrokerRegistration::clone(broker) };
    assert!(dirless.has_online_dir(dir) && !dirless.has_online_dir(directory_id::LOST));
}

#[test]
fn a_topics_config_is_its_own_then_the_brokers_then_the_clusters_then_static() {
    use ConfigResourceType::{Broker, Topic};
    let set = |resource_type, resource, name, value| config(resource_type, resource, name, Some(value));
    let mut history = vec![create(0, 0)];
    let mut min_isr = |record: MetadataRecord| {
        history.push(record);
        replayed(history.clone()).configs().min_insync_replicas("topic0", NodeId(1), 1)
    };
    assert_eq!(min_isr(NoOp {}.into()), 1);
    assert_eq!(min_isr(set(Broker, "", "min.insync.replicas", "2")), 2);
    assert_eq!(min_isr(set(Broker, "1", "min.insync.replicas", "3")), 3);
    assert_eq!(min_isr(set(Topic, "topic0", "min.insync.replicas", "4")), 4);
    assert_eq!(min_isr(config(Topic, "topic0", "min.insync.replicas", None)), 3);
    assert_eq!(min_isr(config(Broker, "1", "min.insync.replicas", None)), 2);

    history.push(set(Broker, "", "log.retention.ms", "77"));
    history.push(set(Topic, "topic0", "unclean.leader.election.enable", "true"));
    let image = replayed(history.clone());
    assert_eq!(image.configs().topic_number("topic0", NodeId(1), "retention.ms", -1), 77);
    assert!(image.configs().unclean_leader_election_enable("topic0", NodeId(1), false));
    assert!(!image.configs().unclean_leader_election_enable("topic1", NodeId(1), false));
    // A topic takes its configs with it.
    let (mut image, mut changes) = (image, MetadataChanges::default());
    image.replay(&RemoveTopic { topic_id: topic_id(0, 0) }.into(), &mut changes).expect("it is there");
    assert!(!image.configs().unclean_leader_election_enable("topic0", NodeId(1), false));
    assert!(changes.configs.contains(&ConfigResource::topic("topic0")));
}

#[test]
fn one_change_of_a_partition_copies_next_to_nothing() {
    let many = (0..200_u8).flat_map(|topic| {
        let partitions = (0..50).map(move |number| partition(topic_id(topic, 0), number, nodes([1, 2, 3])).into());
        std::iter::once(create(topic, 0)).chain(partitions)
    });
    let before = Rc::new(replayed(many));
    let mut delta = MetadataDelta::new(Rc::clone(&before));
    delta.replay(&no_change(topic_id(7, 0), 7).into()).expect("it is there");
    let after = delta.apply(MetadataProvenance::EMPTY);
    let same_topic = |id: &Uuid| {
        let topic = |image: &MetadataImage| image.topics().topic(*id).map(Rc::as_ptr);
        topic(&before) == topic(&after)
    };
    let changed: Vec<_> = before.topics().topics_by_id().keys().filter(|id| !same_topic(id)).collect();
    assert_eq!(changed, [&topic_id(7, 0)]);
    let partitions = before.topics().partitions().zip(after.topics().partitions());
    assert_eq!(partitions.filter(|((_, before), (_, after))| !Rc::ptr_eq(before, after)).count(), 1);
    assert!(Rc::ptr_eq(before.cluster(), after.cluster()) && Rc::ptr_eq(before.configs(), after.configs()));
}

proptest! {
    #[test]
    fn the_digest_tells_images_apart_and_nothing_else(choices in choices()) {
        let mut image = MetadataImage::default();
        for record in plain_history(&choices) {
            let before = image.clone();
            image.replay(&record, &mut MetadataChanges::default()).expect("it made sense before");
            prop_assert_eq!(before == image, before.digest() == image.digest());
        }
        let again = replayed(retold(&image));
        prop_assert_eq!(&again, &image);
        prop_assert_eq!(again.digest(), image.digest());
    }

    #[test]
    fn what_a_delta_touched_is_all_that_differs(choices in choices(), cut in 0..100_usize) {
        let records = plain_history(&choices);
        let cut = records.len() * cut / 100;
        let base = Rc::new(replayed(records[..cut].iter().cloned()));
        let mut delta = MetadataDelta::new(Rc::clone(&base));
        for record in &records[cut..] {
            delta.replay(record).expect("it made sense before");
        }
        let image = delta.apply(MetadataProvenance::EMPTY);
        prop_assert_eq!(&*image, &replayed(records));
        let touched = delta.changes();
        for id in base.topics().topics_by_id().keys().chain(image.topics().topics_by_id().keys()) {
            let gone = base.topics().topic(*id).is_some() && image.topics().topic(*id).is_none();
            prop_assert_eq!(touched.deleted_topics.contains(id), gone);
            let differs = image.topics().topic(*id).is_some_and(|topic| base.topics().topic(*id) != Some(topic));
            prop_assert!(!differs || touched.topics.contains_key(id));
        }
        prop_assert!(touched.topics.keys().all(|id| image.topics().topic(*id).is_some()));
        for (id, state) in image.topics().partitions() {
            let differs = base.topics().partition(id) != Some(state);
            prop_assert!(!differs || touched.topics.get(&id.topic_id).is_some_and(|t| t.contains(&id.partition)));
        }
        for broker in (1..5).map(NodeId) {
            let differs = base.cluster().broker(broker) != image.cluster().broker(broker);
            prop_assert!(!differs || touched.brokers.contains(&broker));
        }
    }
}
