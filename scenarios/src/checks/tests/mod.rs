//! For each check a good history that passes and a small bad one that fires exactly it.

mod amnesia;
mod brokers;
mod clients;
mod duties;
mod excuses;
mod metadata;
mod persist_before_promise;
mod quorum;
mod replicas;
mod replication;
mod safety;
mod test_disk;
mod walk;
