//! KRaft consensus (consensus.md §1–4, §7): who leads, and what is committed.
//!
//! * [`quorum_state`]: Kafka's transition table; start there
//! * [`restart`]: which state a replica starts in
//! * [`epoch_states`] and [`leader_state`]: what each state holds
//! * [`voting`]: who gets a vote
//! * [`voter_set`]: who votes
//! * [`client`]: the IO thread that polls, sends, handles and appends
//! * [`accumulator`]: records on their way to the leader's log
//! * [`request_manager`], [`network_channel`] and [`timer`]: what carries requests, and time

pub mod accumulator;
pub mod client;
pub mod epoch_states;
pub mod leader_state;
pub mod network_channel;
pub mod quorum_state;
pub mod request_manager;
pub mod restart;
pub mod timer;
pub mod voter_set;
pub mod voting;

pub use client::RaftClient;
pub use quorum_state::QuorumState;
