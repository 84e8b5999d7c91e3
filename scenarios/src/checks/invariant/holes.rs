//! `NoHoleBelowLogEnd`: the log that a replica asks votes for, and fetches behind, is all there.
//!
//! Judged from its Vote and Fetch requests, and when it begins to lead a partition. A controller's request may have waited
//! for its connection, so it may name an end that the log had earlier in the same life.

use crate::checks::prelude::*;
use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::ids::Offset;
use raft::io::Observation;
use raft::message::data::DataFetchRequest;
use raft::message::{DataRequest, Request};

use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::Partitions;

claim! {
    /// The log end that a replica names in its Vote and Fetch requests is that of records without a hole below.
    NoHoleBelowLogEnd by Holes, Safety of Server, "Raft §5.3: Log Matching; LogLoader.recoverLog";
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Holes {
    /// Of each server: the highest end that the records of its metadata log had, up to a hole, in this life.
    highest: Vec<Offset>,
}

impl Check for Holes {
    const EVENTS: Kinds = Kinds::DATA.and(Kinds::REQUEST_SENT).and(Kinds::OBSERVED).and(Kinds::WROTE).and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> Holes {
        Holes { highest: vec![Offset(0); config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        let named = match event {
            Event::Down { .. } => {
                self.highest[server] = Offset(0);
                return;
            }
            Event::RequestSent { request: Request::Vote(vote), .. } => Some(vote.last_offset),
            Event::RequestSent { request: Request::Fetch(fetch), .. } => Some(fetch.fetch_offset),
            Event::RequestSent { request: Request::Data(DataRequest::Fetch(fetch)), .. } => {
                if let Some(cluster) = &models.cluster {
                    fetches(server, fetch, &cluster.replication().partitions, verdict);
                }
                return;
            }
            Event::Observed { observation: Observation::Broker(BrokerObservation::BecameLeader { of, start, .. }) } => {
                if let Some(cluster) = &models.cluster {
                    leads(server, of, start, &cluster.replication().partitions, verdict);
                }
                return;
            }
            Event::Wrote { .. } => None,
            _ => return,
        };
        let written = models.servers[server].log.end(&models.ledger);
        let highest = &mut self.highest[server];
        *highest = (*highest).max(written);
        if let Some(named) = named.filter(|named| *named > *highest) {
            verdict.fail(&Holes::CLAIM, || {
                let id = models.servers[server].id;
                format!("node {id} names {named} as the end of its log, which has nothing at {written}")
            });
        }
    }
}

/// A follower fetches: its thread changes its logs before it makes the next request.
fn fetches(server: usize, fetch: &DataFetchRequest, partitions: &Partitions, verdict: &mut Verdict) {
    for requested in fetch.partitions.iter() {
        let Some(partition) = partitions.known(requested.partition.into()) else { continue };
        if requested.fetch_offset > partition.replicas[server].log.end(&partition.ledger) {
            has_hole(partition, server, requested.fetch_offset, verdict);
        }
    }
}

/// A broker leads, from the end of its log on.
fn leads(server: usize, of: PartitionTag, start: Offset, partitions: &Partitions, verdict: &mut Verdict) {
    let Some(partition) = partitions.known(of) else { return };
    if partition.replicas[server].log.has_hole_below(start, &partition.ledger) {
        has_hole(partition, server, start, verdict);
    }
}

/// A broker shows an end of its replica's log that is behind a hole.
#[cold]
#[track_caller]
pub fn has_hole(partition: &PartitionModel, server: usize, end: Offset, verdict: &mut Verdict) {
    let written = partition.replicas[server].log.end(&partition.ledger);
    verdict.fail_unless(partition.losses().promises_nothing(server), &Holes::CLAIM, || {
        let (of, id) = (partition.id, partition.node(server));
        format!("partition {of}: the log of broker {id} ends at {end}, and has nothing at {written}")
    });
}
