//! The state of a broker's replicas, for instruments.

use super::ReplicaManager;
use crate::message::{Fields, Value};

impl ReplicaManager {
    /// Every replica, by topic and number.
    pub fn described(&self) -> Value {
        let partition = |of: &super::Partition| (format!("{}-{}", of.topic(), of.id().partition), of.described());
        Value::of([
            ("brokerEpoch", self.broker_epoch.value()),
            ("inControlledShutdown", self.in_controlled_shutdown.value()),
            ("delayedProduces", Value::count(self.produces.len())),
            ("delayedFetches", Value::count(self.fetches.len())),
            ("partitions", Value::Struct(self.partitions.values().map(partition).collect())),
        ])
    }
}
