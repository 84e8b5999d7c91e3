//! AllocateProducerIds: blocks of ids, each allocated once (controller-broker.md §4.10).

use super::result::ControllerResult;
use super::state::ControllerState;
use crate::bugs::{Bug, Bugs};
use crate::ids::ProducerId;
use crate::message::ErrorCode;
use crate::message::cluster::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use crate::metadata::MetadataRecord;
use crate::metadata::records::ProducerIds;

/// `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`
pub const BLOCK_SIZE: i32 = 1_000;

/// Allocates the next block. If the answer is lost, the block stays unused.
pub fn allocate(
    state: &ControllerState,
    bugs: Bugs,
    request: &AllocateProducerIdsRequest,
) -> Result<ControllerResult<AllocateProducerIdsResponse>, ErrorCode> {
    let broker = state.cluster.broker(request.broker_id);
    if broker.is_none_or(|broker| broker.epoch != request.broker_epoch) {
        return Err(ErrorCode::StaleBrokerEpoch);
    }
    let start = state.next_producer_id;
    let reserved = if bugs.has(Bug::ProducerIdBlocksOverlap) { 1 } else { BLOCK_SIZE };
    let next = start.0.checked_add(i64::from(reserved)).ok_or(ErrorCode::UnknownServerError)?;
    let record = MetadataRecord::ProducerIds(ProducerIds {
        broker_id: request.broker_id,
        broker_epoch: request.broker_epoch,
        next_producer_id: ProducerId(next),
    });
    let response =
        AllocateProducerIdsResponse { error: ErrorCode::None, producer_id_start: start, producer_id_len: BLOCK_SIZE };
    Ok(ControllerResult::of(vec![record], response))
}
