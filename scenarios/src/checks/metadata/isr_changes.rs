//! `IsrCompareAndSet`: controllers accept an ISR change if it is made from the newest partition epoch,
//! and no other one (KIP-497, KAFKA-428); as fenced they refuse only a leader that metadata has
//! replaced, for that is final: a controller that lags must say that it is none (KAFKA-14154).
//!
//! Judged from requests and answers on the wire, and from committed metadata.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::NodeId;
use raft::message::cluster::{AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse};
use raft::message::{ClusterRequest, ClusterResponse, ErrorCode, Request, Response};

use super::image::ReferenceImage;

claim! {
    /// An ISR change is accepted only with the newest partition epoch, and refused as fenced only to an older
    /// leader.
    IsrCompareAndSet by IsrChanges, Safety of Metadata, "KIP-497, controller-broker.md §4.3; KAFKA-428, KAFKA-14154";
}

/// A request that a controller has received and not yet answered.
#[derive(Clone, Debug)]
struct Pending {
    of: (usize, Rpc),
    leader: NodeId,
    items: Rc<[AlterPartitionItem]>,
}

/// All that wait.
#[derive(Clone, Debug, Default)]
pub struct IsrChanges {
    pending: Vec<Pending>,
}

impl Check for IsrChanges {
    const EVENTS: Kinds = Kinds::DOWN.and(Kinds::REQUEST_RECEIVED).and(Kinds::RESPONSE_SENT);

    fn new(_: &CheckConfig) -> IsrChanges {
        IsrChanges::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let server = crossing.server;
        match crossing.event {
            Event::Down { .. } => self.down(server),
            Event::RequestReceived { rpc, request: Request::Cluster(ClusterRequest::AlterPartition(request)) } => {
                self.received((server, rpc), request);
            }
            Event::ResponseSent {
                rpc, response: Response::Cluster(ClusterResponse::AlterPartition(answer)), ..
            } => {
                if let Some(cluster) = &models.cluster {
                    self.answered((server, rpc), answer, cluster.metadata().image(), verdict);
                }
            }
            _ => {}
        }
    }
}

impl IsrChanges {
    /// A controller receives a request.
    fn received(&mut self, of: (usize, Rpc), request: &AlterPartitionRequest) {
        let items = Rc::clone(&request.partitions);
        self.pending.push(Pending { of, leader: request.broker_id, items });
    }

    /// It answers.
    fn answered(
        &mut self,
        of: (usize, Rpc),
        answer: &AlterPartitionResponse,
        image: &ReferenceImage,
        verdict: &mut Verdict,
    ) {
        let Some(place) = self.pending.iter().position(|pending| pending.of == of) else { return };
        let Pending { leader, items, .. } = self.pending.swap_remove(place);
        if answer.error != ErrorCode::None {
            return;
        }
        for result in answer.partitions.iter() {
            let Some(item) = items.iter().find(|item| item.partition == result.partition) else { continue };
            let (id, from) = (item.partition, item.partition_epoch);
            if result.error == ErrorCode::None && !(from.0..=from.0 + 1).contains(&result.partition_epoch.0) {
                verdict.fail(&IsrCompareAndSet::CLAIM, || {
                    format!(
                        "partition {id}: a change that leader {leader} made from partition epoch {from} is accepted as partition epoch {}",
                        result.partition_epoch
                    )
                });
            }
            let now = image.partitions.get(&id).map(|partition| partition.leader_epoch);
            if result.error == ErrorCode::FencedLeaderEpoch && now.is_some_and(|now| now <= item.leader_epoch) {
                verdict.fail(&IsrCompareAndSet::CLAIM, || {
                    format!(
                        "partition {id}: leader {leader} of leader epoch {} gets FENCED_LEADER_EPOCH; committed metadata has no newer leader epoch",
                        item.leader_epoch
                    )
                });
            }
        }
    }

    /// A server is down.
    pub fn down(&mut self, server: usize) {
        self.pending.retain(|pending| pending.of.0 != server);
    }
}
