//! Delayed requests: Kafka's purgatories of fetches and of produce requests.

use smallvec::SmallVec;

use crate::ids::Offset;
use crate::io::{Connection, Effect};
use crate::message::data::{DataFetchRequest, PartitionProduceResponse};
use crate::message::{DataResponse, Response};
use crate::step::Step;

const NS_PER_MS: u64 = 1_000_000;

/// A fetch that waits for `min_bytes`.
#[derive(Clone, Debug)]
pub(super) struct DelayedFetch {
    pub connection: Connection,
    pub correlation_id: i32,
    pub deadline_ns: u64,
    pub request: DataFetchRequest,
    /// For each partition the base offset of the segment of the fetch offset, as it was at the first read
    /// (`FetchPartitionStatus.startOffsetMetadata`).
    pub segments: SmallVec<[Offset; 4]>,
}

/// A produce request with acks=-1 that is undecided for at least one partition.
#[derive(Clone, Debug)]
pub(super) struct DelayedProduce {
    pub connection: Connection,
    pub correlation_id: i32,
    pub deadline_ns: u64,
    pub partitions: SmallVec<[PartitionStatus; 1]>,
}

#[derive(Clone, Debug)]
pub(super) struct PartitionStatus {
    pub response: PartitionProduceResponse,
    /// The offset that the high watermark must reach; `None` once decided.
    pub required: Option<Offset>,
}

pub(super) fn respond(connection: Connection, correlation_id: i32, response: DataResponse, step: &mut Step<'_>) {
    let response = Response::Data(response);
    step.out.push(Effect::SendResponse { connection, correlation_id, response });
}

/// The current monotonic time plus `wait_ms`.
pub(super) fn deadline_ns(step: &Step<'_>, wait_ms: i64) -> u64 {
    let wait_ms = u64::try_from(wait_ms).unwrap_or(0);
    step.now.mono_ns.saturating_add(wait_ms.saturating_mul(NS_PER_MS))
}
