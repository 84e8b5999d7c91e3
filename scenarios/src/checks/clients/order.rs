//! `NonmonotonicSend`: the batches of an idempotent producer stand in the order of its values.

use crate::checks::prelude::*;
use raft::ids::Offset;
use raft::log::BatchProducer;

use super::counts::{Counts, Remark};
use crate::checks::replication::committed_log::ProducerState;

claim! {
    /// An idempotent producer's records are in the log in the order in which they were sent.
    NonmonotonicSend, Safety of History, "Jepsen Kafka: nonmonotonic-send, int-nonmonotonic-send; controller-broker.md §6.11";
}

/// A batch that is committed.
pub struct OneBatch {
    /// First offset.
    pub base: i64,
    /// First value.
    pub first: u64,
    /// Its place in its session.
    pub producer: BatchProducer,
    /// It was sent under an older epoch too.
    pub renumbered: bool,
    /// It was appended before; then that is what is said of it.
    pub copy: bool,
}

/// A batch follows what the log knew of its producer.
pub fn follows(
    batch: OneBatch,
    before: Option<ProducerState>,
    name: impl Fn() -> String,
    counts: &mut Counts,
    verdict: &mut Verdict,
) {
    let OneBatch { base, first, producer, renumbered, copy } = batch;
    let base = Offset(base);
    let Some(before) = before else {
        if producer.base_sequence != 0 {
            counts.remark(Remark::ProducerBeganLate);
        }
        return;
    };
    if before.is_followed_by(producer) && first <= before.last_value && !copy {
        if producer.epoch > before.epoch && renumbered {
            verdict.excuse(Excuse::ReorderedByEpochBump, 1);
        } else {
            verdict.fail(&NonmonotonicSend::CLAIM, || {
                let name = name();
                format!(
                    "value {first} is committed in {name} at offset {base} behind {}, which was sent later",
                    before.last_value
                )
            });
        }
    }
}
