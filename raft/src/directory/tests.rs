//! Reading a log directory: what the model writes is found, and damage is told with its place.

use std::rc::Rc;

use super::{Contents, LogDirectory, Meaning, Recovery};
use crate::bugs::Bugs;
use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId, Uuid};
use crate::io::Out;
use crate::log::{BatchBuilder, BatchProducer, ControlRecord, LeaderChange, MetaProperties, write_meta_properties};
use crate::metadata::MetadataRecord;
use crate::metadata::records::{BeginTransaction, EndTransaction, Topic};
use crate::test_disk::TestDisk;

const LOG: &str = "__cluster_metadata-0/00000000000000000000.log";
const DATA: &str = "t-0/00000000000000000000.log";

fn topic(name: &str, id: u8) -> MetadataRecord {
    Topic { name: name.into(), topic_id: Uuid([id; 16]) }.into()
}

fn batch(base: i64, records: &[MetadataRecord]) -> Rc<[u8]> {
    let mut builder = BatchBuilder::new(Offset(base), LeaderEpoch(1), 1000);
    for record in records {
        builder.record(&record.frame(0).expect("a version that it has"));
    }
    Rc::clone(&builder.build().bytes)
}

/// A LeaderChange, a topic, and a batch of two further ones.
fn disk() -> TestDisk {
    let mut out = Out::default();
    let (cluster_id, directory_id) = ("c".into(), Uuid([7; 16]));
    write_meta_properties(&MetaProperties { cluster_id, node_id: NodeId(3), directory_id }, Bugs::NONE, &mut out);
    let mut disk = TestDisk::default();
    disk.apply(&mut out);
    let one = [NodeId(3)].into_iter().collect::<smallvec::SmallVec<[NodeId; 7]>>();
    let change = LeaderChange { leader_id: NodeId(3), voters: one.clone(), granting_voters: one };
    let mut leader = BatchBuilder::new(Offset(0), LeaderEpoch(1), 1000);
    let leader = leader.control(ControlRecord::LeaderChange(change)).build();
    let log = [&leader.bytes[..], &batch(1, &[topic("a", 1)]), &batch(2, &[topic("b", 2), topic("c", 3)])].concat();
    disk.put(LOG, &log);
    disk.put("__cluster_metadata-0/leader-epoch-checkpoint", b"0\n1\n1 0\n");
    disk.put("__cluster_metadata-0/00000000000000000000.index", b"");
    disk
}

#[test]
fn everything_is_found() {
    let mut disk = disk();
    let producer = BatchProducer { id: ProducerId(4), epoch: 1, base_sequence: 9 };
    let data = BatchBuilder::new(Offset(0), LeaderEpoch(0), 5).producer(producer).value(17).value(18).build();
    disk.put(DATA, &data.bytes);
    disk.put("t-0/partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAg");
    disk.put("recovery-point-offset-checkpoint", b"0\n1\nt 0 1\n");
    disk.put("broker-101/meta.properties", b"");
    let found = LogDirectory::read(&disk).expect("a log directory");
    assert_eq!(found.damage, []);
    assert_eq!(found.meta_properties.as_ref().map(|meta| meta.node_id), Some(NodeId(3)));
    let names: Vec<&str> = found.partitions.iter().map(|partition| &*partition.directory).collect();
    assert_eq!(names, ["__cluster_metadata-0", "t-0"]);
    let not_read: Vec<&str> = found.not_read.iter().map(|path| &**path).collect();
    assert_eq!(not_read, ["__cluster_metadata-0/00000000000000000000.index", "broker-101/meta.properties"]);

    let batches = &found.metadata().expect("the metadata log").segments[0].batches;
    assert!(matches!(&batches[0].records[0].meaning, Meaning::Control { name, .. } if name == "LEADER_CHANGE"));
    let third = &batches[2];
    assert_eq!(
        (third.base_offset, third.last_offset, third.epoch, third.is_valid),
        (Offset(2), Offset(3), LeaderEpoch(1), true)
    );
    let name = |record: usize| match &third.records[record].meaning {
        Meaning::Metadata { name, version: 0, .. } => name.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((name(0), name(1), third.records[1].offset), ("TOPIC_RECORD".into(), "TOPIC_RECORD".into(), Offset(3)));
    let of_data = &found.partitions[1].segments[0].batches[0];
    assert_eq!((of_data.producer, of_data.records.len()), (Some(producer), 2));

    let mut damage = Vec::new();
    let contents = Contents::of(&found, None, &mut damage).expect("an image");
    assert_eq!((contents.offset, contents.image.topics().topics_by_id().len(), damage), (Offset(3), 3, Vec::new()));
    let boot = Recovery::of(&disk, &found);
    assert_eq!(boot.metadata.expect("a log").expect("it opens").end, Offset(4));
    let logs = boot.data.expect("they open");
    assert_eq!((logs.len(), logs[0].log.end, logs[0].recovery_point), (1, Offset(2), Offset(1)));
}

#[test]
fn damage_is_told_with_its_place_and_hides_nothing_else() {
    let whole = disk();
    let bytes = crate::io::DurableFiles::read(&whole, LOG).expect("the log");
    let third = bytes.len() - batch(2, &[topic("b", 2), topic("c", 3)]).len();
    let found = |bytes: &[u8]| {
        let mut disk = disk();
        disk.put(LOG, bytes);
        LogDirectory::read(&disk).expect("a log directory")
    };
    let torn = found(&bytes[..bytes.len() - 1]);
    let message = torn.damage[0].to_string();
    assert!(message.starts_with(&format!("{LOG}: at byte {third}: the batch needs ")), "{message}");
    assert_eq!(torn.metadata().expect("a log").segments[0].batches.len(), 2);

    let mut flipped = bytes.clone();
    flipped[third - 1] ^= 1;
    let corrupt = found(&flipped);
    assert!(corrupt.damage.len() == 1 && corrupt.damage[0].to_string().contains("crc is "), "{:?}", corrupt.damage);
    let batches = &corrupt.metadata().expect("a log").segments[0].batches;
    assert_eq!(
        batches.iter().map(|batch| (batch.is_valid, batch.records.len())).collect::<Vec<_>>(),
        [(true, 1), (false, 0), (true, 2)]
    );

    let mut disk = disk();
    disk.put("meta.properties", b"version=1\n");
    disk.put("__cluster_metadata-0/leader-epoch-checkpoint", b"0\n2\n1 0\n");
    let found = LogDirectory::read(&disk).expect("a log directory");
    let messages: Vec<String> = found.damage.iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(
        messages[0].starts_with("meta.properties: ") && messages[1].contains("leader-epoch-checkpoint: "),
        "{messages:?}"
    );
    assert!(LogDirectory::read(&TestDisk::default()).is_none());
}

#[test]
fn an_open_transaction_is_not_in_the_image() {
    let mut disk = disk();
    let bytes = crate::io::DurableFiles::read(&disk, LOG).expect("the log");
    let begin = BeginTransaction { name: None };
    let open = [&bytes[..], &batch(4, &[begin.into(), topic("d", 4)])].concat();
    disk.put(LOG, &open);
    let contents = |disk: &TestDisk| {
        Contents::of(&LogDirectory::read(disk).expect("a directory"), None, &mut Vec::new()).expect("an image")
    };
    let found = contents(&disk);
    assert_eq!((found.in_transaction, found.image.topics().topics_by_id().len()), (true, 3));
    disk.put(LOG, &[&open[..], &batch(6, &[EndTransaction {}.into()])].concat());
    let found = contents(&disk);
    assert_eq!((found.in_transaction, found.image.topics().topics_by_id().len()), (false, 4));
}

/// Records that no simulated node writes are decoded by their definitions.
#[test]
fn records_of_other_types_are_decoded() {
    let mut disk = disk();
    let bytes = crate::io::DurableFiles::read(&disk, LOG).expect("the log");
    let mut builder = BatchBuilder::new(Offset(4), LeaderEpoch(1), 1000);
    // ClientQuotaRecord v0: no entity, a key, 5.0, removed.
    builder.record(&[1, 14, 0, 1, 2, b'k', 0x40, 0x14, 0, 0, 0, 0, 0, 0, 1, 0]);
    // UserScramCredentialRecord v0, whose secrets are not shown.
    builder.record(&[1, 11, 0, 2, b'u', 1, 2, 9, 2, 9, 2, 9, 0, 0, 16, 0, 0]);
    disk.put(LOG, &[&bytes[..], &builder.build().bytes].concat());
    let found = LogDirectory::read(&disk).expect("a log directory");
    assert_eq!(found.damage, []);
    let records = &found.metadata().expect("a log").segments[0].batches[3].records;
    let shown = |index: usize| format!("{:?}", records[index].meaning);
    assert!(shown(0).contains("CLIENT_QUOTA_RECORD"), "{}", shown(0));
    assert!(shown(1).contains("(redacted)") && shown(1).contains("Number(4096)"), "{}", shown(1));
    let contents = Contents::of(&found, None, &mut Vec::new()).expect("an image");
    assert_eq!(contents.without_place, 2);
}
