//! Tests of brokers that exchange messages in memory, with disks that keep only flushed data.

mod channel;
mod durability;
mod harness;
mod isr;
mod mistakes;
mod promises;
mod replication;
mod requests;
