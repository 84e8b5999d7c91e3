//! Histories by chance that a controller could have written, and their shortest retelling.

use std::rc::Rc;

use proptest::prelude::*;

use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::log::{Batch, BatchBuilder};
use crate::metadata::image::{ConfigResourceType, MetadataChanges, directory_id};
use crate::metadata::records::*;
use crate::metadata::{MetadataImage, MetadataRecord, MetadataVersion};

/// What the next record is about: which kind, and three choices.
pub type Choice = (u8, u8, u8, u8);

pub fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((0..100_u8, 0..4_u8, 0..4_u8, any::<u8>()), 0..120)
}

pub fn topic_id(topic: u8, generation: u8) -> Uuid {
    Uuid([topic + 1, generation, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])
}

pub fn topic_name(topic: u8) -> Rc<str> {
    format!("topic{topic}").into()
}

pub fn nodes(ids: impl IntoIterator<Item = i32>) -> Rc<[NodeId]> {
    ids.into_iter().map(NodeId).collect()
}

pub fn create(topic: u8, generation: u8) -> MetadataRecord {
    Topic { name: topic_name(topic), topic_id: topic_id(topic, generation) }.into()
}

pub fn partition(topic_id: Uuid, number: i32, replicas: Rc<[NodeId]>) -> Partition {
    Partition {
        partition_id: number,
        topic_id,
        isr: Rc::clone(&replicas),
        removing_replicas: nodes([]),
        adding_replicas: nodes([]),
        leader: replicas.first().copied().unwrap_or(NodeId::NONE),
        replicas,
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        directories: Rc::default(),
        eligible_leader_replicas: None,
        last_known_elr: None,
    }
}

pub fn no_change(topic_id: Uuid, number: i32) -> PartitionChange {
    PartitionChange::nothing(TopicIdPartition { topic_id, partition: number })
}

pub fn register(broker: i32, epoch: i64, fenced: bool) -> MetadataRecord {
    let name = "PLAINTEXT".into();
    let end_point = BrokerEndpoint { name, host: format!("b{broker}").into(), port: 9092, security_protocol: 0 };
    let record = RegisterBroker {
        broker_id: NodeId(broker),
        is_migrating_zk_broker: false,
        incarnation_id: Uuid([epoch.to_le_bytes()[0]; 16]),
        broker_epoch: BrokerEpoch(epoch),
        end_points: [end_point].into(),
        features: Rc::default(),
        rack: None,
        fenced,
        in_controlled_shutdown: false,
        log_dirs: [Uuid([broker.to_le_bytes()[0]; 16])].into(),
        cordoned_log_dirs: None,
    };
    record.into()
}

pub fn config(resource_type: ConfigResourceType, resource: &str, name: &str, value: Option<&str>) -> MetadataRecord {
    let value = value.map(Rc::from);
    let (resource_name, name) = (resource.into(), name.into());
    Config { resource_type: resource_type as i8, resource_name, name, value }.into()
}

pub fn feature(name: &str, feature_level: i16) -> MetadataRecord {
    FeatureLevel { name: name.into(), feature_level }.into()
}

/// The record of a choice, if it makes sense on top of `image`; a topic that it creates gets an id
/// that no other has had.
fn record(image: &MetadataImage, index: usize, (kind, a, b, c): Choice) -> Option<MetadataRecord> {
    let broker = i32::from(a) + 1;
    let registered = image.cluster().broker(NodeId(broker));
    let existing = image.topics().topic_by_name(&topic_name(a));
    let number = i32::from(b);
    let replicas = || nodes((0..3).map(|index| (i32::from(c) + index) % 4 + 1));
    Some(match kind {
        0..5 => register(broker, 1000 + i64::from(c), c % 2 == 0),
        5..7 => UnregisterBroker { broker_id: NodeId(broker), broker_epoch: registered?.epoch }.into(),
        7 => match c % 2 == 0 {
            true => FenceBroker { id: NodeId(broker), epoch: registered?.epoch }.into(),
            false => UnfenceBroker { id: NodeId(broker), epoch: registered?.epoch }.into(),
        },
        8..15 => {
            let change = BrokerRegistrationChange {
                broker_id: NodeId(broker),
                broker_epoch: registered?.epoch,
                fenced: (c % 3).to_le_bytes()[0] as i8 - 1,
                in_controlled_shutdown: i8::from(c % 8 == 0),
                log_dirs: if c % 5 == 0 { [Uuid([c; 16])].into() } else { Rc::default() },
                cordoned_log_dirs: (c % 7 == 0).then(Rc::default),
            };
            change.into()
        }
        15..25 if existing.is_none() => create(a, index.to_le_bytes()[0]),
        25..28 => RemoveTopic { topic_id: existing?.id }.into(),
        28..45 => {
            let topic = existing.filter(|topic| !topic.partitions.contains_key(&number))?;
            partition(topic.id, number, replicas()).into()
        }
        45..70 => {
            let topic = existing?;
            topic.partitions.get(&number)?;
            let change = PartitionChange {
                isr: (c % 2 == 0).then(|| nodes([i32::from(c % 4) + 1])),
                leader: [NO_LEADER_CHANGE, NodeId::NONE, NodeId(1), NodeId(2)][usize::from(c % 4)],
                replicas: (c % 5 == 0).then(replicas),
                eligible_leader_replicas: (c % 3 == 0).then(|| nodes([i32::from(c % 4)])),
                last_known_elr: (c % 11 == 0).then(|| nodes([3])),
                leader_recovery_state: (c % 3).to_le_bytes()[0] as i8 - 1,
                ..no_change(topic.id, number)
            };
            change.into()
        }
        70..73 if c % 2 == 0 => ClearElr { topic_name: "".into() }.into(),
        70..73 => ClearElr { topic_name: Rc::clone(&existing?.name) }.into(),
        73..80 => {
            let value = (c % 3 > 0).then_some(if c % 2 == 0 { "1" } else { "2" });
            let key = if b % 2 == 0 { "min.insync.replicas" } else { "retention.ms" };
            match (c % 2, existing) {
                (0, Some(topic)) => config(ConfigResourceType::Topic, &topic.name, key, value),
                _ => config(ConfigResourceType::Broker, if b < 2 { "" } else { "1" }, key, value),
            }
        }
        80..83 => feature(MetadataVersion::FEATURE_NAME, 7 + i16::from(c % 26)),
        83..85 => feature("share.version", i16::from(c % 3)),
        85..88 => {
            let next_producer_id = ProducerId(image.next_producer_id().0 + 1000);
            ProducerIds { broker_id: NodeId(broker), broker_epoch: BrokerEpoch(0), next_producer_id }.into()
        }
        88..90 => {
            let record = RegisterController {
                controller_id: NodeId(3000 + number),
                incarnation_id: Uuid([c; 16]),
                zk_migration_ready: false,
                end_points: Rc::default(),
                features: Rc::default(),
            };
            record.into()
        }
        90..92 => {
            let id = *image.cluster().controllers().keys().next()?;
            UnregisterController { controller_id: id }.into()
        }
        _ => NoOp {}.into(),
    })
}

/// Records without transactions.
pub fn plain_history(choices: &[Choice]) -> Vec<MetadataRecord> {
    let mut image = MetadataImage::default();
    let mut history = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        if let Some(record) = record(&image, index, *choice) {
            image.replay(&record, &mut MetadataChanges::default()).expect("it makes sense");
            history.push(record);
        }
    }
    history
}

/// Records with transactions, some aborted, the last one perhaps open; and for each offset the
/// image that is visible there.
pub fn history(choices: &[Choice]) -> (Vec<MetadataRecord>, Vec<MetadataImage>) {
    let mut image = MetadataImage::default();
    let mut before_transaction = None;
    let (mut history, mut visible) = (Vec::new(), Vec::new());
    for (index, choice) in choices.iter().enumerate() {
        let record = match (choice.0, &before_transaction) {
            (94..97, None) => {
                before_transaction = Some(image.clone());
                BeginTransaction { name: None }.into()
            }
            (94..97, Some(_)) => {
                before_transaction = None;
                EndTransaction {}.into()
            }
            (97.., Some(before)) => {
                image = before.clone();
                before_transaction = None;
                AbortTransaction { reason: None }.into()
            }
            _ => match record(&image, index, *choice) {
                Some(record) => record,
                None => continue,
            },
        };
        image.replay(&record, &mut MetadataChanges::default()).expect("it makes sense");
        history.push(record);
        visible.push(before_transaction.clone().unwrap_or_else(|| image.clone()));
    }
    (history, visible)
}

/// The shortest history of an image, backwards within each kind.
pub fn retold(image: &MetadataImage) -> Vec<MetadataRecord> {
    let version = MetadataVersion::LATEST_PRODUCTION;
    let (features, cluster) = (image.features(), image.cluster());
    let mut records = Vec::new();
    for (resource, values) in image.configs().resources().iter().rev() {
        let set =
            |(name, value): (&Rc<str>, &Rc<str>)| config(resource.resource_type, &resource.name, name, Some(value));
        records.extend(values.iter().rev().map(set));
    }
    let mut topics: Vec<_> = image.topics().topics_by_id().values().collect();
    topics.reverse();
    for topic in topics {
        records.push(Topic { name: Rc::clone(&topic.name), topic_id: topic.id }.into());
        let partitions = topic.partitions.iter();
        records.extend(partitions.map(|(number, state)| state.to_record(topic.id, *number, version).into()));
    }
    for registration in cluster.brokers().values().rev() {
        let record = RegisterBroker {
            broker_id: registration.id,
            is_migrating_zk_broker: registration.is_migrating_zk_broker,
            incarnation_id: registration.incarnation_id,
            broker_epoch: registration.epoch,
            end_points: Rc::clone(&registration.end_points),
            features: Rc::clone(&registration.features),
            rack: registration.rack.clone(),
            fenced: registration.fenced,
            in_controlled_shutdown: registration.in_controlled_shutdown,
            log_dirs: Rc::clone(&registration.log_dirs),
            cordoned_log_dirs: registration.cordoned_log_dirs.clone(),
        };
        records.push(record.into());
    }
    for registration in cluster.controllers().values().rev() {
        let record = RegisterController {
            controller_id: registration.id,
            incarnation_id: registration.incarnation_id,
            zk_migration_ready: registration.zk_migration_ready,
            end_points: Rc::clone(&registration.end_points),
            features: Rc::clone(&registration.features),
        };
        records.push(record.into());
    }
    records.extend(features.finalized().iter().map(|(name, level)| feature(name, *level)));
    records.extend(features.metadata_version().map(|level| feature(MetadataVersion::FEATURE_NAME, level.0)));
    if image.next_producer_id().0 > 0 {
        let next_producer_id = image.next_producer_id();
        let (broker_id, broker_epoch) = (NodeId(0), BrokerEpoch(0));
        records.push(ProducerIds { broker_id, broker_epoch, next_producer_id }.into());
    }
    records
}

/// A batch of records at an offset.
pub fn batch(base: i64, records: &[MetadataRecord]) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(Offset(base), LeaderEpoch(1), 77);
    for record in records {
        builder.record(&record.frame(record.max_version()).expect("the newest version says all"));
    }
    builder.build()
}

#[test]
fn reserved_directories_are_kafkas() {
    assert_eq!(directory_id::MIGRATING.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(directory_id::UNASSIGNED.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
    assert_eq!(directory_id::LOST.to_string(), "AAAAAAAAAAAAAAAAAAAAAg");
    assert!(directory_id::is_reserved(Uuid(99_u128.to_be_bytes())));
    assert!(!directory_id::is_reserved(Uuid(100_u128.to_be_bytes())));
}
