//! The two readers agree: whatever records follow one another, both images refuse the same ones and have the same digest.
//! So do the two readers of batches.

use std::rc::Rc;

use proptest::prelude::*;
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use raft::log::BatchBuilder;
use raft::metadata::image::MetadataChanges;
use raft::metadata::records::*;
use raft::metadata::{MetadataImage, MetadataRecord};

use super::image::ReferenceImage;
use crate::checks::second_reader;

/// The kind of a record, and what it is about; choices are few, so that records meet.
type Choice = (u8, u8, u8, u8);

fn nodes(ids: impl IntoIterator<Item = u8>) -> Rc<[NodeId]> {
    ids.into_iter().map(|id| NodeId(i32::from(id))).collect()
}

fn name(number: u8) -> Rc<str> {
    format!("topic{number}").into()
}

/// Not all of them can be replayed.
fn record((kind, a, b, c): Choice) -> MetadataRecord {
    let (broker, number) = (NodeId(i32::from(a)), i32::from(b));
    let topic_id = Uuid([a, b % 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    let broker_epoch = BrokerEpoch(i64::from(b));
    let flag = |divisor: u8| c.is_multiple_of(divisor);
    let list = |divisor: u8| flag(divisor).then(|| nodes([c % 4, b]));
    let directories: Rc<[Uuid]> = [Uuid([c; 16]), Uuid([b; 16])].into();
    let end_point = BrokerEndpoint { name: "PLAINTEXT".into(), host: name(c), port: 9092, security_protocol: 0 };
    let feature = BrokerFeature { name: "f".into(), min_supported_version: 0, max_supported_version: i16::from(c) };
    match kind {
        0..10 => MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id: broker,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid([c; 16]),
            broker_epoch,
            end_points: [end_point].into(),
            features: [feature].into(),
            rack: flag(3).then(|| name(b)),
            fenced: flag(2),
            in_controlled_shutdown: flag(5),
            log_dirs: if flag(4) { Rc::default() } else { directories },
            cordoned_log_dirs: flag(7).then(Rc::default),
        }),
        10..12 => UnregisterBroker { broker_id: broker, broker_epoch }.into(),
        12..25 => MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            broker_id: broker,
            broker_epoch,
            fenced: (c % 4) as i8 - 1,
            in_controlled_shutdown: (c % 3) as i8,
            log_dirs: if flag(5) { directories } else { Rc::default() },
            cordoned_log_dirs: flag(7).then(|| [Uuid([c; 16])].into()),
        }),
        25..35 => Topic { name: name(a), topic_id }.into(),
        35..39 => RemoveTopic { topic_id }.into(),
        39..55 => MetadataRecord::Partition(Partition {
            partition_id: number,
            topic_id,
            replicas: nodes([a, b]),
            isr: nodes([a]),
            removing_replicas: nodes([]),
            adding_replicas: nodes([]),
            leader: broker,
            leader_recovery_state: (c % 5 == 1) as i8 + (c % 20 == 6) as i8,
            leader_epoch: LeaderEpoch(i32::from(c)),
            partition_epoch: PartitionEpoch(if c == 255 { i32::MAX } else { 0 }),
            directories: if flag(3) { Rc::default() } else { directories[..2 - usize::from(flag(8))].into() },
            eligible_leader_replicas: list(3),
            last_known_elr: list(11),
        }),
        55..80 => MetadataRecord::PartitionChange(PartitionChange {
            isr: list(2),
            leader: [NO_LEADER_CHANGE, NodeId::NONE, NodeId(1)][usize::from(c % 3)],
            replicas: flag(5).then(|| nodes([b, a, 9][usize::from(c % 2)..].iter().copied())),
            removing_replicas: list(13),
            adding_replicas: list(17),
            eligible_leader_replicas: list(3),
            last_known_elr: list(11),
            leader_recovery_state: (c % 4) as i8 - 1,
            directories: flag(6).then_some(directories),
            ..PartitionChange::nothing(TopicIdPartition { topic_id, partition: number })
        }),
        80..83 => ClearElr { topic_name: if flag(2) { "".into() } else { name(a) } }.into(),
        83..90 => MetadataRecord::Config(Config {
            resource_type: [2, 4, 16, 3][usize::from(b)],
            resource_name: if b == 1 { "".into() } else { name(a) },
            name: if flag(2) { "min.insync.replicas".into() } else { "retention.ms".into() },
            value: (!flag(3)).then(|| format!("{}", c % 3).into()),
        }),
        90..93 => FeatureLevel { name: "metadata.version".into(), feature_level: i16::from(c % 34) }.into(),
        93..95 => FeatureLevel {
            name: ["eligible.leader.replicas.version", "kraft.version"][usize::from(b % 2)].into(),
            feature_level: i16::from(c % 2),
        }
        .into(),
        95..97 => MetadataRecord::ProducerIds(ProducerIds {
            broker_id: broker,
            broker_epoch,
            next_producer_id: ProducerId(i64::from(c) * 1000),
        }),
        97..99 => MetadataRecord::RegisterController(RegisterController {
            controller_id: broker,
            incarnation_id: Uuid([c; 16]),
            zk_migration_ready: flag(2),
            end_points: [end_point].into(),
            features: [feature].into(),
        }),
        _ => UnregisterController { controller_id: broker }.into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn both_readers_refuse_the_same_records_and_say_the_same(
        choices in prop::collection::vec((0..100_u8, 0..3_u8, 0..4_u8, any::<u8>()), 0..150),
    ) {
        let (mut read, mut reference) = (MetadataImage::default(), ReferenceImage::default());
        for choice in choices {
            let record = record(choice);
            let (one, other) = (read.replay(&record, &mut MetadataChanges::default()), reference.replay(&record));
            prop_assert_eq!(one.is_err(), other.is_err(), "{:?}: {:?} and {:?}", record, one, other);
            prop_assert_eq!(read.digest(), reference.digest(), "{:?}", record);
            prop_assert_eq!(read.features().is_elr_enabled(), reference.is_elr_enabled());
        }
    }

    #[test]
    fn batches_of_metadata_are_read_alike(
        choices in prop::collection::vec((0..100_u8, 0..3_u8, 0..4_u8, any::<u8>()), 1..30),
        version in 0..4_i16,
    ) {
        let mut builder = BatchBuilder::new(Offset(7), LeaderEpoch(3), 1_700_000_000_000);
        for choice in choices {
            let record = record(choice);
            // A version that is too old for what the record says is refused.
            let newest = || record.frame(record.max_version()).expect("it has all fields");
            builder.record(&record.frame(version).unwrap_or_else(|_| newest()));
        }
        prop_assert_eq!(second_reader::differs(&builder.build()), None);
    }
}
