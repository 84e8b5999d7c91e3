//! `DuplicateRecognised`: a leader never refuses as out of sequence a batch that it holds among the last
//! five of its producer (KIP-98; controller-broker.md §6.8). A client that receives this error numbers the batch
//! anew, and it stands there twice.

use crate::checks::prelude::*;
use raft::log::{Batch, BatchProducer};

use super::partition::PartitionModel;

claim! {
    /// A leader never refuses a batch as out of sequence that it already has.
    DuplicateRecognised, Safety of Partition, "KIP-98: a duplicate is acknowledged; Jepsen on Redpanda 21.10.1";
}

/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`
const BATCHES_RETAINED: usize = 5;

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
    let replica = &partition.replicas[server];
    let batches = (0..before.min(replica.log.count())).rev().filter_map(|at| replica.log.get(at));
    let of_producer = |batch| {
        let (batch, _) = Batch::parse(partition.ledger.get(batch).bytes()).ok()?;
        batch.producer().filter(|other| other.id == producer.id).map(|other| (other, batch.base_offset))
    };
    let known = batches.filter_map(of_producer).take(BATCHES_RETAINED);
    let mut same = known.filter(|(other, _): &(BatchProducer, _)| *other == producer);
    if let Some((_, offset)) = same.next() {
        if let Some(excuse) = partition.losses().promises_nothing(server) {
            return verdict.excuse(excuse, 1);
        }
        let (of, id) = (partition.id, partition.node(server));
        verdict.fail(&DuplicateRecognised::CLAIM, || {
            format!(
                "partition {of}: leader {id} refuses sequence {} of producer {} in epoch {} as out of order although its log has it at offset {offset}",
                producer.base_sequence, producer.id, producer.epoch
            )
        });
    }
}
