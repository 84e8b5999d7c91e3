//! KRaft consensus (consensus.md §1–4, §7): leader election and log commitment.
//!
//! * [`quorum_state`]: Kafka's transition table; start there
//! * [`restart`]: the initial state of a replica
//! * [`epoch_states`] and [`leader_state`]: the data of each state
//! * [`voting`]: the conditions of a vote
//! * [`partition_state`]: the voters, by the control records of the log (`log_history`); `change_voter`: a change of them
//!   that is pending
//! * [`client`]: the IO thread that polls, sends, handles and appends
//! * [`accumulator`]: batches that are not appended to the leader's log yet; [`memory_pool`]: their buffers
//! * [`request_manager`], [`network_channel`] and [`timer`]: requests in flight, connections, and timers

pub mod accumulator;
mod change_voter;
pub mod client;
pub mod epoch_states;
pub mod leader_state;
mod log_history;
pub mod memory_pool;
pub mod network_channel;
pub mod partition_state;
pub mod quorum_state;
pub mod raft_metrics;
pub mod request_manager;
pub mod restart;
pub mod timer;
pub mod voting;

pub use client::RaftClient;
pub use quorum_state::QuorumState;
