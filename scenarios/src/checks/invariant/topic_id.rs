//! D7 of `PersistBeforePromise`, of the metadata log and of partitions.
use crate::checks::prelude::*;

claim! {
    /// D7: the topic id is durable before the first batch is written.
    PersistBeforePromiseD7 as "PersistBeforePromise:D7", Safety of Server, "KIP-516: partition.metadata before the first record";
}
