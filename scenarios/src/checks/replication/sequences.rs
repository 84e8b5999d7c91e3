//! `IdempotentSequence`: the batches of each idempotent producer in a committed log follow on.

use super::committed_log::LogBatch;
use super::partition::PartitionModel;
use crate::checks::prelude::*;

claim! {
    /// A partition's committed log has each batch of an idempotent producer once and in sequence.
    IdempotentSequence, Safety of History, "KIP-98, controller-broker.md §6.8: base == last + 1; idempotent producers neither lose, duplicate nor reorder";
}

/// The batch at this place of a log is committed. A producer's first batch may have any sequence: a leader that does
/// not know a producer takes it as it is (controller-broker.md §6.8).
pub fn follows(partition: &PartitionModel, place: usize, verdict: &mut Verdict) {
    let LogBatch { base, producer, before, .. } = partition.log.batches[place];
    let (Some(producer), Some(before)) = (producer, before) else { return };
    if !before.is_followed_by(producer) {
        let id = partition.id;
        verdict.fail(&IdempotentSequence::CLAIM, || {
            format!(
                "partition {id}: the batch committed at {base} is of {producer}; expected after epoch {} is sequence {}",
                before.epoch, before.next_sequence
            )
        });
    }
}
