//! Data partitions' logs on disk (controller-broker.md §6.1, §6.8, §6.9).
//!
//! The map:
//! * `partition_log`: [`PartitionLog`], the log of a replica; start there
//! * `recovery`: the state of a log after a restart
//! * `producer_state`: idempotent producers' sequences
//! * `checkpoints`: the small files that hold an offset for each partition; `checkpoint_writer`: which thread writes them
//! * `clean_shutdown`: the marker that states that the logs are complete
//! * `log_manager`: all logs of the broker: loading, flushing, checkpoints, strays
//! * `paths`: file names and handles
//!
//! Not written, as for the metadata log: index files and producer `.snapshot` files. They hold nothing that is not in
//! the log, whose start never moves here (no retention).

mod checkpoint_writer;
mod checkpoints;
mod clean_shutdown;
mod log_manager;
mod partition_log;
mod partition_log_config;
mod paths;
mod producer_state;
mod recovery;
#[cfg(test)]
mod tests;

pub use checkpoints::OffsetCheckpoint;
pub use clean_shutdown::{CLEAN_SHUTDOWN_FILE, read_clean_shutdown};
pub use log_manager::{BackgroundTask, LogManager};
pub use partition_log::{AppendRefusal, LeaderAppend, PartitionLog};
pub use partition_log_config::PartitionLogConfig;
pub use producer_state::ProducerStates;
