//! Stories of the quorum that read like protocol logs (consensus.md §9.2, §9.3, §9.6).
//!
//! * `harness`: one real replica; the test plays everybody else
//! * `cluster`: several real replicas, and links that can be cut
//! * `transition_table`: which state may follow which
//! * the rest: one story per rule

mod cluster;
mod cluster_stories;
mod election_stories;
mod formatted_stories;
mod harness;
mod membership_stories;
mod real_directories;
mod replication_stories;
mod restart_stories;
mod snapshot_stories;
mod transition_table;
mod voter_refusal_stories;
mod voter_update_stories;
