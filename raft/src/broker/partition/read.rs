//! The result of a read: Kafka's `LogReadInfo`.

use crate::ids::{Offset, OffsetAndEpoch};
use crate::log::Records;

/// The result of reading one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRead {
    /// The high watermark *before* the fetch was processed: a follower learns of its own progress one round trip later.
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    /// The log end before the read.
    pub log_end_offset: Offset,
    /// Where the logs diverge; then there are no records.
    pub diverging_epoch: Option<OffsetAndEpoch>,
    pub records: Records,
}
