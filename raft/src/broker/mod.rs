//! The broker: data partitions on disk, their replication, and the broker lifecycle (controller-broker.md §5, §6).
//!
//! The map:
//! * [`process`]: a broker on its threads; start there
//! * [`data_plane`]: the request thread as a whole
//! * [`replica_manager`]: all replicas of a broker, and the requests they serve
//! * [`partition`]: one replica: leader or follower, high watermark, ISR
//! * [`log`]: data logs on disk, producers' sequences, checkpoints, the clean-shutdown marker
//! * [`fetcher`]: followers' fetch loops
//! * [`alter_partition`]: ISR changes sent to the controller
//! * [`checkpoint_tasks`]: when checkpoints are written
//! * [`lifecycle`]: registration, heartbeats, start-up and shutdown
//! * [`controller_channel`] and [`link`]: connections to the active controller and to leaders
//! * [`forwarding`], [`producer_ids`] and [`metadata_cache`]: admin requests, producer ids and metadata for clients
//! * [`view`]: the part of the metadata image that the broker reads, and [`image_view`], which implements it;
//!   [`config`]: broker properties
//! * [`observation`]: what the broker reports to checkers; [`dialogue`]: what its replicas live through

pub mod alter_partition;
pub mod checkpoint_tasks;
pub mod config;
pub mod controller_channel;
pub mod data_plane;
pub mod dialogue;
pub mod fetcher;
pub mod forwarding;
pub mod image_view;
pub mod lifecycle;
pub mod link;
pub mod log;
pub mod metadata_cache;
pub mod observation;
pub mod partition;
pub mod process;
pub mod producer_ids;
pub mod replica_manager;
#[cfg(test)]
mod tests;
pub mod view;
