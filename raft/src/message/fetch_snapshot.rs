//! FetchSnapshot (KIP-630): a follower downloads a snapshot from the leader, in chunks.

use std::rc::Rc;

use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::{Canonical, messages};
use super::error_code::ErrorCode;
use super::fields::{Fields, Value, fields};
use super::quorum::CurrentLeader;
use crate::ids::{LeaderEpoch, NodeId, OffsetAndEpoch, ReplicaKey, Uuid};

messages! {
    /// FetchSnapshot (59) v1.
    FetchSnapshotRequest {
        /// `None` is accepted; otherwise must match.
        cluster_id: Option<Rc<str>>;
        /// The follower.
        replica_id: NodeId;
        /// Its directory.
        replica_directory_id: Option<Uuid>;
        /// Size limit of the chunk.
        max_bytes: i32;
        /// The follower's epoch.
        current_leader_epoch: LeaderEpoch;
        snapshot_id: OffsetAndEpoch;
        /// Where the chunk begins, in bytes: how much the follower has.
        position: i64;
    }
}

/// Answer to FetchSnapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchSnapshotResponse {
    pub top_error: ErrorCode,
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
    /// That of the request; with an error it has the defaults of its fields, offset 0 and epoch 0.
    pub snapshot_id: OffsetAndEpoch,
    /// Of the whole snapshot, in bytes.
    pub size: i64,
    /// That of the request.
    pub position: i64,
    pub unaligned_records: UnalignedRecords,
}

fields! {
    FetchSnapshotResponse {
        top_error as "error", error as "partition_error_code", current_leader, snapshot_id, size, position,
        unaligned_records,
    }
}

impl Canonical for FetchSnapshotResponse {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let FetchSnapshotResponse { top_error, error, current_leader, snapshot_id, size, position, unaligned_records } =
            self;
        top_error.walk(hasher);
        error.walk(hasher);
        current_leader.walk(hasher);
        snapshot_id.walk(hasher);
        size.walk(hasher);
        position.walk(hasher);
        unaligned_records.walk(hasher);
    }
}

/// Bytes of a snapshot, which may begin and end within a batch (`UnalignedRecords`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnalignedRecords(pub Rc<[u8]>);

impl Canonical for UnalignedRecords {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.bytes(&self.0);
    }
}

/// Their number.
impl Fields for UnalignedRecords {
    fn value(&self) -> Value {
        Value::of([("sizeInBytes", Value::count(self.0.len()))])
    }
}

impl FetchSnapshotRequest {
    pub fn replica_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.replica_id, directory_id: self.replica_directory_id }
    }
}
