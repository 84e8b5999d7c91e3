//! What a snapshot of 1,000,000 records costs: to write it from an image, and to load one from its bytes. Budget: less than
//! 2 s each. `cargo bench -p scenarios --bench snapshot`.

use std::hint::black_box;
use std::rc::Rc;
#[expect(clippy::disallowed_types, reason = "a bench measures")]
use std::time::Instant;

use raft::bugs::Bugs;
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, Uuid};
use raft::metadata::image::MetadataChanges;
use raft::metadata::records::{FeatureLevel, Partition, Topic};
use raft::metadata::{MetadataImage, MetadataRecord, MetadataVersion};
use raft::snapshot::{Snapshot, SnapshotWriter};

const TOPICS: u32 = 10_000;
const PARTITIONS: i32 = 99;
const ROUNDS: usize = 5;
const ID: OffsetAndEpoch = OffsetAndEpoch { offset: Offset(1_000_000), epoch: LeaderEpoch(1) };

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures")]
fn time<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

fn image() -> MetadataImage {
    let mut image = MetadataImage::default();
    let mut replay = |record| image.replay(&record, &mut MetadataChanges::default()).expect("a good record");
    let feature_level = MetadataVersion::LATEST_PRODUCTION.0;
    replay(MetadataRecord::FeatureLevel(FeatureLevel { name: MetadataVersion::FEATURE_NAME.into(), feature_level }));
    let replicas: Rc<[NodeId]> = [1, 2, 3].map(NodeId).into();
    let directories: Rc<[Uuid]> = [1, 2, 3].map(|n| Uuid([n; 16])).into();
    for topic in 0..TOPICS {
        let topic_id = Uuid((u128::from(topic) + 1000).to_be_bytes());
        replay(MetadataRecord::Topic(Topic { name: format!("topic-{topic}").into(), topic_id }));
        for partition_id in 0..PARTITIONS {
            replay(MetadataRecord::Partition(Partition {
                partition_id,
                topic_id,
                replicas: Rc::clone(&replicas),
                isr: Rc::clone(&replicas),
                removing_replicas: Rc::default(),
                adding_replicas: Rc::default(),
                leader: NodeId(1),
                leader_recovery_state: 0,
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(0),
                directories: Rc::clone(&directories),
                eligible_leader_replicas: None,
                last_known_elr: None,
            }));
        }
    }
    image
}

fn write(image: &MetadataImage) -> Vec<u8> {
    let mut writer = SnapshotWriter::new(ID, (0, None), 0, 0);
    let version = image.features().metadata_version_or_minimum();
    let mut bytes = Vec::new();
    image.write(&mut |record| {
        writer.append(&record.frame(record.version_for(version)).expect("a version with all fields"), 0);
        writer.drain().iter().for_each(|batch| bytes.extend_from_slice(&batch.bytes));
    });
    writer.freeze(0).iter().for_each(|batch| bytes.extend_from_slice(&batch.bytes));
    bytes
}

fn load(bytes: &[u8]) -> MetadataImage {
    let snapshot = Snapshot::read(ID, bytes, Bugs::NONE).expect("a snapshot");
    let mut image = MetadataImage::default();
    for (_, record) in snapshot.metadata_records() {
        image.replay(record, &mut MetadataChanges::default()).expect("a good record");
    }
    image
}

fn main() {
    let image = image();
    let (mut writes, mut loads) = (Vec::new(), Vec::new());
    let mut size = 0;
    for _ in 0..ROUNDS {
        let (seconds, bytes) = time(|| write(&image));
        writes.push(seconds);
        let (seconds, loaded) = time(|| load(&bytes));
        loads.push(seconds);
        assert!(black_box(&loaded) == &image, "the image is the same");
        size = bytes.len();
    }
    let median = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    println!(
        "a snapshot of 1,000,001 records, {:.1} MB: written in {:.2} s, loaded in {:.2} s  (budget < 2 s each)",
        size as f64 / 1e6,
        median(writes),
        median(loads)
    );
}
