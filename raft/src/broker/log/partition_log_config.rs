//! The properties of a data log.

use crate::bugs::Bugs;
use crate::fixes::Fixes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionLogConfig {
    /// `segment.bytes` / `log.segment.bytes`
    pub segment_bytes: u64,
    /// `segment.ms` / `log.roll.ms`
    pub segment_ms: i64,
    /// `max.message.bytes` / `message.max.bytes`: the limit of a whole batch.
    pub max_message_bytes: usize,
    /// Bugs switched on.
    pub bugs: Bugs,
    pub fixes: Fixes,
}
