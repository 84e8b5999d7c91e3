//! `ProducerIdBlocksDisjoint`: blocks as committed, as answered to brokers, and ids as answered to
//! producers.

use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use raft::ids::{NodeId, ProducerId};
use raft::message::cluster::AllocateProducerIdsResponse;
use raft::message::data::InitProducerIdResponse;
use raft::message::{ClusterResponse, DataResponse, ErrorCode, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::ProducerIds as ProducerIdsRecord;

claim! {
    /// A producer id is handed out once: by the controller to one broker, and by that broker to one producer.
    ProducerIdBlocksDisjoint by ProducerIds, Safety of Metadata, "KIP-730: producer ids are allocated in disjoint blocks";
}

/// A committed block.
#[derive(Clone, Copy, Debug)]
struct Block {
    end: ProducerId,
    broker: NodeId,
    answered: bool,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct ProducerIds {
    /// By first id.
    blocks: BTreeMap<i64, Block>,
    given: BTreeSet<(i64, i16)>,
}

impl Check for ProducerIds {
    const EVENTS: Kinds = Kinds::DATA.and(Kinds::RESPONSE_SENT).and(Kinds::RECORD_COMMITTED);

    fn new(_: &CheckConfig) -> ProducerIds {
        ProducerIds::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let id = models.servers[crossing.server].id;
        match crossing.event {
            Event::RecordCommitted { record: MetadataRecord::ProducerIds(record), .. } => {
                if let Some(cluster) = &models.cluster {
                    self.allocated(cluster.metadata().latest().next_producer_id(), record);
                }
            }
            Event::ResponseSent {
                to,
                response: Response::Cluster(ClusterResponse::AllocateProducerIds(answer)),
                ..
            } => {
                let to = models.servers.get(to).map(|server| server.id);
                self.block_answered(id, to, answer, verdict);
            }
            Event::ResponseSent { response: Response::Data(DataResponse::InitProducerId(answer)), .. } => {
                self.id_answered(id, answer, verdict);
            }
            _ => {}
        }
    }
}

impl ProducerIds {
    /// A block is committed: from the id that was next until now. (That the next one only grows, so
    /// that blocks do not overlap in the log, is a rule of replay.)
    fn allocated(&mut self, next: ProducerId, record: &ProducerIdsRecord) {
        let block = Block { end: record.next_producer_id, broker: record.broker_id, answered: false };
        self.blocks.insert(next.0, block);
    }

    /// A controller answers a broker, `to` if it is known.
    fn block_answered(
        &mut self,
        controller: NodeId,
        to: Option<NodeId>,
        answer: &AllocateProducerIdsResponse,
        verdict: &mut Verdict,
    ) {
        if answer.error != ErrorCode::None {
            return;
        }
        let (start, len) = (answer.producer_id_start, answer.producer_id_len);
        let block = self.blocks.get_mut(&start.0);
        let wrong = match block {
            Some(block) if block.end.0 != start.0 + i64::from(len) || to.is_some_and(|to| block.broker != to) => {
                Some(format!("the committed block ends at {} and belongs to broker {}", block.end, block.broker))
            }
            Some(block) if block.answered => Some("that block was handed out before".to_owned()),
            Some(block) => {
                block.answered = true;
                None
            }
            None => Some("no such block is committed".to_owned()),
        };
        if let Some(wrong) = wrong {
            verdict.fail(&ProducerIdBlocksDisjoint::CLAIM, || {
                format!("node {controller} hands out {len} producer ids from {start}; {wrong}")
            });
        }
    }

    /// A broker answers a producer.
    fn id_answered(&mut self, broker: NodeId, answer: &InitProducerIdResponse, verdict: &mut Verdict) {
        if answer.error != ErrorCode::None {
            return;
        }
        let (id, epoch) = (answer.producer_id, answer.producer_epoch);
        let block = self.blocks.range(..=id.0).next_back().map(|(_, block)| *block);
        let wrong = if !self.given.insert((id.0, epoch)) {
            Some("which another producer has")
        } else if !block.is_some_and(|block| id < block.end && block.broker == broker) {
            Some("which is in no block of this broker")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            verdict.fail(&ProducerIdBlocksDisjoint::CLAIM, || {
                format!("broker {broker} hands out producer id {id} with epoch {epoch}, {wrong}")
            });
        }
    }
}
