//! `AppendWithinLinger` (KAFKA-10826): what a leader has accepted it writes when the linger is over.
//!
//! Judged from the AppendRecords requests that a leader takes, once its state machine has claimed, and
//! from the batches it writes. A refusal is answered at once; an accepted request later. The raft thread may be late because it is
//! busy, so what counts is how long it had nothing to do: since the input before the one by which it
//! writes, and since the last fsync of its node.

use crate::checks::prelude::*;
use raft::ids::NodeId;
use raft::io::{Observation, ThreadName};
use raft::message::{Request, Response};

use super::timings::{Calm, QuorumTimings, longest_ns};

claim! {
    /// A leader writes an accepted record when its linger ends, whatever else it does.
    AppendWithinLinger by Linger, Liveness of Quorum, "KAFKA-10826: controller.quorum.append.linger.ms";
}

/// For what a message costs that lies in the queue, and the step of the state machine's thread.
const SLACK_NS: u64 = 20_000_000;

/// A request that may be accepted.
#[derive(Clone, Copy, Debug)]
struct ReceivedRequest {
    at_ns: u64,
    rpc: Rpc,
}

#[derive(Clone, Debug)]
struct Watched {
    bound_ns: u64,
    claimed: bool,
    received: Vec<ReceivedRequest>,
    /// True time of the raft thread's newest input, and of the one before.
    inputs_ns: [u64; 2],
    synced_ns: u64,
    calm: Calm,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Linger {
    watched: Vec<Watched>,
}

impl Linger {
    /// A server's state machine claims that it leads, or that is over: what waits is dropped.
    pub fn claims(&mut self, server: usize, claimed: bool) {
        self.watched[server].claimed = claimed;
        self.watched[server].received.clear();
    }

    /// A server takes an append.
    pub fn append_received(&mut self, at_ns: u64, server: usize, rpc: Rpc) {
        let watched = &mut self.watched[server];
        if watched.claimed {
            watched.received.push(ReceivedRequest { at_ns, rpc });
        }
    }

    /// A server answers an append: it was refused, or is committed.
    pub fn append_answered(&mut self, server: usize, rpc: Rpc) {
        self.watched[server].received.retain(|received| received.rpc != rpc);
    }

    /// A server's raft thread takes an input.
    #[inline]
    pub fn takes_input(&mut self, at_ns: u64, server: usize) {
        let [newest, _] = self.watched[server].inputs_ns;
        self.watched[server].inputs_ns = [at_ns, newest];
    }

    /// A leader writes records: all that it had accepted.
    #[inline]
    pub fn writes_records(&mut self, at_ns: u64, server: usize, id: NodeId, verdict: &mut Verdict) {
        let watched = &mut self.watched[server];
        let Some(oldest) = watched.received.first().copied() else { return };
        watched.received.clear();
        let [_, before_ns] = watched.inputs_ns;
        let free_ns = oldest.at_ns.max(before_ns).max(watched.synced_ns);
        if at_ns > free_ns + watched.bound_ns && watched.calm.lasts_since(oldest.at_ns) {
            verdict.fail(&Linger::CLAIM, || {
                format!(
                    "node {id}, a leader, writes records that it accepted {} ms ago, after being idle for {} ms; its linger is {} ms",
                    (at_ns - oldest.at_ns) / 1_000_000,
                    (at_ns - free_ns) / 1_000_000,
                    watched.bound_ns.saturating_sub(SLACK_NS) / 1_000_000
                )
            });
        }
    }
}

impl Check for Linger {
    const EVENTS: Kinds = Kinds::RAFT_INPUT
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::SYNCED)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Linger {
        let watched = |timings: &QuorumTimings| Watched {
            bound_ns: longest_ns(timings.append_linger_ms, config.slowest_ppm) + SLACK_NS,
            claimed: false,
            received: Vec::new(),
            inputs_ns: [0; 2],
            synced_ns: 0,
            calm: Calm::new(config.slowest_ppm),
        };
        Linger { watched: config.timings.iter().map(watched).collect() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, _: &Models, _: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Input { thread: ThreadName::RaftIo } => self.takes_input(at_ns, server),
            Event::RequestReceived { rpc, request: Request::AppendRecords(_) } => {
                self.append_received(at_ns, server, rpc);
            }
            Event::ResponseSent { rpc, response: Response::AppendRecords(_), .. } => self.append_answered(server, rpc),
            Event::Synced { .. } => self.watched[server].synced_ns = at_ns,
            Event::Observed { observation: Observation::LeadershipAnnounced { .. } } => self.claims(server, true),
            Event::Observed {
                observation: Observation::LeadershipRenounced { .. } | Observation::RoleChanged { .. },
            }
            | Event::Down { .. } => self.claims(server, false),
            Event::Disturbed { how } => self.watched[server].calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
