//! `AckedValueNotLost`: what is acknowledged stays with whoever may lead.
use crate::checks::prelude::*;

claim! {
    /// An acknowledged value is kept: in the metadata log on a majority of disks, in a partition on at least
    /// one replica that may lead.
    AckedValueNotLost, Safety of Partition, "KIP-966's promise; Jepsen Kafka: lost write";
}
