//! Faults of disks, each kind in a file of its own.

pub(super) mod bit_rot;
pub(super) mod file_damage;
pub(super) mod fsync_fails;
pub(super) mod full_at_fsync;
pub(super) mod full_disk;
pub(super) mod replace_disk;
pub(super) mod short_write;
pub(super) mod slow_disk;
