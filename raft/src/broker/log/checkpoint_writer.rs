//! The checkpoints as two threads write them: the scheduler's in periods, the request handler's when logs were truncated
//! or deleted, at the end, and by a fix when a log is created.
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
    /// What `replication-offset-checkpoint` holds when the ordered effects are performed.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::BrokerConfig;
    use crate::fixes::Fixes;
    use crate::ids::NodeId;
    use crate::io::{DurableFiles, Effect};
    use crate::test_disk::TestDisk;

    const HIGH_WATERMARK: OffsetCheckpoint = OffsetCheckpoint::HighWatermark;

    fn of(high_watermark: i64) -> Offsets {
        [(("t".into(), 0), Offset(high_watermark))].into()
    }

    struct Written {
        writer: CheckpointWriter,
        disk: TestDisk,
    }

    impl Written {
        fn new() -> Written {
            let fixes = Fixes::NONE.with(Fix::ForgetHighWatermarkOfFormerTopic);
            let config = PartitionLogConfig { fixes, ..BrokerConfig::new(NodeId(1)).log };
            Written { writer: CheckpointWriter::new(config, Offsets::new()), disk: TestDisk::default() }
        }

        fn perform<T>(&mut self, step: impl FnOnce(&mut CheckpointWriter, &mut Out) -> T) -> T {
            let mut out = Out::default();
            let came = step(&mut self.writer, &mut out);
            self.disk.apply(&mut out);
            came
        }

        fn finish(&mut self) {
            self.perform(|writer, out| {
                let is_dirty = writer.finish(out);
                out.effects.extend(is_dirty.then_some(Effect::FsyncDirectory));
            });
        }

        fn in_file(&self) -> Option<Offsets> {
            self.disk.read(HIGH_WATERMARK.path())?;
            Some(HIGH_WATERMARK.read(&self.disk).expect("well formed"))
        }
    }

    #[test]
    fn what_another_thread_writes_takes_the_place_of_what_the_scheduler_has_begun() {
        let mut it = Written::new();
        it.writer.collect(HIGH_WATERMARK, of(1));
        assert!(it.writer.has_collected() && it.perform(CheckpointWriter::begin) && !it.writer.has_collected());
        assert_eq!(it.in_file(), None, "its temporary file is written");
        it.perform(|writer, out| writer.write(HIGH_WATERMARK, of(2), out));
        it.finish();
        assert_eq!(it.in_file(), Some(of(2)));
    }

    #[test]
    fn a_checkpoint_that_is_collected_meanwhile_is_written_next() {
        let mut it = Written::new();
        it.writer.collect(HIGH_WATERMARK, of(1));
        assert!(it.perform(CheckpointWriter::begin));
        it.writer.collect(HIGH_WATERMARK, of(2));
        it.finish();
        assert_eq!(it.in_file(), None);
        assert!(it.perform(CheckpointWriter::begin));
        it.finish();
        assert_eq!(it.in_file(), Some(of(2)));
        it.disk.lose_power();
        assert_eq!(it.in_file(), Some(of(2)));
    }

    #[test]
    fn a_new_log_takes_its_line_from_what_is_collected_or_begun_too() {
        for begins in [false, true] {
            let mut it = Written::new();
            it.writer.collect(HIGH_WATERMARK, of(1));
            if begins {
                assert!(it.perform(CheckpointWriter::begin));
            }
            it.perform(|writer, out| writer.forget_high_watermark(&("t".into(), 0), out));
            assert_eq!(it.in_file(), Some(Offsets::new()));
            it.perform(CheckpointWriter::begin);
            it.finish();
            assert_eq!(it.in_file(), Some(Offsets::new()));
        }
    }
}
