//! `HeardBrokerNotFenced`: a broker whose heartbeat was taken, and answered "unfenced", is not fenced
//! before a session has passed since, unless it requests that (KIP-631; KAFKA-15019).
//!
//! The answer says that the controller had not fenced it when it came to that heartbeat, so what fences
//! it in the same claim was decided later; it is judged when it is committed, which is later still. A
//! controller of another epoch has received other heartbeats. Sessions run on the controller's monotonic
//! clock, which a paused process does not stop and no fault moves but in its rate: while none does, nine tenths of a
//! session have passed, even on a fast clock.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId};
use raft::io::Observation;
use raft::message::cluster::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use raft::message::{ClusterRequest, ClusterResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;

use crate::checks::invariant::timings::{Calm, Disturbance};

claim! {
    /// A broker from which the controller has received a heartbeat is not fenced before its session ends.
    HeardBrokerNotFenced by Heard, Safety of Metadata, "KIP-631: broker.session.timeout.ms, fencing; KAFKA-15019";
}

/// No clock is faster, drift faults included: scenarios allow half as fast again twice. That of a server which nothing
/// disturbs gains less than a tenth.
const FASTEST_RATE: u64 = 2;

#[derive(Clone, Copy, Debug)]
struct Received {
    broker: NodeId,
    epoch: BrokerEpoch,
    /// The controller's.
    claim: LeaderEpoch,
    at_ns: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Heard {
    /// No session is shorter, ns of the controller's clock.
    session_ns: u64,
    /// By controller.
    calm: Vec<Calm>,
    /// Heartbeats without an answer, by controller.
    open: BTreeMap<(usize, Rpc), Received>,
    /// By broker and its epoch: the newest heartbeat of each claim that was answered "unfenced", and by which controller.
    unfenced: BTreeMap<(NodeId, BrokerEpoch, LeaderEpoch), (u64, usize)>,
    /// By controller: the epoch that it claimed last.
    claims: BTreeMap<usize, LeaderEpoch>,
}

impl Check for Heard {
    const EVENTS: Kinds = Kinds::DOWN
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::OBSERVED)
        .and(Kinds::RECORD_COMMITTED)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Heard {
        let timeout_ms = config.brokers.as_ref().map_or(0, |brokers| brokers.shortest_session_timeout_ms.into());
        Heard::of(timeout_ms, vec![Calm::new(config.slowest_ppm); config.servers.len()])
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, _: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Down { .. } => self.down(server),
            Event::Disturbed { how } => self.calm[server].disturbed(at_ns, Disturbance { back_ms: 0, ..how }),
            Event::Observed { observation: Observation::LeadershipAnnounced { epoch } } => self.claimed(server, epoch),
            Event::RequestReceived { rpc, request: Request::Cluster(ClusterRequest::BrokerHeartbeat(request)) } => {
                self.received(at_ns, (server, rpc), request);
            }
            Event::ResponseSent {
                rpc, response: Response::Cluster(ClusterResponse::BrokerHeartbeat(answer)), ..
            } => {
                self.answered((server, rpc), answer);
            }
            Event::RecordCommitted { epoch, record: MetadataRecord::BrokerRegistrationChange(record), .. }
                if record.fenced == 1 =>
            {
                self.fenced(record.broker_id, record.broker_epoch, epoch, verdict);
            }
            _ => {}
        }
    }
}

impl Heard {
    /// `timeout_ms` is the shortest `broker.session.timeout.ms` of any controller.
    fn of(timeout_ms: u64, calm: Vec<Calm>) -> Heard {
        let session_ns = timeout_ms.saturating_mul(1_000_000);
        Heard { session_ns, calm, open: BTreeMap::new(), unfenced: BTreeMap::new(), claims: BTreeMap::new() }
    }

    /// A controller claims an epoch.
    pub fn claimed(&mut self, controller: usize, epoch: LeaderEpoch) {
        self.claims.insert(controller, epoch);
    }

    /// A controller receives a heartbeat.
    fn received(&mut self, at_ns: u64, of: (usize, Rpc), request: &BrokerHeartbeatRequest) {
        let (broker, epoch) = (request.broker_id, request.broker_epoch);
        if request.want_fence || request.want_shut_down {
            self.unfenced.retain(|(other, ..), _| *other != broker);
            self.open.retain(|_, received| received.broker != broker);
        } else if let Some(claim) = self.claims.get(&of.0).copied() {
            self.open.insert(of, Received { broker, epoch, claim, at_ns });
        }
    }

    /// It answers.
    fn answered(&mut self, of: (usize, Rpc), answer: &BrokerHeartbeatResponse) {
        let Some(Received { broker, epoch, claim, at_ns }) = self.open.remove(&of) else { return };
        if answer.error == ErrorCode::None && !answer.is_fenced {
            let newest = self.unfenced.entry((broker, epoch, claim)).or_default();
            *newest = (at_ns, of.0).max(*newest);
        }
    }

    /// A controller's process is gone.
    pub fn down(&mut self, server: usize) {
        self.open.retain(|(controller, _), _| *controller != server);
    }

    /// A broker is fenced, as is committed now, by the controller that had claimed this epoch.
    pub fn fenced(&self, broker: NodeId, epoch: BrokerEpoch, claim: LeaderEpoch, verdict: &mut Verdict) {
        let Some((at_ns, controller)) = self.unfenced.get(&(broker, epoch, claim)) else { return };
        let is_calm = self.calm[*controller].lasts_since(*at_ns);
        let least_ns = if is_calm { self.session_ns / 10 * 9 } else { self.session_ns / FASTEST_RATE };
        if verdict.now_ns - at_ns < least_ns {
            verdict.fail(&HeardBrokerNotFenced::CLAIM, || {
                format!("broker {broker} is fenced although its heartbeat was accepted at {}", seconds(*at_ns))
            });
        }
    }
}

#[cfg(test)]
mod tests;
