//! Admin calls between their attempts: each is sent again, and none before `retry.backoff.ms` allows it.

use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use raft::client::AttemptEvent;

claim! {
    /// An admin client sends a call that has failed again only when its backoff is over.
    RetriedAfterBackoff, Safety of History, "KIP-580: retry.backoff.ms with a jitter of 20 %; KafkaAdminClient.Call.fail";
}

/// Operation of a client.
type Operation = (usize, u32);

/// See the module.
#[derive(Clone, Debug)]
pub struct Retries {
    /// Shorter than any backoff, even on a fast clock; ns.
    shortest_ns: u64,
    /// By client and attempt that is under way.
    calls: BTreeMap<(usize, u32), Operation>,
    /// Those that wait for their next attempt, and since when, ns.
    waiting: BTreeMap<Operation, u64>,
    /// Of these, those that have waited since all faults ended.
    overdue: BTreeSet<Operation>,
}

impl Retries {
    /// Of clients with this `retry.backoff.ms`, or with a `retry.backoff.max.ms` that is less.
    pub fn new(backoff_ms: u64) -> Retries {
        // A jitter of 20 %, and less than the ms in which it begins and the tenth that a clock may gain.
        let shortest_ns = (backoff_ms * 8 / 10).saturating_sub(1).saturating_mul(900_000);
        Retries { shortest_ns, calls: BTreeMap::new(), waiting: BTreeMap::new(), overdue: BTreeSet::new() }
    }

    /// All faults are over.
    pub fn healed(&mut self) {
        self.overdue = self.waiting.keys().copied().collect();
    }

    /// Are all of them sent again, or ended, that had failed before all faults were over?
    pub fn are_done(&self) -> bool {
        self.overdue.is_empty()
    }

    /// A client did or learned something.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        match event {
            AttemptEvent::AdminInvoked { attempt, operation, .. } => {
                let of = (client, operation);
                self.calls.insert((client, attempt), of);
                self.overdue.remove(&of);
                let waited_ns = self.waiting.remove(&of).map(|since_ns| at_ns - since_ns);
                if let Some(waited_ns) = waited_ns.filter(|waited_ns| *waited_ns < self.shortest_ns) {
                    verdict.fail(&RetriedAfterBackoff::CLAIM, || {
                        format!(
                            "attempt {attempt} of admin client {client} sends call {operation} again {waited_ns} ns after that has failed; its backoff is {} ns at least",
                            self.shortest_ns
                        )
                    });
                }
            }
            AttemptEvent::AdminAnswered { attempt, .. } | AttemptEvent::AdminUnknown { attempt } => {
                let operation = self.calls.remove(&(client, attempt));
                self.waiting.extend(operation.map(|operation| (operation, at_ns)));
            }
            AttemptEvent::OperationDone { operation, .. } => {
                self.waiting.remove(&(client, operation));
                self.overdue.remove(&(client, operation));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::NodeId;
    use raft::message::ErrorCode;

    use super::*;

    const MS: u64 = 1_000_000;

    /// Its first attempt fails at 1 ms.
    fn failed() -> Retries {
        let mut retries = Retries::new(100);
        let mut verdict = Verdict::default();
        retries.attempt(0, 2, invoked(1), &mut verdict);
        retries.attempt(MS, 2, AttemptEvent::AdminUnknown { attempt: 1 }, &mut verdict);
        assert!(verdict.violation().is_none());
        retries
    }

    fn invoked(attempt: u32) -> AttemptEvent {
        AttemptEvent::AdminInvoked { attempt, operation: 7, api_key: 3, node: NodeId(1) }
    }

    #[test]
    fn a_call_is_sent_again_or_ends() {
        let mut retries = failed();
        retries.healed();
        assert!(!retries.are_done());
        let (mut ended, mut verdict) = (retries.clone(), Verdict::default());
        retries.attempt(200 * MS, 2, invoked(2), &mut verdict);
        let error = ErrorCode::RequestTimedOut;
        ended.attempt(2 * MS, 2, AttemptEvent::OperationDone { operation: 7, error }, &mut verdict);
        assert!(retries.are_done() && ended.are_done() && verdict.violation().is_none());
    }

    #[test]
    fn a_call_is_not_sent_again_before_its_backoff_is_over() {
        let broke = |after_ms: u64| {
            let mut verdict = Verdict::default();
            failed().attempt(MS + after_ms * MS, 2, invoked(2), &mut verdict);
            verdict.violation().map(|violation| violation.invariant.clone())
        };
        assert_eq!(broke(60).as_deref(), Some("RetriedAfterBackoff"));
        assert_eq!(broke(80), None);
    }
}
