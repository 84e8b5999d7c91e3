//! The models of all partitions, and what each crossing means to them.

use crate::checks::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft::broker::observation::BrokerObservation;
use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};
use raft::message::ErrorCode;
use raft::message::cluster::{AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult};
use raft::message::data::{DataFetchResponse, PartitionProduceData, ProduceRequest, ProduceResponse};
use smallvec::SmallVec;

use super::acks::Ack;
use super::answers::Answers;
use super::data_disk::DataDisk;
use super::elections::Cause;
use super::partitions::{PartitionIndex, Partitions};
use super::replica::Leading;
use super::unclean::UncleanElections;
use super::{acks, elections, producers};
use crate::checks::loss::facts::Fact;
use crate::checks::metadata::image::ReferenceBroker;
use crate::checks::metadata::model::{MetadataModel, PartitionState, Update};
use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::server_model::ServerModel;

claim! {
    /// A leader gives up a proposal that it has sent only when the controller says that it was not carried out, or when
    /// the partition has changed.
    ProposalKeptUntilKnown, Safety of Partition, "KIP-497; Partition.handleAlterPartitionError";
}

/// A Produce request with `acks=all` that was received and is not yet answered.
#[derive(Clone, Debug)]
struct PendingProduce {
    correlation_id: i32,
    partitions: Rc<[PartitionProduceData]>,
    /// Batches that each partition's log had when the request was received.
    before: SmallVec<[usize; 4]>,
    /// How far the broker had published then, at least.
    since: Option<Offset>,
}

#[derive(Clone, Copy, Debug)]
pub struct ReplicationSettings {
    /// The lowest `min.insync.replicas` of any server.
    pub min_insync_replicas: i32,
    pub unclean_leader_election_enable: bool,
}

/// One broker, as far as it is not about one of its replicas.
#[derive(Clone, Debug, Default)]
pub struct Broker {
    pub disk: DataDisk,
    /// How far it had published when its request thread received its last input. It may use newer metadata, as the step
    /// that publishes may do other things first.
    decided_by: Option<Offset>,
    /// By connection: it carries the next request after the answer.
    produces: BTreeMap<u64, PendingProduce>,
    /// What it has said in the running step.
    acks: Vec<(PartitionIndex, Ack)>,
    pub answers: Answers,
    /// Whose proposals an answer has refused in the running step.
    refused: Vec<TopicIdPartition>,
}

#[derive(Clone, Debug)]
pub struct Replication {
    pub servers: Rc<[NodeId]>,
    settings: ReplicationSettings,
    pub partitions: Partitions,
    pub brokers: Vec<Broker>,
    pub unclean: UncleanElections,
}

impl Replication {
    pub fn new(servers: Rc<[NodeId]>, settings: ReplicationSettings) -> Replication {
        Replication {
            brokers: vec![Broker::default(); servers.len()],
            unclean: UncleanElections::default(),
            partitions: Partitions::new(Rc::clone(&servers)),
            servers,
            settings,
        }
    }

    pub fn metadata_changed(&mut self, update: &Update, metadata: &MetadataModel, verdict: &mut Verdict) {
        let image = metadata.image();
        let elr = image.is_elr_enabled();
        let Some(batch) = &update.batch else { return };
        let known_from = Offset(batch.next_offset().0 - 1);
        self.unclean.committed(batch.epoch);
        let fenced = |id: &NodeId| {
            let is_fenced = |broker: Option<&ReferenceBroker>| broker.is_some_and(|it| it.fenced);
            is_fenced(image.brokers.get(id)) && !is_fenced(image.brokers.before(id)) && !update.registered.contains(id)
        };
        if image.brokers.touched().any(fenced) {
            verdict.met(Situation::BrokerFenced);
        }
        for PartitionState { id, registration: after, .. } in &update.partitions {
            let index = self.partitions.index_of(*id);
            let topic = image.topics.get(&id.topic_id).or_else(|| image.topics.before(&id.topic_id));
            let Some(topic) = topic else { continue };
            let min_isr = self.min_isr(topic, after, metadata);
            let by_config = image.unclean_leader_election_enable(topic, self.settings.unclean_leader_election_enable);
            // KIP-966's "balanced recovery" needs no permission.
            let known = |state: &Rc<ReferencePartition>| elr && state.last_known_elr.contains(&after.leader);
            let last_known = self.partitions[index].now().is_some_and(known);
            let unclean_allowed = by_config || last_known || self.unclean.may_elect(topic, id.partition);
            let partition = &mut self.partitions[index];
            partition.requires(known_from, min_isr);
            elections::changed(partition, after, Cause { update, image, unclean_allowed }, verdict);
        }
        if image.configs.is_touched() || image.features.is_touched() {
            for index in 0..self.partitions.len() {
                let Some(now) = self.partitions[index].now() else { continue };
                let Some(topic) = image.topics.get(&self.partitions[index].id.topic_id) else { continue };
                let min_isr = self.min_isr(topic, now, metadata);
                self.partitions[index].requires(known_from, min_isr);
            }
        }
        for topic in image.deleted_topics() {
            for partition in self.partitions.iter_mut().filter(|partition| partition.id.topic_id == topic) {
                partition.facts.push(Fact::Deleted);
                let records = u64::try_from(partition.end_of(partition.acked).0).unwrap_or(0);
                if let Some(excuse) = partition.losses().lost_by_deletion().filter(|_| records > 0) {
                    verdict.excuse(excuse, records);
                }
            }
        }
    }

    /// As a broker counts it: at most the partition's replicas (controller-broker.md §6.3).
    fn min_isr(&self, topic: &str, partition: &ReferencePartition, metadata: &MetadataModel) -> usize {
        let wanted = metadata.image().min_insync_replicas(topic, self.settings.min_insync_replicas);
        usize::try_from(wanted).unwrap_or(0).min(partition.replicas.len())
    }

    pub fn produce_received(&mut self, server: usize, rpc: Rpc, request: &ProduceRequest) {
        if request.acks == -1 {
            let had = |requested: &PartitionProduceData| {
                let partition = self.partitions.known(requested.partition.into());
                partition.map_or(0, |partition| partition.replicas[server].log.count())
            };
            let before = request.partitions.iter().map(had).collect();
            let broker = &mut self.brokers[server];
            let (partitions, since) = (Rc::clone(&request.partitions), broker.decided_by);
            let pending = PendingProduce { correlation_id: rpc.correlation_id, partitions, before, since };
            broker.produces.insert(rpc.connection, pending);
        }
    }

    pub fn produce_answered(&mut self, server: usize, rpc: Rpc, answer: &ProduceResponse, verdict: &mut Verdict) {
        let broker = &mut self.brokers[server];
        let Some(pending) = broker.produces.remove(&rpc.connection) else { return };
        if pending.correlation_id != rpc.correlation_id {
            return;
        }
        let requested = pending.partitions.iter().zip(pending.before);
        for ((requested, before), answer) in requested.zip(answer.partitions.iter()) {
            let [batch] = &requested.records.0[..] else { continue };
            if answer.partition != requested.partition {
                continue;
            }
            let index = self.partitions.index_of(requested.partition);
            let partition = &mut self.partitions[index];
            if answer.error == ErrorCode::OutOfOrderSequenceNumber {
                producers::refused_out_of_order(partition, server, batch, before, verdict);
            } else if answer.error == ErrorCode::None {
                let requested = (&**batch, before, pending.since);
                let ack = acks::acknowledges(partition, server, requested, answer.base_offset, verdict);
                broker.acks.extend(ack.map(|ack| (index, ack)));
            }
        }
    }

    /// A broker's request thread receives its next input: the step before is complete, and all that follows from what
    /// it has `published` is done.
    #[inline]
    pub fn step_over(&mut self, server: usize, published: Option<Offset>, verdict: &mut Verdict) {
        let broker = &mut self.brokers[server];
        broker.decided_by = published;
        broker.refused.clear();
        broker.answers.outdated.clear();
        verdict.judges_step_before = true;
        for (partition, ack) in broker.acks.drain(..) {
            acks::judge(&ack, &self.partitions[partition], server, verdict);
        }
        verdict.judges_step_before = false;
    }

    pub fn consumer_answered(&mut self, server: usize, answer: &DataFetchResponse, verdict: &mut Verdict) {
        for answer in answer.partitions.iter().filter(|answer| answer.error == ErrorCode::None) {
            let index = self.partitions.index_of(answer.partition);
            acks::answers_consumer(&mut self.partitions[index], server, answer, verdict);
        }
    }

    pub fn isr_proposed(&mut self, server: usize, request: &AlterPartitionRequest) {
        for item in request.partitions.iter() {
            let index = self.partitions.index_of(item.partition);
            if let Some(leads) = &mut self.partitions[index].replicas[server].leads {
                let members = item.new_isr_with_epochs.iter().map(|member| member.broker_id).collect();
                if leads.proposed.as_ref().is_none_or(|(base, _)| *base <= item.partition_epoch) {
                    leads.proposed = Some((item.partition_epoch, members));
                }
            }
        }
    }

    pub fn proposals_answered(&mut self, server: usize, answer: &AlterPartitionResponse) {
        // The controller says that these were not carried out.
        let is_refused = |result: &&AlterPartitionResult| {
            matches!(result.error, ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted)
        };
        let refused = answer.partitions.iter().filter(is_refused).map(|result| result.partition);
        self.brokers[server].refused = refused.collect();
    }

    pub fn observed(
        &mut self,
        model: &ServerModel,
        server: usize,
        observation: BrokerObservation,
        metadata: &MetadataModel,
        verdict: &mut Verdict,
    ) {
        let id = self.servers[server];
        let of = match observation {
            BrokerObservation::BecameLeader { of, .. }
            | BrokerObservation::BecameFollower { of, .. }
            | BrokerObservation::LeaderHighWatermark { of, .. }
            | BrokerObservation::FollowerHighWatermark { of, .. }
            | BrokerObservation::IsrState { of, .. } => of,
            BrokerObservation::Truncated { .. } | BrokerObservation::Lifecycle { .. } => return,
        };
        let Some(index) = self.partitions.find(of) else { return };
        let (partition, broker) = (&mut self.partitions[index], &mut self.brokers[server]);
        let replica = &mut partition.replicas[server];
        match observation {
            BrokerObservation::BecameLeader { epoch, .. } => {
                replica.follows = None;
                let dormant = !metadata.is_registered(server, id);
                let partition_epoch = PartitionEpoch(-1);
                let led = replica.leads.replace(Leading { epoch, partition_epoch, dormant, ..Leading::default() });
                partition.facts.extend(led.map(|led| Fact::Ended { epoch: led.epoch, at: verdict.event }));
                let elr = metadata.image().is_elr_enabled();
                elections::acts(partition, (server, model.incarnation), epoch, elr, verdict);
            }
            BrokerObservation::BecameFollower { epoch, .. } => {
                replica.follows = Some(epoch);
                let led = replica.leads.take();
                partition.facts.extend(led.map(|led| Fact::Ended { epoch: led.epoch, at: verdict.event }));
            }
            BrokerObservation::LeaderHighWatermark { epoch, offset, .. } => {
                replica.reaches(offset);
                let moved = (epoch, offset, broker.decided_by);
                let ack = acks::leader_high_watermark(partition, server, moved, verdict);
                broker.acks.extend(ack.map(|ack| (index, ack)));
            }
            BrokerObservation::FollowerHighWatermark { offset, .. } => {
                replica.reaches(offset);
                acks::follower_high_watermark(partition, server, offset, verdict);
            }
            BrokerObservation::IsrState { partition_epoch, maximal, in_flight, .. } => {
                let Some(leads) = &mut replica.leads else { return };
                let is_sent = leads.proposed.as_ref().is_some_and(|(base, _)| *base == partition_epoch);
                let waited = leads.in_flight && leads.partition_epoch == partition_epoch && is_sent;
                (leads.partition_epoch, leads.maximal, leads.in_flight) = (partition_epoch, maximal, in_flight);
                if !in_flight {
                    leads.proposed = None;
                }
                if waited && !in_flight && !broker.refused.contains(&partition.id) {
                    let of = partition.id;
                    verdict.fail(&ProposalKeptUntilKnown::CLAIM, || {
                        format!("partition {of}: leader {id} gives up its proposal, and whether that was carried out is unknown")
                    });
                }
                if maximal == 1 && partition.now().is_some_and(|now| now.replicas.len() > 1) {
                    verdict.met(Situation::LeaderWithoutIsrPeer);
                }
            }
            BrokerObservation::Truncated { .. } | BrokerObservation::Lifecycle { .. } => {}
        }
        let required = partition.required_since(broker.decided_by);
        let committed_end = partition.committed_end();
        let replica = &mut partition.replicas[server];
        if let Some(leads) = replica.leads.as_ref().filter(|leads| usize::from(leads.maximal) >= required) {
            // A deposed leader that does not know it may be ahead of what is known to be committed.
            replica.enough_to = replica.enough_to.max(committed_end).max(leads.high_watermark.unwrap_or_default());
        }
    }

    /// What the process had not yet reported is unknown.
    pub fn down(&mut self, server: usize, claimed: Option<LeaderEpoch>, at: u64) {
        let broker = &mut self.brokers[server];
        *broker = Broker { disk: std::mem::take(&mut broker.disk), ..Broker::default() };
        self.unclean.down(server, claimed);
        for partition in self.partitions.iter_mut() {
            let replica = &mut partition.replicas[server];
            partition.facts.extend(replica.leads.take().map(|led| Fact::Ended { epoch: led.epoch, at }));
            replica.follows = None;
            replica.enough_to = Offset(0);
        }
    }
}
