//! Whole runs: findings, mutants, hosts, histories and stories. One binary, since each takes seconds to link.

mod black_box;
mod black_hole;
mod documents;
mod endpoint_change;
mod exception;
mod explicit;
mod file_damage;
mod findings;
mod hosts;
mod local_snapshots;
mod log_directory;
mod lost;
mod messages;
mod mutants;
mod other_cluster;
mod profiles;
mod reach;
mod replacement;
mod second_world;
mod stories;
mod trace;
mod upgrade;
