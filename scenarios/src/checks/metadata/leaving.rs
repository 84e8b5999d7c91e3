//! `ControlledShutdownEnds`: a broker in controlled shutdown may stop once it leads nothing and all other
//! unfenced brokers have reported metadata as new as that which removed its leaderships (KIP-841;
//! KAFKA-14292).
//!
//! The first answer that bids it wait comes when that metadata is committed, so what is committed then
//! is enough for ever: the offset that the others must reach is set once (controller-broker.md §3.3).
//! All is by the word of one controller, for its soft state begins anew with its claim: it then waits for
//! others that wish to leave, too, until they say so again.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::ids::{BrokerEpoch, NodeId, Offset};
use raft::io::Observation;
use raft::message::cluster::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use raft::message::{ClusterRequest, ClusterResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;
use smallvec::SmallVec;

use super::image::ReferenceImage;

claim! {
    /// A broker in controlled shutdown is told to stop only when all other active brokers have reported the metadata
    /// that put it there.
    ControlledShutdownWaits, Safety of Metadata, "KIP-841: BrokerHeartbeatManager.calculateNextBrokerState, lowestActiveOffset";
    /// A broker in controlled shutdown may stop as soon as no partition needs it.
    ControlledShutdownEnds by Leaving, Safety of Metadata, "KIP-841; controller-broker.md §3.3: the offset to wait for is set once; KAFKA-14292";
}

#[derive(Clone, Debug)]
struct Received {
    broker: NodeId,
    epoch: BrokerEpoch,
    offset: Offset,
    leaves: bool,
    /// It had to be let go when its heartbeat was taken.
    may_go: bool,
    /// Who else was active then.
    others: SmallVec<[NodeId; 4]>,
    /// Records since then that fence the broker.
    fences: u32,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    /// Heartbeats without an answer, by controller.
    open: BTreeMap<(usize, Rpc), Received>,
    /// By controller and broker: the offset that it last reported, and was answered.
    reported: BTreeMap<(usize, NodeId), Offset>,
    /// By controller and leaving broker: its epoch, and where the committed log ended when it was first
    /// bidden to wait.
    waits: BTreeMap<(usize, NodeId), (BrokerEpoch, Offset)>,
    /// By controller and broker: the newest offset of any of its heartbeats, answered or not.
    newest: BTreeMap<(usize, NodeId), Offset>,
    /// By broker: its epoch, and where the record stands that began its controlled shutdown.
    entered: BTreeMap<NodeId, (BrokerEpoch, Offset)>,
}

impl Check for Leaving {
    const EVENTS: Kinds = Kinds::DOWN
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::OBSERVED)
        .and(Kinds::RECORD_COMMITTED);

    fn new(_: &CheckConfig) -> Leaving {
        Leaving::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Some(cluster) = &models.cluster else { return };
        let (server, metadata) = (crossing.server, cluster.metadata());
        match crossing.event {
            Event::Down { .. } | Event::Observed { observation: Observation::LeadershipAnnounced { .. } } => {
                self.starts_anew(server);
            }
            Event::RequestReceived { rpc, request: Request::Cluster(ClusterRequest::BrokerHeartbeat(request)) } => {
                self.received((server, rpc), request, metadata.image());
            }
            Event::ResponseSent {
                rpc, response: Response::Cluster(ClusterResponse::BrokerHeartbeat(answer)), ..
            } => {
                self.answered((server, rpc), answer, (metadata.image(), metadata.end()), verdict);
            }
            Event::RecordCommitted { record: MetadataRecord::RegisterBroker(record), .. } => {
                self.registered(record.broker_id);
            }
            Event::RecordCommitted { offset, record: MetadataRecord::BrokerRegistrationChange(record), .. } => {
                self.registered(record.broker_id);
                if record.in_controlled_shutdown == 1 {
                    self.entered.insert(record.broker_id, (record.broker_epoch, offset));
                }
                if record.fenced == 1 {
                    self.fenced(record.broker_id);
                }
            }
            _ => {}
        }
    }
}

impl Leaving {
    /// A controller receives a heartbeat; `image` is what is committed.
    fn received(&mut self, of: (usize, Rpc), request: &BrokerHeartbeatRequest, image: &ReferenceImage) {
        let (broker, epoch, leaves) = (request.broker_id, request.broker_epoch, request.want_shut_down);
        let may_go = leaves && self.may_go(of.0, broker, epoch, image);
        let offset = Offset(request.current_metadata_offset);
        let newest = self.newest.entry((of.0, broker)).or_insert(offset);
        *newest = offset.max(*newest);
        let active = image.brokers.keys().copied().filter(|id| *id != broker && image.is_active(*id));
        let others = if leaves { active.collect() } else { SmallVec::new() };
        self.open.insert(of, Received { broker, epoch, offset, leaves, may_go, others, fences: 0 });
    }

    /// It answers; what is committed ends at `end`.
    fn answered(
        &mut self,
        of: (usize, Rpc),
        answer: &BrokerHeartbeatResponse,
        (image, end): (&ReferenceImage, Offset),
        verdict: &mut Verdict,
    ) {
        let Some(received) = self.open.remove(&of).filter(|_| answer.error == ErrorCode::None) else { return };
        let Received { broker, epoch, offset, leaves, may_go, .. } = received;
        let place = (of.0, broker);
        if !leaves {
            self.reported.insert(place, offset);
            self.waits.remove(&place);
        } else if answer.should_shut_down {
            // A controller that claims while it waits does not know that, and lets it go if it leads nothing.
            let waited = self.waits.remove(&place).filter(|(waited_in, _)| *waited_in == epoch);
            let entered = self.entered.get(&broker).filter(|(entered_in, _)| waited.is_some() && *entered_in == epoch);
            let lags = |other: &&NodeId| {
                let reported = self.newest.get(&(of.0, **other)).copied();
                image.is_active(**other) && entered.is_some_and(|(_, since)| reported < Some(*since))
            };
            if let Some(other) = received.others.iter().find(lags) {
                verdict.fail(&ControlledShutdownWaits::CLAIM, || {
                    let since = entered.map_or(Offset(-1), |(_, since)| *since);
                    format!("broker {broker} is told to shut down; broker {other} has not reported metadata up to {since}, with which its controlled shutdown began")
                });
            }
        } else if may_go && self.may_go(of.0, broker, epoch, image) {
            let since = self.waits.get(&place).map_or(Offset(-1), |(_, end)| *end);
            verdict.fail(&ControlledShutdownEnds::CLAIM, || {
                format!(
                    "broker {broker} leads no partition and all other brokers have reported metadata up to {since}, which removed its leaderships; its controlled shutdown still waits"
                )
            });
        } else if self.waits.get(&place).is_none_or(|(other, _)| *other != epoch) {
            self.waits.insert(place, (epoch, end));
        }
    }

    /// A controller claims an epoch, or its process is gone.
    pub fn starts_anew(&mut self, controller: usize) {
        self.open.retain(|(other, _), _| *other != controller);
        self.reported.retain(|(other, _), _| *other != controller);
        self.waits.retain(|(other, _), _| *other != controller);
        self.newest.retain(|(other, _), _| *other != controller);
    }

    /// A broker's registration is written anew: it counts as maximally behind until its next heartbeat,
    /// and one by whose own heartbeat it was written does not make up for that. One that leaves is waited for by none.
    pub fn registered(&mut self, broker: NodeId) {
        self.open.retain(|_, received| received.broker != broker || received.leaves);
        self.reported.retain(|(_, other), _| *other != broker);
    }

    /// A record fences a broker. That of a heartbeat that shuts the broker down is the only one while the heartbeat is
    /// open; any other is of a session that has expired, and a fenced broker may stop at once
    /// (`BrokerHeartbeatManager.calculateNextBrokerState`).
    fn fenced(&mut self, broker: NodeId) {
        // One that is fenced before the answer is decided is waited for no more, though it may be active again when
        // that answer, which waits for its own record, is sent.
        for received in self.open.values_mut().filter(|received| received.broker != broker && received.fences == 0) {
            received.others.retain(|other| *other != broker);
        }
        let mut open =
            self.open.values_mut().filter(|received| received.broker == broker && received.leaves).peekable();
        let is_expected = open.peek().is_some();
        let before = open.fold(0, |most, received| {
            received.fences += 1;
            most.max(received.fences)
        });
        if !is_expected || before > 1 {
            self.waits.retain(|(_, waiting), _| *waiting != broker);
        }
    }

    fn may_go(&self, controller: usize, broker: NodeId, epoch: BrokerEpoch, image: &ReferenceImage) -> bool {
        let waits = self.waits.get(&(controller, broker)).filter(|(waits_in, _)| *waits_in == epoch);
        let Some((_, end)) = waits else { return false };
        // One that came late, over a connection of before, puts its broker back.
        let open = |id: &NodeId| {
            let of = self.open.iter().filter(|((other, _), _)| *other == controller).map(|(_, received)| received);
            of.filter(|received| received.broker == *id).map(|received| received.offset).min()
        };
        let reported = |id: &NodeId| {
            let answered = self.reported.get(&(controller, *id)).is_some_and(|reported| reported >= end);
            answered && open(id).is_none_or(|offset| offset >= *end)
        };
        let mut others = image.brokers.iter().filter(|(id, other)| **id != broker && !other.fenced);
        let leads = || image.partitions.values().any(|partition| partition.leader == broker);
        others.all(|(id, _)| reported(id)) && !leads()
    }
}

#[cfg(test)]
mod tests;
