//! Tests of the log as a whole, over a disk that its effects are applied to.

mod batches;
mod durability;
mod model;
mod recovery;
mod snapshots;

use std::rc::Rc;

use super::batch::{Batch, BatchBuilder};
use super::log_config::LogConfig;
use super::raft_log::RaftLog;
use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::io::{Effect, Now, Out};
use crate::snapshot::SnapshotWriter;
use crate::test_disk::TestDisk;

/// Segments of a few batches each.
const CONFIG: LogConfig = LogConfig {
    segment_bytes: 256,
    segment_ms: 1_000,
    bugs: Bugs::NONE,
    fixes: Fixes::NONE.with(Fix::DropSegmentsBehindGap).with(Fix::WriteEpochsBeforeAppend),
};

/// A data batch of `count` records at `base`.
fn batch(base: i64, epoch: i32, count: u64) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(Offset(base), LeaderEpoch(epoch), 0);
    for index in 0..count {
        builder.value(base.unsigned_abs() << 8 | index);
    }
    builder.build()
}

fn at(epoch: i32, offset: i64) -> OffsetAndEpoch {
    OffsetAndEpoch { epoch: LeaderEpoch(epoch), offset: Offset(offset) }
}

/// The bytes of a snapshot without records.
fn empty_snapshot(id: OffsetAndEpoch, timestamp_ms: i64) -> Vec<u8> {
    let batches = SnapshotWriter::new(id, (0, None), timestamp_ms, 0).freeze(0);
    batches.iter().flat_map(|batch| batch.bytes.iter().copied()).collect()
}

/// Opens the log on a disk and applies what that takes.
fn open(disk: &mut TestDisk, config: LogConfig) -> RaftLog {
    let mut out = Out::default();
    let log = RaftLog::open(disk, config, Now::default(), &mut out).expect("the log opens");
    disk.apply(&mut out);
    log
}

/// Appends as leader and applies it.
fn append(log: &mut RaftLog, disk: &mut TestDisk, batch: &Rc<Batch>) {
    let mut out = Out::default();
    log.append_as_leader(batch, 0, &mut out).expect("a good batch");
    disk.apply(&mut out);
}

/// What the scheduler's thread does.
fn background(log: &mut RaftLog, disk: &mut TestDisk) {
    let mut out = Out::default();
    if log.begin_background_work(&mut out) {
        disk.apply(&mut out);
        log.finish_background_work(&mut out);
        disk.apply(&mut out);
    }
}

/// Effects in short, for tests of their order.
fn trace(out: &Out) -> Vec<String> {
    let short = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let name = |effect: &Effect| match effect {
        Effect::Open { path, .. } => format!("open {}", short(path)),
        Effect::Append { file, .. } => format!("append {}", file.0),
        Effect::Truncate { file, len } => format!("truncate {} to {len}", file.0),
        Effect::Rename { to, .. } => format!("rename to {}", short(to)),
        Effect::Unlink { path } => format!("unlink {}", short(path)),
        Effect::Fsync { file } => format!("fsync {}", file.0),
        Effect::FsyncDirectory => "fsync directory".to_owned(),
        other => format!("{other:?}"),
    };
    out.effects.iter().map(name).collect()
}
