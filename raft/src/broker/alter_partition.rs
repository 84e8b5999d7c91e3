//! Sends ISR changes to the controller: Kafka's DefaultAlterPartitionManager (controller-broker.md §6.4). There is at
//! most one request in flight and one unanswered item per partition.

use std::collections::BTreeMap;

use crate::ids::{BrokerEpoch, NodeId, TopicIdPartition};
use crate::message::ErrorCode;
use crate::message::cluster::{
    AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult,
};

const NS_PER_MS: u64 = 1_000_000;
/// Backoff before items are sent again after an error of the whole request.
const RETRY_NS: u64 = 50 * NS_PER_MS;

/// All unanswered items.
#[derive(Clone, Debug, Default)]
pub struct AlterPartitionManager {
    unanswered: BTreeMap<TopicIdPartition, AlterPartitionItem>,
    /// The items of the request in flight; empty if there is none.
    in_flight: Vec<TopicIdPartition>,
    /// No request is sent before this instant of the monotonic clock.
    not_before_ns: u64,
}

impl AlterPartitionManager {
    /// Returns `false` if an item of this partition is unanswered: OPERATION_NOT_ATTEMPTED.
    pub fn submit(&mut self, item: AlterPartitionItem) -> bool {
        let free = !self.unanswered.contains_key(&item.partition);
        if free {
            self.unanswered.insert(item.partition, item);
        }
        free
    }

    /// The next request, if one may be sent now. It carries the current broker epoch, also when it is sent again.
    pub fn next_request(
        &mut self,
        broker_id: NodeId,
        broker_epoch: BrokerEpoch,
        now_ns: u64,
    ) -> Option<AlterPartitionRequest> {
        if !self.in_flight.is_empty() || self.unanswered.is_empty() || now_ns < self.not_before_ns {
            return None;
        }
        self.in_flight = self.unanswered.keys().copied().collect();
        let partitions = self.unanswered.values().cloned().collect();
        Some(AlterPartitionRequest { broker_id, broker_epoch, partitions })
    }

    /// When [`AlterPartitionManager::next_request`] may return a request, by the monotonic clock.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        (self.in_flight.is_empty() && !self.unanswered.is_empty()).then_some(self.not_before_ns)
    }

    /// Processes the response to the request in flight and returns the result of each item. After an error of the whole
    /// request, items stay and are sent again; so do items whose partition is missing in the response. (The channel
    /// below never times out and hides NOT_CONTROLLER.)
    pub fn on_response(
        &mut self,
        response: &AlterPartitionResponse,
        now_ns: u64,
    ) -> Vec<(AlterPartitionItem, AlterPartitionResult)> {
        let in_flight = std::mem::take(&mut self.in_flight);
        if response.error != ErrorCode::None {
            self.not_before_ns = now_ns + RETRY_NS;
            return Vec::new();
        }
        let mut answered = Vec::new();
        for result in response.partitions.iter().filter(|result| in_flight.contains(&result.partition)) {
            if let Some(item) = self.unanswered.remove(&result.partition) {
                answered.push((item, result.clone()));
            }
        }
        answered
    }
}
