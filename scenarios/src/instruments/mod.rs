//! Instruments that an operator knows, for a run at an instant or for a log directory of a real node.
//!
//! * [`moment`]: the servers of a run at an instant; start here
//! * [`metrics`]: the metrics of servers over a run, and alerts
//! * [`quorum`]: the tables of `kafka-metadata-quorum.sh`
//! * [`state`]: everything, with the difference of two instants
//! * [`storage`]: what `kafka-storage.sh info` prints
//! * [`shell`]: the commands of `kafka-metadata-shell.sh`; [`image_tree`]: the tree that they show; `glob`: its patterns

mod glob;
pub mod image_tree;
pub mod metrics;
pub mod moment;
pub mod quorum;
pub mod shell;
pub mod state;
pub mod storage;
