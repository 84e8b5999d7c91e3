//! Records byte by byte, in every version.

use std::rc::Rc;

use proptest::prelude::*;

use super::golden::GOLDEN;
use super::records::any_record;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::log::{Batch, BatchBuilder, BatchError};
use crate::metadata::records::*;
use crate::metadata::{EncodeError, MetadataRecord, MetadataVersion};

fn uuid(byte: u8) -> Uuid {
    Uuid([byte; 16])
}

fn nodes<const N: usize>(ids: [i32; N]) -> Rc<[NodeId]> {
    ids.map(NodeId).into()
}

fn dirs<const N: usize>(bytes: [u8; N]) -> Rc<[Uuid]> {
    bytes.map(uuid).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn end_points() -> Rc<[BrokerEndpoint]> {
    let end_point = |name: &str, host: &str, port, security_protocol| BrokerEndpoint {
        name: name.into(),
        host: host.into(),
        port,
        security_protocol,
    };
    [end_point("EXTERNAL", "b1.example", 9092, 0), end_point("Ä", "", 65535, -1)].into()
}

fn features() -> Rc<[BrokerFeature]> {
    let name = "metadata.version".into();
    [BrokerFeature { name, min_supported_version: 7, max_supported_version: 33 }].into()
}

const BROKER: NodeId = NodeId(300);
const EPOCH: BrokerEpoch = BrokerEpoch(1 << 40);
const TOPIC: Uuid = Uuid([0xb2; 16]);

fn register_broker(version: i16) -> RegisterBroker {
    RegisterBroker {
        broker_id: BROKER,
        is_migrating_zk_broker: false,
        incarnation_id: uuid(0xa1),
        broker_epoch: EPOCH,
        end_points: end_points(),
        features: features(),
        rack: Some("r1".into()),
        fenced: true,
        in_controlled_shutdown: version >= 1,
        log_dirs: if version >= 3 { dirs([0xd1, 0xd2]) } else { dirs([]) },
        cordoned_log_dirs: (version >= 4).then(|| dirs([])),
    }
}

fn partition(version: i16) -> Partition {
    Partition {
        partition_id: 7,
        topic_id: TOPIC,
        replicas: nodes([1, 2, 3]),
        isr: nodes([2, 3]),
        removing_replicas: nodes([1]),
        adding_replicas: nodes([4]),
        leader: NodeId::NONE,
        leader_recovery_state: 1,
        leader_epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(9),
        directories: if version >= 1 { dirs([0xd1, 0xd2, 0xd3]) } else { dirs([]) },
        eligible_leader_replicas: (version >= 2).then(|| nodes([1])),
        last_known_elr: (version >= 2).then(|| nodes([])),
    }
}

fn no_change() -> PartitionChange {
    PartitionChange::nothing(TopicIdPartition { topic_id: TOPIC, partition: 7 })
}

fn partition_change(version: i16) -> PartitionChange {
    PartitionChange {
        isr: Some(nodes([2])),
        leader: NodeId::NONE,
        replicas: Some(nodes([1, 2])),
        removing_replicas: Some(nodes([])),
        adding_replicas: Some(nodes([300])),
        leader_recovery_state: 0,
        eligible_leader_replicas: (version >= 2).then(|| nodes([1])),
        last_known_elr: (version >= 2).then(|| nodes([])),
        directories: (version >= 1).then(|| dirs([0xd1, 0xd2])),
        ..no_change()
    }
}

fn registration_change(version: i16) -> BrokerRegistrationChange {
    BrokerRegistrationChange {
        broker_id: BROKER,
        broker_epoch: EPOCH,
        fenced: -1,
        in_controlled_shutdown: i8::from(version >= 1),
        log_dirs: if version >= 2 { dirs([0xd1]) } else { dirs([]) },
        cordoned_log_dirs: (version >= 3).then(|| dirs([])),
    }
}

fn config(resource_type: i8, resource: &str, value: Option<&str>) -> Config {
    let (resource_name, name) = (resource.into(), "retention.ms".into());
    Config { resource_type, resource_name, name, value: value.map(Rc::from) }
}

/// The records of [`GOLDEN`].
fn written() -> Vec<(MetadataRecord, i16)> {
    let mut all: Vec<(MetadataRecord, i16)> = Vec::new();
    all.extend((0..=4).map(|version| (register_broker(version).into(), version)));
    all.push((UnregisterBroker { broker_id: BROKER, broker_epoch: EPOCH }.into(), 0));
    all.push((Topic { name: "orders".into(), topic_id: TOPIC }.into(), 0));
    all.extend((0..=2).map(|version| (partition(version).into(), version)));
    all.push((config(2, "orders", Some("1000")).into(), 0));
    all.push((config(4, "", None).into(), 0));
    all.extend((0..=2).map(|version| (partition_change(version).into(), version)));
    all.push((no_change().into(), 2));
    all.push((FenceBroker { id: BROKER, epoch: EPOCH }.into(), 0));
    all.push((UnfenceBroker { id: BROKER, epoch: EPOCH }.into(), 0));
    all.push((RemoveTopic { topic_id: TOPIC }.into(), 0));
    all.push((FeatureLevel { name: "metadata.version".into(), feature_level: 33 }.into(), 0));
    let next_producer_id = ProducerId(2000);
    all.push((ProducerIds { broker_id: BROKER, broker_epoch: EPOCH, next_producer_id }.into(), 0));
    all.extend((0..=3).map(|version| (registration_change(version).into(), version)));
    all.push((NoOp {}.into(), 0));
    all.push((ZkMigrationState { zk_migration_state: 3 }.into(), 0));
    all.push((BeginTransaction { name: Some("Bootstrap records".into()) }.into(), 0));
    all.push((BeginTransaction { name: None }.into(), 0));
    all.push((EndTransaction {}.into(), 0));
    all.push((AbortTransaction { reason: Some("Controller failover".into()) }.into(), 0));
    let controller = RegisterController {
        controller_id: BROKER,
        incarnation_id: uuid(0xa1),
        zk_migration_ready: true,
        end_points: end_points(),
        features: features(),
    };
    all.push((controller.into(), 0));
    all.push((ClearElr { topic_name: "orders".into() }.into(), 0));
    all.push((UnregisterController { controller_id: BROKER }.into(), 0));
    all
}

#[test]
fn records_have_kafkas_bytes() {
    let written = written();
    assert_eq!(written.len(), GOLDEN.len());
    for ((record, version), (name, golden_version, golden)) in written.iter().zip(GOLDEN) {
        assert_eq!(version, golden_version, "{name}");
        let frame = record.frame(*version).expect("it has this version");
        assert_eq!(hex(&frame), *golden, "{name} {version}");
        assert_eq!(MetadataRecord::read(&frame).as_ref(), Ok(record), "{name} {version}");
        for cut in 0..frame.len() {
            assert!(MetadataRecord::read(&frame[..cut]).is_err(), "{name} {version} cut at {cut}");
        }
        let longer = [&frame[..], &[0]].concat();
        assert_eq!(MetadataRecord::read(&longer), Err(BatchError::MalformedRecord("bytes after its end")), "{name}");
    }
}

#[test]
fn what_a_version_cannot_say_is_not_written() {
    let unassigned = MetadataRecord::from(partition(0));
    assert!(unassigned.frame(2).is_ok(), "an older record in a newer version");
    let field = |field| EncodeError::FieldNotInVersion { record: "Partition", field, version: 0 };
    assert_eq!(MetadataRecord::from(partition(1)).frame(0), Err(field("directories")));
    let version_3 = EncodeError::UnknownVersion { record: "PartitionRecord", version: 3 };
    assert_eq!(unassigned.frame(3), Err(version_3));
    let long: Rc<str> = "x".repeat(0x8000).into();
    assert_eq!(MetadataRecord::from(ClearElr { topic_name: long }).frame(0), Err(EncodeError::StringTooLong(0x8000)));
}

#[test]
fn nothing_is_skipped_but_unknown_tags() {
    let unknown =
        |frame_version, api_key, version| Err(BatchError::UnknownMetadataRecord { frame_version, api_key, version });
    assert_eq!(MetadataRecord::read(&[0, 20, 0, 0]), unknown(0, 20, 0));
    assert_eq!(MetadataRecord::read(&[1, 13, 0, 0]), unknown(1, 13, 0));
    assert_eq!(MetadataRecord::read(&[1, 20, 1, 0]), unknown(1, 20, 1));
    // A number of the append model, and a field of a Kafka to come.
    assert_eq!(MetadataRecord::read(&[1, 20, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]), Ok(NoOp {}.into()));
    let begin = MetadataRecord::read(&[1, 23, 0, 2, 0, 2, 2, b'x', 9, 1, 0]);
    assert_eq!(begin, Ok(BeginTransaction { name: Some("x".into()) }.into()));
    // A known tag of a version to come, a known tag with bytes to spare, a null name.
    let mut change = MetadataRecord::from(partition_change(1)).frame(1).expect("it has version 1");
    change[2] = 0;
    let refused = BatchError::MalformedRecord("a tag that its version does not have");
    assert_eq!(MetadataRecord::read(&change), Err(refused));
    assert!(MetadataRecord::read(&[1, 23, 0, 1, 0, 3, 2, b'x', 0]).is_err());
    assert!(MetadataRecord::read(&[1, 28, 0, 0, 0]).is_err());
}

#[test]
fn the_version_follows_metadata_version_or_what_is_said() {
    let versions = |record: MetadataRecord| [7, 8, 17, 23, 30, 33].map(|mv| record.version_for(MetadataVersion(mv)));
    assert_eq!(versions(register_broker(0).into()), [1, 2, 3, 3, 4, 4]);
    assert_eq!(versions(partition(0).into()), [0, 0, 1, 2, 2, 2]);
    assert_eq!(versions(no_change().into()), [0, 0, 1, 2, 2, 2]);
    assert_eq!(versions(NoOp {}.into()), [0; 6]);
    for version in 0..=3 {
        assert_eq!(versions(registration_change(version).into()), [version; 6]);
    }
}

#[test]
fn a_batch_decodes_its_records_once_for_all() {
    let mut builder = BatchBuilder::new(Offset(40), LeaderEpoch(3), 0);
    builder.value(7).no_op();
    let (topic, config) = (Topic { name: "orders".into(), topic_id: TOPIC }, config(2, "orders", None));
    let records: [MetadataRecord; 4] = [NoOp {}.into(), NoOp {}.into(), topic.into(), config.into()];
    for record in &records[2..] {
        builder.record(&record.frame(0).expect("it has version 0"));
    }
    let built = builder.build();
    let first = built.metadata_records().expect("what was written").collect::<Vec<_>>();
    assert_eq!(first, (40..).map(Offset).zip(&records).collect::<Vec<_>>());
    let again = built.metadata_records().expect("what was written").collect::<Vec<_>>();
    assert!(first.iter().zip(&again).all(|((_, a), (_, b))| std::ptr::eq(*a, *b)));

    let stranger = BatchBuilder::new(Offset(0), LeaderEpoch(0), 0).record(&[1, 20, 0, 0]).record(&[1, 6, 0, 0]).build();
    let unknown = BatchError::UnknownMetadataRecord { frame_version: 1, api_key: 6, version: 0 };
    assert_eq!(stranger.metadata_records().err(), Some(unknown));
}

proptest! {
    #[test]
    fn what_is_written_is_read(record in any_record(), metadata_version in 7..=33_i16) {
        let newest = record.frame(record.max_version()).expect("the newest version says all");
        prop_assert_eq!(MetadataRecord::read(&newest), Ok(record.clone()));
        for version in 0..record.max_version() {
            if let Ok(frame) = record.frame(version) {
                prop_assert_eq!(MetadataRecord::read(&frame), Ok(record.clone()));
            }
        }
        let version = record.version_for(MetadataVersion(metadata_version));
        prop_assert!((0..=record.max_version()).contains(&version));
        let batch = BatchBuilder::new(Offset(0), LeaderEpoch(0), 0).record(&newest).build();
        let (parsed, _) = Batch::parse(&batch.bytes).expect("what was built");
        prop_assert_eq!(parsed.metadata_records().expect("what was written").next(), Some((Offset(0), &record)));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(key in 0..32_u8, version in 0..5_u8, tail in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = MetadataRecord::read(&[&[1, key, version][..], &tail].concat());
    }
}
