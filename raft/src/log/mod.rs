//! The replicated log: batches, epochs, segments and `quorum-state`, as bytes on disk in
//! Kafka's formats (consensus.md §4 and §8).
//!
//! Modules:
//! * `raft_log`: [`RaftLog`], the log of the raft client; start there
//! * `recovery`: reading the log at a restart; `segment`: one file of it
//! * `batch`: record batch format v2; `batch_error`: errors of reading it; `record` and `control_record`: its content
//! * `snapshots`: the snapshots beside the log; `raft_log/with_snapshots`: what they do to it
//! * `epoch_cache`: start offsets of epochs, mirrored to `leader-epoch-checkpoint`
//! * `election_state_file`: `quorum-state`; `partition_metadata` and `meta_properties`: the files of those names;
//!   `files`: all names and handles, and the replacement of a small file
//!
//! Kafka's index files are not written: Kafka rebuilds missing ones.

mod batch;
mod batch_error;
mod control_record;
mod cut_batch;
mod election_state_file;
mod epoch_cache;
mod files;
mod log_config;
mod meta_properties;
mod partition_metadata;
mod raft_log;
mod record;
mod recovery;
mod segment;
mod snapshots;
#[cfg(test)]
mod tests;

pub(crate) use batch::header_of_any;
pub use batch::{BATCH_HEADER_BYTES, Batch, BatchBuilder, BatchHeader, BatchProducer, MAX_BATCH_BYTES, Records};
pub use batch_error::BatchError;
pub use control_record::{ControlRecord, LeaderChange};
pub use cut_batch::CutBatch;
pub use election_state_file::{ElectionState, QuorumStateFormat, read_election_state, write_election_state};
pub(crate) use epoch_cache::EpochCache;
pub use files::{
    FIRST_SEGMENT_HANDLE, LEADER_EPOCH_CHECKPOINT, LEADER_EPOCH_CHECKPOINT_HANDLE,
    LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE, LogError, META_PROPERTIES, META_PROPERTIES_HANDLE, PARTITION_METADATA,
    PARTITION_METADATA_HANDLE, QUORUM_STATE, QUORUM_STATE_HANDLE, parse_segment_path, segment_path,
};
pub(crate) use files::{Force, read_file, replace_file, temporary_of_scheduler, write_temporary};
pub use log_config::LogConfig;
pub use meta_properties::{MetaProperties, parse_meta_properties, read_meta_properties, write_meta_properties};
pub(crate) use partition_metadata::{TopicIdFile, read_topic_id};
pub use raft_log::{LogOffsetMetadata, RaftLog, Validation};
pub use record::Buffer as Frame;
pub(crate) use record::{NO_OP_FRAME, value_frame};
pub(crate) use record::{Reader, put_unsigned_varint};
pub(crate) use recovery::{NO_BATCH, read_segments, remove_segments};
pub(crate) use segment::{Segment, read_segment};
