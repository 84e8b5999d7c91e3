//! The checkpoints as two threads write them: the scheduler's in periods, the request handler's when logs were truncated
//! or deleted, and at the end.
//!
//! The scheduler's thread writes what the request handler has collected: what the latter's earlier steps have ordered behind
//! an fsync has happened then. Kafka's threads take turns (`CheckpointFile.lock`); here what the request handler writes while
//! the scheduler's thread does takes the place of that.

use std::rc::Rc;

use super::checkpoints::{OffsetCheckpoint, Offsets};
use super::partition_log_config::PartitionLogConfig;
use crate::fixes::Fix;
use crate::ids::Offset;
use crate::io::Out;
use crate::log::Force;

#[derive(Clone, Debug)]
pub struct CheckpointWriter {
    config: PartitionLogConfig,
    /// What `replication-offset-checkpoint` holds.
    high_watermarks: Offsets,
    /// At most one of each kind.
    of_scheduler: Vec<Collected>,
}

/// A checkpoint for the scheduler's thread.
#[derive(Clone, Debug)]
struct Collected {
    which: OffsetCheckpoint,
    offsets: Offsets,
    /// Its temporary file is being written.
    is_begun: bool,
}

impl CheckpointWriter {
    pub fn new(config: PartitionLogConfig, high_watermarks: Offsets) -> CheckpointWriter {
        CheckpointWriter { config, high_watermarks, of_scheduler: Vec::new() }
    }

    /// By the request handler's thread.
    pub fn write(&mut self, which: OffsetCheckpoint, offsets: Offsets, out: &mut Out) {
        self.of_scheduler.retain(|other| other.which != which);
        which.write(&offsets, self.config.bugs, out);
        self.is_in_place(which, offsets);
    }

    /// For the scheduler's thread.
    pub fn collect(&mut self, which: OffsetCheckpoint, offsets: Offsets) {
        self.of_scheduler.retain(|other| other.which != which);
        self.of_scheduler.push(Collected { which, offsets, is_begun: false });
    }

    pub fn has_collected(&self) -> bool {
        self.of_scheduler.iter().any(|checkpoint| !checkpoint.is_begun)
    }

    /// The scheduler's thread writes temporary files. Returns whether there are any; [`CheckpointWriter::finish`] must be called
    /// when everything before it in the list is complete.
    pub fn begin(&mut self, out: &mut Out) -> bool {
        let collected = self.of_scheduler.iter_mut().filter(|checkpoint| !checkpoint.is_begun);
        let mut begins = false;
        for checkpoint in collected {
            checkpoint.which.begin(&checkpoint.offsets, self.config.bugs, out);
            checkpoint.is_begun = true;
            begins = true;
        }
        begins
    }

    /// Puts them in their place. Returns whether the directory has to be forced.
    pub fn finish(&mut self, out: &mut Out) -> bool {
        let (begun, left) =
            std::mem::take(&mut self.of_scheduler).into_iter().partition(|checkpoint| checkpoint.is_begun);
        self.of_scheduler = left;
        let is_dirty = !Vec::is_empty(&begun) && Force::durable(self.config.bugs) == Force::Durable;
        for Collected { which, offsets, .. } in begun {
            which.put_in_place(out);
            self.is_in_place(which, offsets);
        }
        is_dirty
    }

    /// [`Fix::ForgetHighWatermarkOfFormerTopic`]: the checkpoint has no offset of a log that is created now.
    pub fn forget_high_watermark(&mut self, partition: &(Rc<str>, i32), out: &mut Out) {
        let forgets = self.config.fixes.has(Fix::ForgetHighWatermarkOfFormerTopic);
        if forgets && self.has_high_watermark(partition) {
            let mut offsets = std::mem::take(&mut self.high_watermarks);
            offsets.remove(partition);
            self.write(OffsetCheckpoint::HighWatermark, offsets, out);
        }
    }

    /// In the file, or soon.
    fn has_high_watermark(&self, partition: &(Rc<str>, i32)) -> bool {
        let collected = self.of_scheduler.iter().filter(|other| other.which == OffsetCheckpoint::HighWatermark);
        let mut all = collected.map(|checkpoint| &checkpoint.offsets).chain([&self.high_watermarks]);
        all.any(|offsets| offsets.get(partition).is_some_and(|offset| *offset > Offset(0)))
    }

    fn is_in_place(&mut self, which: OffsetCheckpoint, offsets: Offsets) {
        if which == OffsetCheckpoint::HighWatermark {
            self.high_watermarks = offsets;
        }
    }
}
