//! What idempotent producers rely on (KIP-98; controller-broker.md §6.8): `IdempotentSequence`, their batches in a
//! committed log follow on, and `DuplicateRecognised`, a leader never refuses as out of sequence a batch that it holds
//! among the last five of its producer. A client that receives this error numbers the batch anew, and it stands there
//! twice.

use crate::checks::prelude::*;
use raft::log::{Batch, BatchProducer};

use super::committed_log::LogBatch;
use super::partition::PartitionModel;

claim! {
    /// A partition's committed log has each batch of an idempotent producer once and in sequence.
    IdempotentSequence, Safety of History, "KIP-98, controller-broker.md §6.8: base == last + 1; idempotent producers neither lose, duplicate nor reorder";
    /// A leader never refuses a batch as out of sequence that it already has.
    DuplicateRecognised, Safety of Partition, "KIP-98: a duplicate is acknowledged; Jepsen on Redpanda 21.10.1";
}

/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`
const BATCHES_RETAINED: usize = 5;

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

/// A leader has answered OUT_OF_ORDER_SEQUENCE_NUMBER; when it received the request its log had `before`
/// batches.
pub fn refused_out_of_order(
    partition: &PartitionModel,
    server: usize,
    requested: &Batch,
    before: usize,
    verdict: &mut Verdict,
) {
    let Some(producer) = requested.producer() else { return };
    let log = &partition.replicas[server].log;
    let of_producer = |at| {
        let (batch, _) = Batch::parse(partition.ledger.get(log.get(at)?).bytes()).ok()?;
        batch.producer().filter(|other| other.id == producer.id).map(|other| (other, batch.base_offset))
    };
    let known = (0..before.min(log.count())).rev().filter_map(of_producer).take(BATCHES_RETAINED);
    let mut same = known.filter(|(other, _): &(BatchProducer, _)| *other == producer);
    if let Some((_, offset)) = same.next() {
        let (of, id, excuse) = (partition.id, partition.node(server), partition.losses().promises_nothing(server));
        verdict.fail_unless(excuse, &DuplicateRecognised::CLAIM, || {
            format!(
                "partition {of}: leader {id} refuses sequence {} of producer {} in epoch {} as out of order although its log has it at offset {offset}",
                producer.base_sequence, producer.id, producer.epoch
            )
        });
    }
}
