//! A disk in memory that never fails, and the files that healthy nodes leave on it.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::broker::log::{LogManager, OffsetCheckpoint, PartitionLogConfig};
use raft::bugs::Bugs;
use raft::fixes::Fixes;
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, Uuid};
use raft::io::{DurableFiles, Effect, FileHandle, Now, Out};
use raft::log::{Batch, BatchBuilder, BatchProducer, ControlRecord, ElectionState, LeaderChange, LogConfig, RaftLog};
use raft::log::{MetaProperties, QuorumStateFormat, Records, write_election_state, write_meta_properties};

/// A configuration with segments of a few batches each.
pub const LOG: LogConfig =
    LogConfig { segment_bytes: 256, segment_ms: 604_800_000, bugs: Bugs::NONE, fixes: Fixes::NONE };
/// As [`LOG`], for data partitions.
pub const PARTITION_LOG: PartitionLogConfig = PartitionLogConfig {
    segment_bytes: 256,
    segment_ms: 604_800_000,
    max_message_bytes: 1 << 20,
    bugs: Bugs::NONE,
    fixes: Fixes::NONE,
};
/// Topic id of the data partition `t-0`.
pub const TOPIC_ID: Uuid = Uuid([7; 16]);
pub const TOPIC: &str = "t";

#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<Rc<str>, Vec<u8>>,
    open: BTreeMap<FileHandle, Rc<str>>,
}

impl Disk {
    /// Writes a file.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.into(), bytes.to_vec());
    }

    /// Performs all file effects. An invalid effect fails the target.
    pub fn apply(&mut self, out: &mut Out) {
        for effect in out.effects.drain(..) {
            match effect {
                Effect::Open { file, path, truncate } => {
                    let bytes = self.files.entry(Rc::clone(&path)).or_default();
                    if truncate {
                        bytes.clear();
                    }
                    self.open.insert(file, path);
                }
                Effect::Append { file, bytes } => self.bytes(file).extend_from_slice(&bytes),
                Effect::Truncate { file, len } => {
                    let bytes = self.bytes(file);
                    let len = usize::try_from(len).expect("a file in memory");
                    assert!(len <= bytes.len(), "a file of {} bytes is cut to {len}", bytes.len());
                    bytes.truncate(len);
                }
                Effect::Rename { from, to } => {
                    let bytes = self.files.remove(&from).expect("what is renamed exists");
                    self.open.values_mut().filter(|path| **path == from).for_each(|path| *path = Rc::clone(&to));
                    self.files.insert(to, bytes);
                }
                Effect::Unlink { path } => {
                    self.files.remove(&path).expect("what is unlinked exists");
                }
                _ => {}
            }
        }
    }

    fn bytes(&mut self, file: FileHandle) -> &mut Vec<u8> {
        let path = self.open.get(&file).expect("the file is open");
        self.files.get_mut(path).expect("an open file exists")
    }
}

impl DurableFiles for Disk {
    fn paths(&self) -> Vec<Rc<str>> {
        self.files.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.get(path).cloned()
    }
}

/// A controller's disk: the metadata log in three segments and two epochs, and its small files.
pub fn of_controller() -> Disk {
    let mut disk = Disk::default();
    let mut out = Out::default();
    let id = NodeId(1);
    write_meta_properties(
        &MetaProperties { cluster_id: "cluster".into(), node_id: id, directory_id: TOPIC_ID },
        Bugs::NONE,
        &mut out,
    );
    let state = ElectionState { epoch: LeaderEpoch(2), leader_id: Some(id), voted: None };
    let voters = [id, NodeId(2), NodeId(3)];
    write_election_state(&state, QuorumStateFormat::Version0 { voters: &voters }, Bugs::NONE, &mut out);
    disk.apply(&mut out);
    let mut log = RaftLog::open(&disk, LOG, Now::default(), &mut out).expect("an empty disk");
    for (epoch, base) in [(1, 0), (2, 5)] {
        let (epoch, base) = (LeaderEpoch(epoch), Offset(base));
        log.assign_epoch_start(epoch, base, &mut out);
        log.append_as_leader(&leader_change(base, epoch), 0, &mut out).expect("a good batch");
        for _ in 0..2 {
            log.append_as_leader(&data(log.end_offset(), epoch, None), 0, &mut out).expect("a good batch");
        }
        log.flush(&mut out);
    }
    disk.apply(&mut out);
    disk
}

/// A broker's disk: one partition in three segments with batches of an idempotent producer, its checkpoints, and the
/// marker of a clean shutdown.
pub fn of_broker() -> Disk {
    let mut disk = Disk::default();
    let mut out = Out::default();
    let mut manager = LogManager::load(&disk, PARTITION_LOG).expect("an empty disk");
    manager.start(|_| true, &mut out);
    let mut log = manager.open(TOPIC, TOPIC_ID, 0, &mut out);
    log.assign_epoch_start(LeaderEpoch(0), Offset(0), &mut out);
    for sequence in [0, 2, 4, 6] {
        let producer = BatchProducer { id: raft::ids::ProducerId(1000), epoch: 0, base_sequence: sequence };
        let batch = data(Offset(0), LeaderEpoch(0), Some(producer));
        log.append_as_leader(&Records([batch].into_iter().collect()), LeaderEpoch(0), 0, &mut out)
            .expect("a good batch");
    }
    log.update_high_watermark(Offset(6));
    let topic: Rc<str> = TOPIC.into();
    manager.write_checkpoint(OffsetCheckpoint::HighWatermark, [(&topic, 0, &log)].into_iter(), &mut out);
    manager.shut_down([(&topic, 0, &mut log)].into_iter(), BrokerEpoch(42), &mut out);
    disk.apply(&mut out);
    disk
}

/// The control batch with which leaders begin their epoch.
pub fn leader_change(base: Offset, epoch: LeaderEpoch) -> Rc<Batch> {
    let voters = || [1, 2, 3].into_iter().map(NodeId).collect();
    let change = LeaderChange { leader_id: NodeId(1), voters: voters(), granting_voters: voters() };
    BatchBuilder::new(base, epoch, 1_700_000_000_000).control(ControlRecord::LeaderChange(change)).build()
}

/// A batch with a number and a no-op record.
pub fn data(base: Offset, epoch: LeaderEpoch, producer: Option<BatchProducer>) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(base, epoch, 1_700_000_000_000);
    if let Some(producer) = producer {
        builder.producer(producer);
    }
    builder.value(0x1122_3344_5566_7788).no_op().build()
}
