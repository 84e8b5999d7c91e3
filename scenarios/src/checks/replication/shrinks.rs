//! `IsrNotShrunkEarly`: a replica that keeps up stays in the ISR.
//!
//! A replica has caught up when a Fetch of it reaches the end of its leader's log. Leaders count on the wall clock, so
//! one is judged only while nothing disturbs that.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::ids::{NodeId, PartitionEpoch};
use raft::io::Observation;
use raft::message::cluster::AlterPartitionRequest;
use raft::message::data::DataFetchRequest;
use raft::message::{ClusterRequest, DataRequest, Request, Response};

use crate::checks::invariant::timings::{Calm, shortest_ns};

claim! {
    /// A leader proposes to remove a replica from its ISR only when that has not caught up with it for
    /// `replica.lag.time.max.ms`.
    IsrNotShrunkEarly by Shrinks, Safety of Partition, "KIP-16: replica.lag.time.max.ms; Replica.isCaughtUp";
}

/// When each replica has caught up last, ns.
type CaughtUp = BTreeMap<NodeId, u64>;

/// What a leader knows of its replicas.
#[derive(Clone, Debug, Default)]
struct Leader {
    caught_up: CaughtUp,
    /// The base of its newest proposal, when it made that, and what it knew then.
    proposal: Option<(PartitionEpoch, u64, CaughtUp)>,
}

/// All leaders, by server and partition.
#[derive(Clone, Debug)]
pub struct Shrinks {
    lag_ns: Vec<u64>,
    calm: Vec<Calm>,
    /// Whether each process has answered a request: before, it handles none
    /// (`SocketServer.enableRequestProcessing`), while it checks its ISRs already.
    serves: Vec<bool>,
    leaders: BTreeMap<(usize, PartitionTag), Leader>,
}

impl Check for Shrinks {
    const EVENTS: Kinds =
        Kinds::DATA.and(Kinds::REQUEST_SENT).and(Kinds::OBSERVED).and(Kinds::DOWN).and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Shrinks {
        let lag_ns = config.timings.iter().map(|timings| shortest_ns(timings.replica_lag_ms, config.fastest_ppm));
        Shrinks {
            lag_ns: lag_ns.collect(),
            calm: vec![Calm::new(config.slowest_ppm); config.servers.len()],
            serves: vec![false; config.servers.len()],
            leaders: BTreeMap::new(),
        }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::RequestReceived { request: Request::Data(DataRequest::Fetch(fetch)), .. } if self.serves[server] => {
                self.fetched(at_ns, server, fetch, models);
            }
            Event::RequestSent { request: Request::Cluster(ClusterRequest::AlterPartition(request)), .. } => {
                self.proposed(server, request, models, verdict);
            }
            Event::Observed { observation: Observation::Broker(observation) } => match observation {
                BrokerObservation::BecameLeader { of, .. } => {
                    self.leaders.insert((server, of), Leader::default());
                }
                BrokerObservation::BecameFollower { of, .. } => {
                    self.leaders.remove(&(server, of));
                }
                BrokerObservation::IsrState { of, partition_epoch, in_flight, .. } => {
                    let Some(leader) = self.leaders.get_mut(&(server, of)) else { return };
                    let is_known = leader.proposal.as_ref().is_some_and(|(base, ..)| *base == partition_epoch);
                    match in_flight {
                        false => leader.proposal = None,
                        // While it waits for its answer, and is sent again, the replicas may catch up.
                        true if is_known => {}
                        true => leader.proposal = Some((partition_epoch, at_ns, leader.caught_up.clone())),
                    }
                }
                _ => {}
            },
            Event::ResponseSent { response: Response::Data(_), .. } => self.serves[server] = true,
            Event::Down { .. } => {
                self.serves[server] = false;
                self.leaders.retain(|(of, _), _| *of != server);
            }
            Event::Disturbed { how } => self.calm[server].disturbed(at_ns, how),
            _ => {}
        }
    }
}

impl Shrinks {
    fn fetched(&mut self, at_ns: u64, server: usize, fetch: &DataFetchRequest, models: &Models) {
        // Consumers have no id.
        let (Some(cluster), Some(_)) = (&models.cluster, fetch.replica_id.known()) else { return };
        if cluster.metadata().image().broker_epoch(fetch.replica_id) != fetch.replica_epoch {
            return;
        }
        let partitions = &cluster.replication().partitions;
        for requested in fetch.partitions.iter() {
            let tag = requested.partition.into();
            let Some(leader) = self.leaders.get_mut(&(server, tag)) else { continue };
            let Some(partition) = partitions.known(tag) else { continue };
            let replica = &partition.replicas[server];
            let leads = replica.leads.as_ref().is_some_and(|leads| leads.epoch == requested.current_leader_epoch);
            // A log that diverges is not caught up, however long it is (`Partition.fetchRecords`).
            let agrees =
                replica.log.last_epoch(&partition.ledger).is_none_or(|last| last == requested.last_fetched_epoch);
            if leads && agrees && requested.fetch_offset == replica.log.end(&partition.ledger) {
                leader.caught_up.insert(fetch.replica_id, at_ns);
            }
        }
    }

    fn proposed(&self, server: usize, request: &AlterPartitionRequest, models: &Models, verdict: &mut Verdict) {
        let Some(cluster) = &models.cluster else { return };
        let partitions = &cluster.replication().partitions;
        for item in request.partitions.iter() {
            let tag = item.partition.into();
            let proposal = self.leaders.get(&(server, tag)).and_then(|leader| leader.proposal.as_ref());
            let Some((base, at_ns, caught_up)) = proposal else { continue };
            let of_base = partitions.known(tag).and_then(|partition| partition.at(*base));
            let Some(before) = of_base.filter(|_| *base == item.partition_epoch) else { continue };
            let stays = |id: &NodeId| item.new_isr_with_epochs.iter().any(|member| member.broker_id == *id);
            for removed in before.isr.iter().filter(|id| !stays(id)) {
                let Some(since_ns) = caught_up.get(removed) else { continue };
                let waited_ns = at_ns - since_ns;
                if waited_ns < self.lag_ns[server] && self.calm[server].lasts_since(*since_ns) {
                    verdict.fail(&IsrNotShrunkEarly::CLAIM, || {
                        format!(
                            "partition {}: its leader, broker {}, removes replica {removed} from the ISR {} ms after that has caught up; replica.lag.time.max.ms lasts {} ms at least",
                            item.partition,
                            models.servers[server].id,
                            waited_ns / 1_000_000,
                            self.lag_ns[server] / 1_000_000
                        )
                    });
                }
            }
        }
    }
}
