//! Snapshots and their files: names, bytes, what a reader refuses; an image that goes through a snapshot is the same.

use proptest::prelude::*;

use super::writer::SnapshotWriter;
use super::*;
use crate::bugs::Bugs;
use crate::ids::{NodeId, Uuid};
use crate::log::{Batch, BatchError, ControlRecord};
use crate::metadata::image::MetadataChanges;
use crate::metadata::records::FeatureLevel;
use crate::metadata::tests::history::{choices, plain_history};
use crate::metadata::{MetadataImage, MetadataRecord, MetadataVersion};
use crate::voter_set::{Endpoint, KRaftVersionFeature, VoterNode, VoterSet};

const ID: OffsetAndEpoch = OffsetAndEpoch { offset: Offset(51), epoch: LeaderEpoch(3) };

fn bytes(batches: &[std::rc::Rc<Batch>]) -> Vec<u8> {
    batches.iter().flat_map(|batch| batch.bytes.iter().copied()).collect()
}

/// A snapshot of an image, in batches of at most so many bytes.
fn written(image: &MetadataImage, max_batch_bytes: usize) -> Vec<u8> {
    let mut writer = SnapshotWriter::with_batches_of(max_batch_bytes, ID, (0, None), 7, 8);
    let version = image.features().metadata_version_or_minimum();
    let mut written = Vec::new();
    image.write(&mut |record| {
        writer.append(&record.frame(record.version_for(version)).expect("a version that has all fields"), 9);
        written.extend(writer.drain());
    });
    written.extend(writer.freeze(10));
    bytes(&written)
}

fn loaded(snapshot: &Snapshot) -> MetadataImage {
    let mut image = MetadataImage::default();
    for (_, record) in snapshot.metadata_records() {
        image.replay(record, &mut MetadataChanges::default()).expect("a good record");
    }
    image
}

#[test]
fn names_are_kafkas() {
    let path = "__cluster_metadata-0/00000000000000000051-0000000003.checkpoint";
    assert_eq!(&*snapshot_path(ID), path);
    for (path, file) in [
        (path.to_owned(), Some(SnapshotFile::Complete(ID))),
        (partial_path(ID, 7).to_string(), Some(SnapshotFile::Partial(ID))),
        (path.replace(".checkpoint", "-123456789.checkpoint.part"), Some(SnapshotFile::Partial(ID))),
        (deleted_path(ID).to_string(), Some(SnapshotFile::Deleted(ID))),
        (path.replace("__cluster_metadata-0/", ""), None),
        (path.replace("checkpoint", "log"), None),
        ("__cluster_metadata-0/leader-epoch-checkpoint".to_owned(), None),
        ("__cluster_metadata-0/00000000000000000051.log".to_owned(), None),
    ] {
        assert_eq!(SnapshotFile::parse(&path), file, "{path}");
    }
}

#[test]
fn a_snapshot_has_kafkas_batches_and_begins_with_its_header() {
    let image = MetadataImage::default();
    let all = written(&image, 1 << 20);
    let snapshot = Snapshot::read(ID, &all, Bugs::NONE).expect("a snapshot");
    assert_eq!((snapshot.id(), snapshot.last_contained_log_timestamp_ms()), (ID, 7));
    let header = ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms: 7 };
    assert_eq!(snapshot.control_records().collect::<Vec<_>>(), [header, ControlRecord::SnapshotFooter]);
    let (header, first) = Batch::parse(&all).expect("a batch");
    assert_eq!(
        (header.base_offset, header.epoch, header.control, header.max_timestamp_ms()),
        (Offset(0), ID.epoch, true, 8)
    );
    let (data, second) = Batch::parse(&all[first..]).expect("a batch");
    assert_eq!((data.base_offset, data.epoch, data.control, data.max_timestamp_ms()), (Offset(1), ID.epoch, false, 9));
    let (footer, third) = Batch::parse(&all[first + second..]).expect("a batch");
    assert_eq!((footer.base_offset, footer.control, footer.max_timestamp_ms()), (Offset(2), true, 10));
    assert_eq!(footer.control_records().expect("good").as_slice(), [ControlRecord::SnapshotFooter]);
    assert_eq!(all.len(), first + second + third);
    // Under kraft.version 1 its level and the voters follow the header.
    let voters = VoterSet::of(vec![VoterNode {
        id: NodeId(3),
        directory_id: Some(Uuid([5; 16])),
        endpoints: [Endpoint { name: "C".into(), host: "h".into(), port: 0xffff }].into(),
        supported: KRaftVersionFeature::SUPPORTED,
    }]);
    let newer = bytes(&SnapshotWriter::new(ID, (1, Some(voters.clone())), 7, 8).freeze(9));
    let records: Vec<ControlRecord> =
        Snapshot::read(ID, &newer, Bugs::NONE).expect("a snapshot").control_records().collect();
    assert_eq!(records[1..3], [ControlRecord::KRaftVersion(1), ControlRecord::KRaftVoters(voters)]);

    // Without a footer it can be read; without its header, or with a byte that differs, it cannot.
    assert!(Snapshot::read(ID, &all[..first + second], Bugs::NONE).is_ok());
    assert_eq!(Snapshot::read(ID, &all[first..], Bugs::NONE).err(), Some(SnapshotError::NoHeader));
    assert_eq!(Snapshot::read(ID, &[], Bugs::NONE).err(), Some(SnapshotError::NoHeader));
    let mut torn = all.clone();
    torn[first + second - 1] ^= 1;
    let torn = Snapshot::read(ID, &torn, Bugs::NONE).expect_err("a corrupt batch");
    assert!(matches!(torn, SnapshotError::Batch { at, error: BatchError::Crc { .. } } if at == first), "{torn}");
}

proptest! {
    /// `SnapshotEqualsReplay`: whatever the history, the image that is read from a snapshot is the one that was written.
    #[test]
    fn an_image_is_the_same_through_a_snapshot(choices in choices(), max_batch_bytes in 100_usize..2_000) {
        // Kafka refuses a downgrade of metadata.version that would lose something of the image.
        let is_version = |record: &MetadataRecord| {
            matches!(record, MetadataRecord::FeatureLevel(feature) if &*feature.name == MetadataVersion::FEATURE_NAME)
        };
        let newest = FeatureLevel {
            name: MetadataVersion::FEATURE_NAME.into(),
            feature_level: MetadataVersion::LATEST_PRODUCTION.0,
        };
        let history = plain_history(&choices).into_iter().filter(|record| !is_version(record));
        let mut image = MetadataImage::default();
        for record in std::iter::once(MetadataRecord::FeatureLevel(newest)).chain(history) {
            image.replay(&record, &mut MetadataChanges::default()).expect("a good record");
        }
        let bytes = written(&image, max_batch_bytes);
        let loaded = loaded(&Snapshot::read(ID, &bytes, Bugs::NONE).expect("a snapshot"));
        prop_assert_eq!(loaded.digest(), image.digest());
        prop_assert!(loaded == image);
        // Batches are as large as they may be, but for one record that alone is larger.
        let mut at = 0;
        while at < bytes.len() {
            let (batch, size) = Batch::parse(&bytes[at..]).expect("a batch");
            prop_assert!(size <= max_batch_bytes || batch.offset_count() == 1);
            at += size;
        }
    }
}

/// The records of an image are in Kafka's order of parts.
#[test]
fn metadata_version_comes_first() {
    let mut records = Vec::new();
    MetadataImage::default().write(&mut |record| records.push(record));
    assert!(matches!(&records[..], [MetadataRecord::FeatureLevel(first)] if &*first.name == "metadata.version"));
}
