//! The properties that a replica's log reads.

use crate::bugs::Bugs;
use crate::fixes::Fixes;

/// The size limits of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `metadata.log.segment.bytes` or its internal, lower override.
    pub segment_bytes: u64,
    /// `metadata.log.segment.ms`.
    pub segment_ms: i64,
    pub bugs: Bugs,
    pub fixes: Fixes,
}
