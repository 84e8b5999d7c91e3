//! Hands out producer ids from blocks that the controller allocates: Kafka's RPCProducerIdManager
//! (controller-broker.md §6.8).

use crate::ids::{BrokerEpoch, NodeId, ProducerId};
use crate::message::ErrorCode;
use crate::message::cluster::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use crate::message::data::InitProducerIdResponse;

/// The next block is requested when this many tenths of the current one are used.
const PREFETCH_TENTHS: i64 = 9;
/// Backoff after a failed allocation.
const RETRY_NS: u64 = 50_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    next: i64,
    end: i64,
    prefetch_at: i64,
}

/// Ids of this broker's blocks; ids that were not assigned when it stops are never used.
#[derive(Clone, Debug, Default)]
pub struct ProducerIdManager {
    current: Option<Block>,
    next: Option<Block>,
    wanted: bool,
    in_flight: bool,
    not_before_ns: u64,
}

impl ProducerIdManager {
    /// A new id with epoch 0; COORDINATOR_LOAD_IN_PROGRESS (retriable) while none is available.
    pub fn init_producer_id(&mut self) -> InitProducerIdResponse {
        match self.generate() {
            Some(producer_id) => InitProducerIdResponse { error: ErrorCode::None, producer_id, producer_epoch: 0 },
            None => InitProducerIdResponse {
                error: ErrorCode::CoordinatorLoadInProgress,
                producer_id: ProducerId::NONE,
                producer_epoch: -1,
            },
        }
    }

    fn generate(&mut self) -> Option<ProducerId> {
        if self.current.is_none_or(|block| block.next == block.end) {
            self.current = self.next.take();
        }
        let Some(block) = &mut self.current else {
            self.wanted = true;
            return None;
        };
        let id = block.next;
        block.next += 1;
        if block.next >= block.prefetch_at && self.next.is_none() {
            self.wanted = true;
        }
        Some(ProducerId(id))
    }

    /// The request for another block, if one is needed and may be sent now.
    pub fn next_request(
        &mut self,
        broker_id: NodeId,
        broker_epoch: BrokerEpoch,
        now_ns: u64,
    ) -> Option<AllocateProducerIdsRequest> {
        if !self.wanted || self.in_flight || now_ns < self.not_before_ns {
            return None;
        }
        self.in_flight = true;
        Some(AllocateProducerIdsRequest { broker_id, broker_epoch })
    }

    /// When [`ProducerIdManager::next_request`] may return a request, by the monotonic clock.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        (self.wanted && !self.in_flight).then_some(self.not_before_ns)
    }

    /// Processes the controller's response; `None` if there was none in time.
    pub fn on_response(&mut self, response: Option<&AllocateProducerIdsResponse>, now_ns: u64) {
        self.in_flight = false;
        match response {
            Some(&AllocateProducerIdsResponse { error: ErrorCode::None, producer_id_start, producer_id_len }) => {
                let (start, len) = (producer_id_start.0, i64::from(producer_id_len).max(0));
                let prefetch_at = start + len * PREFETCH_TENTHS / 10;
                self.next = (len > 0).then_some(Block { next: start, end: start + len, prefetch_at });
                self.wanted = self.next.is_none();
            }
            Some(_) | None => {
                self.wanted = false; // the next producer requests it again
                self.not_before_ns = now_ns + RETRY_NS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_and_the_next_is_fetched_ahead() {
        let mut manager = ProducerIdManager::default();
        assert_eq!(manager.init_producer_id().error, ErrorCode::CoordinatorLoadInProgress);
        let ask = |manager: &mut ProducerIdManager, now_ns| manager.next_request(NodeId(1), BrokerEpoch(5), now_ns);
        assert!(ask(&mut manager, 0).is_some() && ask(&mut manager, 0).is_none());
        manager.on_response(None, 0);
        assert_eq!(manager.init_producer_id().error, ErrorCode::CoordinatorLoadInProgress);
        assert!(ask(&mut manager, 1).is_none() && ask(&mut manager, RETRY_NS).is_some());
        let block = |start| AllocateProducerIdsResponse {
            error: ErrorCode::None,
            producer_id_start: ProducerId(start),
            producer_id_len: 10,
        };
        manager.on_response(Some(&block(100)), RETRY_NS);
        let mut given = Vec::new();
        for _ in 0..8 {
            given.push(manager.init_producer_id().producer_id.0);
            assert!(ask(&mut manager, RETRY_NS).is_none());
        }
        given.push(manager.init_producer_id().producer_id.0);
        assert!(ask(&mut manager, RETRY_NS).is_some(), "nine tenths are used");
        manager.on_response(Some(&block(500)), RETRY_NS);
        given.extend((0..2).map(|_| manager.init_producer_id().producer_id.0));
        assert_eq!(given, [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 500]);
    }
}
