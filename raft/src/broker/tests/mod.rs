//! Stories of brokers that exchange messages in memory, over disks that keep what was forced.

mod durability;
mod harness;
mod isr;
mod mistakes;
mod promises;
mod replication;
mod requests;
