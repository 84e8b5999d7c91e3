//! What clients send again: each admin call that has failed is, or ends, and nothing is before `retry.backoff.ms`
//! allows it.
//!
//! Kafka promises that of admin calls, of batches whose partition has had no new leader since (KIP-951), of requests
//! for a producer id, and of resets of a consumer's position. A consumer that fails to fetch fetches again at once, and
//! each new leader lets it validate its position again. Requests for metadata are no attempts: they are not judged.

use crate::checks::prelude::*;

use raft::client::{AttemptEvent, ReadApi, TopicPartition};
use raft::sorted_map::SortedMap;

claim! {
    /// A client sends an admin call, a batch, a request for a producer id or the reset of a position that has failed
    /// again only when its backoff is over, or when a batch's partition has a new leader.
    RetriedAfterBackoff, Safety of History, "KIP-580: retry.backoff.ms with a jitter of 20 %; KIP-951; KafkaAdminClient.Call.fail; RecordAccumulator.shouldBackoff; OffsetFetcherUtils.onFailedResponseForResettingPositions";
}

/// What may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    Admin(u32),
    Batch(u32),
    ProducerId,
    Reset(TopicPartition),
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    at_ns: u64,
    /// All faults have ended since.
    overdue: bool,
    /// The epoch of its partition's leader, of a batch.
    leader_epoch: i16,
}

/// The client, the attempt, and the partition if it is one of a reset.
type Key = (usize, u32, Option<TopicPartition>);

#[derive(Clone, Copy, Debug)]
struct Attempt {
    key: Key,
    call: Call,
    leader_epoch: i16,
}

#[derive(Clone, Debug)]
pub struct Retries {
    /// Shorter than any backoff, even on a fast clock; ns.
    shortest_ns: u64,
    /// The attempts that are under way, few of each client.
    calls: Vec<Attempt>,
    /// Calls that wait for their next attempt.
    waiting: SortedMap<(usize, Call), Failed>,
}

impl Retries {
    /// Of clients with this `retry.backoff.ms`, or with a `retry.backoff.max.ms` that is less.
    pub fn new(backoff_ms: u64) -> Retries {
        // A jitter of 20 %, and less than the ms in which it begins and the tenth that a clock may gain.
        let shortest_ns = (backoff_ms * 8 / 10).saturating_sub(1).saturating_mul(900_000);
        Retries { shortest_ns, calls: Vec::new(), waiting: SortedMap::new() }
    }

    pub fn healed(&mut self) {
        self.waiting.values_mut().for_each(|failed| failed.overdue = true);
    }

    /// Are all admin calls sent again, or ended, that had failed before all faults were over?
    pub fn are_done(&self) -> bool {
        !self.waiting.iter().any(|((_, call), failed)| matches!(call, Call::Admin(_)) && failed.overdue)
    }

    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        use AttemptEvent::*;
        match event {
            AdminInvoked { attempt, operation, .. } => {
                self.sent(at_ns, (client, attempt, None), (Call::Admin(operation), 0), verdict);
            }
            ProduceInvoked { attempt, batch, leader_epoch, .. } => {
                self.sent(at_ns, (client, attempt, None), (Call::Batch(batch), leader_epoch), verdict);
            }
            InitProducerIdInvoked { attempt, .. } => {
                self.sent(at_ns, (client, attempt, None), (Call::ProducerId, 0), verdict);
            }
            ReadInvoked { attempt, api: ReadApi::ListOffsets, partition, .. } => {
                self.sent(at_ns, (client, attempt, Some(partition)), (Call::Reset(partition), 0), verdict);
            }
            AdminAnswered { attempt, .. }
            | AdminUnknown { attempt }
            | ProduceFailed { attempt, .. }
            | ProduceUnknown { attempt, .. }
            | InitProducerIdFailed { attempt, .. }
            | InitProducerIdUnknown { attempt } => self.failed(at_ns, (client, attempt, None)),
            ReadFailed { attempt, partition, .. } => {
                // Whatever else is answered of the partition may begin another reset.
                self.waiting.remove(&(client, Call::Reset(partition)));
                self.failed(at_ns, (client, attempt, Some(partition)));
            }
            ReadUnknown { attempt } => {
                while let Some(reset) = self.calls.iter().find(|call| (call.key.0, call.key.1) == (client, attempt)) {
                    self.failed(at_ns, reset.key);
                }
            }
            ReadOk { attempt, partition, .. } => {
                self.ended((client, attempt, Some(partition)));
                self.waiting.remove(&(client, Call::Reset(partition)));
            }
            ProduceOk { attempt, .. } | InitProducerIdOk { attempt, .. } => {
                self.ended((client, attempt, None));
            }
            OperationDone { operation, .. } => {
                self.waiting.remove(&(client, Call::Admin(operation)));
            }
            BatchAcked { batch, .. } | BatchFailed { batch, .. } | BatchSplit { batch, .. } => {
                self.waiting.remove(&(client, Call::Batch(batch)));
            }
            // A reset that is in flight then has no effect on the next one (`SubscriptionState.requestFailed`).
            PositionSet { partition, .. } | Unassigned { partition } => {
                self.waiting.remove(&(client, Call::Reset(partition)));
                self.calls.retain(|call| (call.key.0, call.key.2) != (client, Some(partition)));
            }
            _ => {}
        }
    }

    fn ended(&mut self, key: Key) -> Option<Attempt> {
        let place = self.calls.iter().position(|call| call.key == key)?;
        Some(self.calls.swap_remove(place))
    }

    fn failed(&mut self, at_ns: u64, key: Key) {
        if let Some(Attempt { call, leader_epoch, .. }) = self.ended(key) {
            self.waiting.insert((key.0, call), Failed { at_ns, overdue: false, leader_epoch });
        }
    }

    fn sent(&mut self, at_ns: u64, key: Key, (call, leader_epoch): (Call, i16), verdict: &mut Verdict) {
        let (client, attempt, _) = key;
        self.ended(key);
        self.calls.push(Attempt { key, call, leader_epoch });
        let Some(failed) = self.waiting.remove(&(client, call)) else { return };
        let waited_ns = at_ns - failed.at_ns;
        if waited_ns < self.shortest_ns && failed.leader_epoch == leader_epoch {
            verdict.fail(&RetriedAfterBackoff::CLAIM, || {
                let what = match call {
                    Call::Admin(operation) => format!("call {operation}"),
                    Call::Batch(batch) => format!("batch {batch}"),
                    Call::ProducerId => "its request for a producer id".to_owned(),
                    Call::Reset(partition) => format!("the reset of its position in {partition}"),
                };
                format!(
                    "attempt {attempt} of client {client} sends {what} again {waited_ns} ns after that has failed; its backoff is {} ns at least",
                    self.shortest_ns
                )
            });
        }
    }
}
