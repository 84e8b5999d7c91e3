//! Clients in a small world of brokers that share their logs and do what the test tells them.

mod admin_stories;
mod brokers;
mod connection_stories;
mod consumer_stories;
mod metadata_stories;
mod positions;
mod producer_stories;
mod sequences;
mod world;
