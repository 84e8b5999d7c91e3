//! The properties that a data log reads.

use crate::bugs::Bugs;

/// Sizes that matter to a data log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionLogConfig {
    /// `segment.bytes` / `log.segment.bytes`
    pub segment_bytes: u64,
    /// `segment.ms` / `log.roll.ms`
    pub segment_ms: i64,
    /// `max.message.bytes` / `message.max.bytes`: of a whole batch.
    pub max_message_bytes: usize,
    /// Mistakes switched on.
    pub bugs: Bugs,
}
