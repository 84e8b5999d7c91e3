//! Admin calls between their attempts: each is sent again, and none before `retry.backoff.ms` allows it.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::client::AttemptEvent;

claim! {
    /// An admin client sends a call that has failed again only when its backoff is over.
    RetriedAfterBackoff, Safety of History, "KIP-580: retry.backoff.ms with a jitter of 20 %; KafkaAdminClient.Call.fail";
}

#[derive(Clone, Debug)]
pub struct Retries {
    /// Shorter than any backoff, even on a fast clock; ns.
    shortest_ns: u64,
    /// The call of each attempt that is under way, by client.
    calls: BTreeMap<(usize, u32), u32>,
    /// Calls that wait for their next attempt: since when, ns, and whether since before all faults ended.
    waiting: BTreeMap<(usize, u32), (u64, bool)>,
}

impl Retries {
    /// Of clients with this `retry.backoff.ms`, or with a `retry.backoff.max.ms` that is less.
    pub fn new(backoff_ms: u64) -> Retries {
        // A jitter of 20 %, and less than the ms in which it begins and the tenth that a clock may gain.
        let shortest_ns = (backoff_ms * 8 / 10).saturating_sub(1).saturating_mul(900_000);
        Retries { shortest_ns, calls: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    pub fn healed(&mut self) {
        self.waiting.values_mut().for_each(|(_, overdue)| *overdue = true);
    }

    /// Are all of them sent again, or ended, that had failed before all faults were over?
    pub fn are_done(&self) -> bool {
        self.waiting.values().all(|(_, overdue)| !overdue)
    }

    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        match event {
            AttemptEvent::AdminInvoked { attempt, operation, .. } => {
                self.calls.insert((client, attempt), operation);
                let waited_ns = self.waiting.remove(&(client, operation)).map(|(since_ns, _)| at_ns - since_ns);
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
                self.waiting.extend(operation.map(|operation| ((client, operation), (at_ns, false))));
            }
            AttemptEvent::OperationDone { operation, .. } => {
                self.waiting.remove(&(client, operation));
            }
            _ => {}
        }
    }
}
