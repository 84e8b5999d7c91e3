//! Claims that the models of partitions judge as they change.
use crate::checks::prelude::*;

claim! {
    /// An acknowledged value is kept: in the metadata log on a majority of disks, in a partition on at least
    /// one replica that may lead.
    AckedValueNotLost, Safety of Partition, "KIP-966's promise; Jepsen Kafka: lost write";
    /// A leader gives up a proposal that it has sent only when the controller says that it was not carried out, or when
    /// the partition has changed.
    ProposalKeptUntilKnown, Safety of Partition, "KIP-497; Partition.handleAlterPartitionError";
}
