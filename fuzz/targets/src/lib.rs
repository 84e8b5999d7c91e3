//! Shared by several targets: a disk in memory with healthy logs on it, and repaired checksums.

pub mod checksum;
pub mod disk;
