//! What may be interrupted of a snapshot.

use crate::checks::prelude::Situation;

/// What a server is doing with a snapshot of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotPhase {
    /// It writes one of its own state.
    Generation,
    /// It downloads one in chunks.
    Transfer,
    /// One has replaced its log, and its metadata loader has not read it.
    Load,
}

impl SnapshotPhase {
    /// A leader was elected.
    pub fn election(self) -> Situation {
        match self {
            SnapshotPhase::Generation => Situation::ElectionDuringSnapshot,
            SnapshotPhase::Transfer => Situation::ElectionDuringDownload,
            SnapshotPhase::Load => Situation::ElectionBeforeSnapshotLoaded,
        }
    }

    /// The server died.
    pub fn death(self) -> Situation {
        match self {
            SnapshotPhase::Generation => Situation::DiedDuringSnapshot,
            SnapshotPhase::Transfer => Situation::DiedDuringDownload,
            SnapshotPhase::Load => Situation::DiedBeforeSnapshotLoaded,
        }
    }

    /// A link was cut.
    pub fn cut(self) -> Situation {
        match self {
            SnapshotPhase::Generation => Situation::CutDuringSnapshot,
            SnapshotPhase::Transfer => Situation::CutDuringDownload,
            SnapshotPhase::Load => Situation::CutBeforeSnapshotLoaded,
        }
    }

    /// The disk of the server refused something.
    pub fn disk_failure(self) -> Situation {
        match self {
            SnapshotPhase::Generation => Situation::DiskFailedDuringSnapshot,
            SnapshotPhase::Transfer => Situation::DiskFailedDuringDownload,
            SnapshotPhase::Load => Situation::DiskFailedBeforeSnapshotLoaded,
        }
    }
}
