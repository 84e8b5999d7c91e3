//! KRaft consensus (consensus.md §1–4, §7): who leads, and what is committed.
//!
//! * [`quorum_state`]: Kafka's transition table; start there
//! * [`restart`]: which state a replica starts in
//! * [`epoch_states`] and [`leader_state`]: what each state holds
//! * [`voting`]: who gets a vote
//! * [`voter_set`]: who votes
//! * [`client`]: the IO thread that polls, sends, handles and appends
//! * [`step`]: what every function of a step is handed

pub mod client;
pub mod epoch_states;
pub mod leader_state;
pub mod quorum_state;
pub mod restart;
pub mod step;
pub mod voter_set;
pub mod voting;

pub use client::RaftClient;
pub use quorum_state::QuorumState;
