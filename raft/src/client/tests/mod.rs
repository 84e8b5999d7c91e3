//! Clients with model brokers that share their logs and are controlled by the test.

mod admin_stories;
mod brokers;
mod connection_stories;
mod consumer_stories;
mod metadata_stories;
mod positions;
mod producer_stories;
mod sequences;
mod world;
