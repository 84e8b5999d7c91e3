//! Requests of a consumer without an answer.

use std::rc::Rc;

use super::subscription_state::FetchPosition;
use crate::client::metadata::LeaderAndEpoch;
use crate::client::{OffsetResetStrategy, TopicPartition};
use crate::ids::{NodeId, Offset, TopicIdPartition};

/// A partition of a Fetch, and from where and by whose epoch it was asked for.
pub(super) type RequestedPartition = (TopicPartition, TopicIdPartition, Offset, LeaderAndEpoch);

/// A Fetch without an answer.
#[derive(Clone, Debug)]
pub(super) struct FetchInFlight {
    pub node: NodeId,
    pub attempt: u32,
    /// What was asked from where.
    pub requested: Rc<[RequestedPartition]>,
}

/// A ListOffsets without an answer.
#[derive(Clone, Debug)]
pub(super) struct ListInFlight {
    pub attempt: u32,
    pub strategy: OffsetResetStrategy,
    pub partitions: Vec<TopicPartition>,
}

/// An OffsetForLeaderEpoch without an answer.
#[derive(Clone, Debug)]
pub(super) struct ValidationInFlight {
    pub attempt: u32,
    pub requested: Vec<(TopicPartition, FetchPosition)>,
}

/// A request without an answer.
#[derive(Clone, Debug)]
pub(super) enum InFlight {
    Fetch(FetchInFlight),
    List(ListInFlight),
    Validation(ValidationInFlight),
}
