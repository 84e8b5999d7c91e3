//! Tolerance guards: what a fault must not take if promises are to hold, judged by the ghosts at the
//! instant at which it is about to begin.

use crate::checks::Checks;

/// A fault that destroys bytes, of the page cache or of the disk, must leave every acknowledged record
/// with somebody who may lead, and every voter's promise with a majority of disks.
pub const LAST_COPY: &str = "last-copy";

/// Every name.
pub const NAMES: [&str; 1] = [LAST_COPY];

/// Would it be too much if this server lost what it has? `forced` too: its disk, not only what it has
/// not forced yet. Without ghosts nobody knows, so it would.
pub fn forbids(guard: &str, checks: Option<&Checks>, server: usize, forced: bool) -> bool {
    let Some(checks) = checks else { return true };
    match guard {
        LAST_COPY => checks.has_last_copy(server, forced),
        _ => false,
    }
}
