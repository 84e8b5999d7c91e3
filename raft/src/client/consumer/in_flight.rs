//! Requests of a consumer in flight.

use std::rc::Rc;

use super::subscription_state::FetchPosition;
use crate::client::metadata::LeaderAndEpoch;
use crate::client::{OffsetResetStrategy, TopicPartition};
use crate::ids::{NodeId, Offset, TopicIdPartition};
use crate::message::DataRequest;

/// A partition of a Fetch, with the requested offset and the leader epoch.
pub(super) type RequestedPartition = (TopicPartition, TopicIdPartition, Offset, LeaderAndEpoch);

/// A Fetch in flight.
#[derive(Clone, Debug)]
pub(super) struct FetchInFlight {
    pub node: NodeId,
    pub attempt: u32,
    pub requested: Rc<[RequestedPartition]>,
}

/// A ListOffsets in flight.
#[derive(Clone, Debug)]
pub(super) struct ListInFlight {
    pub attempt: u32,
    pub strategy: OffsetResetStrategy,
    pub partitions: Vec<TopicPartition>,
}

/// An OffsetForLeaderEpoch in flight.
#[derive(Clone, Debug)]
pub(super) struct ValidationInFlight {
    pub attempt: u32,
    pub requested: Vec<(TopicPartition, FetchPosition)>,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub(super) enum InFlight {
    Fetch(FetchInFlight),
    List(ListInFlight),
    Validation(ValidationInFlight),
}

/// A request that was prepared while the connection to its node was being made. It is sent as it was then: Kafka's
/// `ConsumerNetworkClient.unsent`.
#[derive(Clone, Debug)]
pub(super) struct Unsent {
    pub node: NodeId,
    pub prepared_ms: i64,
    pub request: DataRequest,
    pub in_flight: InFlight,
}
