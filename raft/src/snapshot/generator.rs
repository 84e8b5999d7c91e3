//! When a node creates a snapshot (`SnapshotGenerator`): the publisher counts what the metadata loader has read of the log,
//! and a thread of its own writes one image at a time.

use crate::bugs::{Bug, Bugs};
use crate::metadata::MetadataImage;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct SnapshotGenerator {
    /// `metadata.log.max.record.bytes.between.snapshots`
    max_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; 0: time does not matter.
    max_interval_ns: u64,
    bytes_since_last: u64,
    last_ns: u64,
    /// Why no snapshot is created any more: a fault while one was written, or the shutdown.
    disabled: Option<&'static str>,
    /// The image that waits for the thread.
    scheduled: Option<MetadataImage>,
    is_writing: bool,
    bugs: Bugs,
}

impl SnapshotGenerator {
    /// Of a process that starts now, on the monotonic clock.
    pub fn new((max_bytes, max_interval_ns): (u64, u64), now_ns: u64, bugs: Bugs) -> SnapshotGenerator {
        SnapshotGenerator {
            max_bytes,
            max_interval_ns,
            bytes_since_last: 0,
            last_ns: now_ns,
            disabled: None,
            scheduled: None,
            is_writing: false,
            bugs,
        }
    }

    /// The loader has published an image after so many bytes of the log (`publishLogDelta`). True if the thread has to be
    /// woken. An image that ends within a batch of the log, as one within a metadata transaction does, becomes no snapshot:
    /// the next one is asked.
    pub fn publish_log_delta(&mut self, image: &MetadataImage, bytes: u64, now_ns: u64) -> bool {
        self.bytes_since_last += bytes;
        let waited_ns = now_ns.saturating_sub(self.last_ns);
        let is_due =
            self.bytes_since_last >= self.max_bytes || self.max_interval_ns != 0 && waited_ns >= self.max_interval_ns;
        let may = self.is_idle() && self.disabled.is_none();
        let is_aligned =
            image.provenance().is_offset_batch_aligned || self.bugs.has(Bug::Kafka17713SnapshotWithinBatch);
        let schedules = is_due && may && is_aligned;
        if schedules {
            self.scheduled = Some(image.clone());
        }
        schedules
    }

    /// The loader has published an image of a snapshot (`publishSnapshot`).
    pub fn publish_snapshot(&mut self, now_ns: u64) {
        self.reset(now_ns);
    }

    /// The thread takes the image that it is to write, until it has [ended](SnapshotGenerator::ended). From here on bytes and
    /// time count for the next one.
    pub fn begin(&mut self, now_ns: u64) -> Option<MetadataImage> {
        let image = self.scheduled.take()?;
        self.is_writing = true;
        self.reset(now_ns);
        Some(image)
    }

    /// The snapshot has its name, or is given up.
    pub fn ended(&mut self) {
        self.is_writing = false;
    }

    /// None is scheduled, and none is being written: an event that runs is an event of its queue (`EventQueue.isEmpty`).
    pub fn is_idle(&self) -> bool {
        self.scheduled.is_none() && !self.is_writing
    }

    /// No snapshot is scheduled any more. The first reason is kept.
    pub fn disable(&mut self, reason: &'static str) {
        self.disabled.get_or_insert(reason);
    }

    fn reset(&mut self, now_ns: u64) {
        (self.bytes_since_last, self.last_ns) = (0, now_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LeaderEpoch, Offset};
    use crate::metadata::image::MetadataProvenance;

    fn image(offset: i64, is_offset_batch_aligned: bool) -> MetadataImage {
        MetadataImage::default().at(MetadataProvenance {
            last_contained_offset: Offset(offset),
            last_contained_epoch: LeaderEpoch(1),
            last_contained_log_time_ms: 0,
            is_offset_batch_aligned,
        })
    }

    #[test]
    fn it_counts_bytes_and_time_since_the_last_snapshot() {
        let mut generator = SnapshotGenerator::new((100, 50), 0, Bugs::default());
        assert!(!generator.publish_log_delta(&image(1, true), 99, 49));
        assert!(!generator.publish_log_delta(&image(2, false), 1, 49), "it ends within a batch");
        assert!(generator.publish_log_delta(&image(3, true), 0, 49), "enough bytes");
        assert!(!generator.publish_log_delta(&image(4, true), 200, 49), "one waits already");
        assert_eq!(generator.begin(60).map(|image| image.offset()), Some(Offset(3)));
        // What was published while it waited does not count for the next one, as in Kafka; what is published meanwhile does.
        assert!(!generator.publish_log_delta(&image(5, true), 99, 109));
        assert!(!generator.publish_log_delta(&image(5, true), 1, 109), "one is being written");
        generator.ended();
        assert!(generator.publish_log_delta(&image(6, true), 0, 109), "enough bytes");
        assert_eq!(generator.begin(110).map(|image| image.offset()), Some(Offset(6)));
        assert!(generator.begin(110).is_none());
        generator.ended();
        // A snapshot that is loaded counts as one; without a time limit only bytes count.
        assert!(!generator.publish_log_delta(&image(7, true), 99, 111));
        generator.publish_snapshot(111);
        assert!(!generator.publish_log_delta(&image(8, true), 99, 112));
        let mut by_bytes = SnapshotGenerator::new((100, 0), 0, Bugs::default());
        assert!(!by_bytes.publish_log_delta(&image(1, true), 99, u64::MAX));
        let mut by_time = SnapshotGenerator::new((100, 50), 0, Bugs::default());
        assert!(by_time.publish_log_delta(&image(1, true), 0, 50), "enough time");
        by_bytes.disable("a fault");
        assert!(!by_bytes.publish_log_delta(&image(2, true), 99, u64::MAX));
    }
}
