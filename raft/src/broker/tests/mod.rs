//! Stories of brokers that exchange messages in memory, over disks that keep what was forced.

mod desk;
mod durability;
mod isr;
mod mistakes;
mod promises;
mod replication;
mod requests;
