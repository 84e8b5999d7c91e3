//! Replication of partitions: models of every data log, and what brokers promise by them.
//!
//! * this file: all partitions, and what each crossing means to them
//! * [`partition`]: committed log C and acknowledged part A; [`replica`]: one replica's log
//! * [`data_disk`] and [`disks`]: data logs as their bytes cross the border; boots and losses
//! * [`elections`]: what committed metadata does to guards, and who acts as leader; [`unclean`]: unclean
//!   elections that were requested; [`demotions`]: leaderships that ended; [`proposals`]: of ISRs
//! * [`answers`]: by which answers of leaders a replica may change its log
//! * [`committed_log`]: what C says; [`acks`]: what brokers promise to producers and show to consumers;
//!   [`producers`]: what these rely on
//! * [`audit`]: a broker's own view, compared

pub mod acks;
pub mod answers;
pub mod audit;
pub mod committed_log;
pub mod data_disk;
pub mod demotions;
pub mod disks;
pub mod elections;
pub mod model;
pub mod partition;
pub mod partitions;
pub mod producers;
pub mod proposals;
pub mod replica;
pub mod shrinks;
pub mod unclean;

pub use model::{Replication, ReplicationSettings};
