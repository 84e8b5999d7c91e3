//! The models of all partitions, and what each crossing means to them.

use crate::checks::prelude::*;
use crate::checks::replication::answers::PresentLeaderObeyed;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft::broker::observation::BrokerObservation;
use raft::ids::{BrokerEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};
use raft::message::ErrorCode;
use raft::message::cluster::{AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult};
use raft::message::data::{DataFetchRequest, DataFetchResponse, PartitionProduceData, ProduceRequest, ProduceResponse};
use sim::watch::Down;
use smallvec::SmallVec;

use super::acks::Ack;
use super::answers::Answers;
use super::data_disk::DataDisk;
use super::elections::Cause;
use super::guards::ProposalKeptUntilKnown;
use super::min_isr::MinIsrs;
use super::partition::PartitionModel;
use super::partitions::Partitions;
use super::replica::Leading;
use super::unclean::UncleanElections;
use super::{acks, duplicates, elections};
use crate::checks::loss::facts::Fact;
use crate::checks::metadata::image::ReferenceBroker;
use crate::checks::metadata::model::{MetadataModel, PartitionState, Update};
use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::server_model::how_down::HowDown;

/// A Produce request with `acks=all` that was received and is not yet answered.
#[derive(Clone, Debug)]
struct PendingProduce {
    correlation_id: i32,
    partitions: Rc<[PartitionProduceData]>,
    /// Batches that each partition's log had when the request was received.
    before: SmallVec<[usize; 4]>,
    /// The oldest metadata that the broker may have used then.
    since: Offset,
}

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The lowest `min.insync.replicas` of any server.
    pub min_insync_replicas: i32,
    /// `unclean.leader.election.enable` of the controllers.
    pub unclean_leader_election_enable: bool,
}

#[derive(Clone, Debug)]
pub struct Replication {
    /// Node ids, by index.
    pub servers: Rc<[NodeId]>,
    pub(super) settings: Settings,
    /// All that ever were.
    pub partitions: Partitions,
    /// `min.insync.replicas` of each partition's topic.
    pub(super) min_isrs: Vec<MinIsrs>,
    /// By server: how far it had published when its request thread received its last input; -1: nothing. It
    /// may use newer metadata, as the step that publishes may do other things first.
    decided_by: Vec<Offset>,
    pub(super) disks: Vec<DataDisk>,
    /// Life numbers, by server.
    pub(super) lives: Vec<u32>,
    /// By server and connection: a connection carries the next request after the answer.
    produces: BTreeMap<(usize, u64), PendingProduce>,
    /// Answers of the running step.
    acks: Vec<Ack>,
    pub(super) answers: Answers,
    /// By server: whose proposals an answer has refused in the running step.
    refused: Vec<Vec<TopicIdPartition>>,
    /// Unclean elections that were requested.
    pub unclean: UncleanElections,
}

impl Replication {
    pub fn new(servers: Rc<[NodeId]>, settings: Settings) -> Replication {
        let count = servers.len();
        Replication {
            disks: vec![DataDisk::default(); count],
            lives: vec![0; count],
            decided_by: vec![Offset(-1); count],
            unclean: UncleanElections::new(count),
            partitions: Partitions::new(Rc::clone(&servers)),
            servers,
            settings,
            min_isrs: Vec::new(),
            produces: BTreeMap::new(),
            acks: Vec::new(),
            answers: Answers::new(count),
            refused: vec![Vec::new(); count],
        }
    }

    /// All partitions that ever were.
    pub fn partitions(&self) -> &[PartitionModel] {
        self.partitions.all()
    }

    pub(super) fn index_of(&mut self, id: TopicIdPartition) -> usize {
        let index = self.partitions.index_of(id);
        if self.min_isrs.len() <= index {
            self.min_isrs.resize_with(index + 1, MinIsrs::default);
        }
        index
    }

    pub fn metadata_changed(&mut self, update: &Update, metadata: &MetadataModel, verdict: &mut Verdict) {
        let image = metadata.image();
        let elr = image.is_elr_enabled();
        let registered_before =
            |id: NodeId| image.brokers.before(&id).map_or(BrokerEpoch::UNKNOWN, |it| it.broker_epoch);
        let restarts_uncleanly = |id: NodeId| update.unclean.contains(&id);
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
            let index = self.index_of(*id);
            let topic = image.topics.get(&id.topic_id).or_else(|| image.topics.before(&id.topic_id));
            let Some(topic) = topic else { continue };
            let min_isr = self.min_isr(topic, after.replicas.len(), metadata);
            self.min_isrs[index].committed(known_from, min_isr);
            let by_config = image.unclean_leader_election_enable(topic, self.settings.unclean_leader_election_enable);
            // KIP-966's "balanced recovery" needs no permission.
            let known = |state: &Rc<ReferencePartition>| elr && state.last_known_elr.contains(&after.leader);
            let last_known = self.partitions[index].now().is_some_and(known);
            let cause = Cause {
                registered_before: &registered_before,
                restarts_uncleanly: &restarts_uncleanly,
                elr,
                unclean_allowed: by_config || last_known || self.unclean.may_elect(topic, id.partition),
            };
            elections::changed(&mut self.partitions[index], after, cause, verdict);
        }
        if image.configs.is_touched() || image.features.is_touched() {
            for index in 0..self.partitions.all().len() {
                let Some(now) = self.partitions[index].now().cloned() else { continue };
                let Some(topic) = image.topics.get(&self.partitions[index].id.topic_id) else { continue };
                let min_isr = self.min_isr(topic, now.replicas.len(), metadata);
                self.min_isrs[index].committed(known_from, min_isr);
            }
        }
        for topic in image.deleted_topics() {
            let partitions = self.partitions.all_mut().iter_mut();
            for partition in partitions.filter(|partition| partition.id.topic_id == topic) {
                partition.facts.push(Fact::Deleted);
                let records = u64::try_from(partition.end_of(partition.acked).0).unwrap_or(0);
                if records > 0 {
                    verdict.excuse(Excuse::AckedLostByDeletion, records);
                }
            }
        }
    }

    /// As a broker counts it: at most the partition's replicas (controller-broker.md §6.3).
    fn min_isr(&self, topic: &str, replicas: usize, metadata: &MetadataModel) -> usize {
        let wanted = metadata.image().min_insync_replicas(topic, self.settings.min_insync_replicas);
        usize::try_from(wanted).unwrap_or(0).min(replicas)
    }

    pub fn produce_received(&mut self, server: usize, rpc: Rpc, request: &ProduceRequest) {
        if request.acks == -1 {
            let had = |requested: &PartitionProduceData| {
                let index = self.partitions.find(requested.partition.into());
                index.map_or(0, |index| self.partitions[index].replicas[server].log.count())
            };
            let before = request.partitions.iter().map(had).collect();
            let (partitions, since) = (Rc::clone(&request.partitions), self.decided_by[server]);
            let pending = PendingProduce { correlation_id: rpc.correlation_id, partitions, before, since };
            self.produces.insert((server, rpc.connection), pending);
        }
    }

    pub fn produce_answered(&mut self, server: usize, rpc: Rpc, answer: &ProduceResponse, verdict: &mut Verdict) {
        let Some(pending) = self.produces.remove(&(server, rpc.connection)) else { return };
        if pending.correlation_id != rpc.correlation_id {
            return;
        }
        let requested = pending.partitions.iter().zip(pending.before);
        for ((requested, before), answer) in requested.zip(answer.partitions.iter()) {
            let [batch] = &requested.records.0[..] else { continue };
            if answer.partition != requested.partition {
                continue;
            }
            let index = self.index_of(requested.partition);
            if answer.error == ErrorCode::OutOfOrderSequenceNumber {
                let partition = &self.partitions[index];
                duplicates::refused_out_of_order(partition, server, batch, before, verdict);
            } else if answer.error == ErrorCode::None {
                let partition = (index, &mut self.partitions[index]);
                let requested = (&**batch, before, pending.since);
                self.acks.extend(acks::acknowledges(partition, server, requested, answer.base_offset, verdict));
            }
        }
    }

    /// A broker's request thread receives its next input: the step before is complete, and all that follows from what
    /// it has `published` is done.
    #[inline]
    pub fn step_over(&mut self, server: usize, published: Option<Offset>, verdict: &mut Verdict) {
        let published = published.unwrap_or(Offset(-1));
        self.decided_by[server] = published;
        self.refused[server].clear();
        self.answers.step_over(server);
        for ack in self.acks.extract_if(.., |ack| ack.server == server) {
            let required = self.min_isrs[ack.partition].lowest_since(ack.since);
            acks::judge(&ack, &self.partitions[ack.partition], required, verdict);
        }
    }

    pub fn consumer_answered(&mut self, server: usize, answer: &DataFetchResponse, verdict: &mut Verdict) {
        for answer in answer.partitions.iter().filter(|answer| answer.error == ErrorCode::None) {
            let index = self.index_of(answer.partition);
            acks::answers_consumer(&mut self.partitions[index], server, answer, verdict);
        }
    }

    pub fn isr_proposed(&mut self, server: usize, request: &AlterPartitionRequest) {
        for item in request.partitions.iter() {
            let index = self.index_of(item.partition);
            if let Some(leads) = &mut self.partitions[index].replicas[server].leads {
                let members = item.new_isr_with_epochs.iter().map(|member| member.broker_id).collect();
                if leads.proposed.as_ref().is_none_or(|(base, _)| *base <= item.partition_epoch) {
                    leads.proposed = Some((item.partition_epoch, members));
                }
            }
        }
    }

    /// A broker's proposals are answered.
    pub fn proposals_answered(&mut self, server: usize, answer: &AlterPartitionResponse) {
        // The controller says that these were not carried out.
        let is_refused = |result: &&AlterPartitionResult| {
            matches!(result.error, ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted)
        };
        self.refused[server] = answer.partitions.iter().filter(is_refused).map(|result| result.partition).collect();
    }

    pub fn connected(&mut self, server: usize, token: u32, connection: u64) {
        self.answers.connected(server, token, connection);
    }

    /// A broker requests records from another one.
    pub fn fetches(&mut self, server: usize, connection: u64, request: &DataFetchRequest) {
        self.answers.asks(server, connection, &request.partitions);
    }

    pub fn fetch_answer_received(&mut self, server: usize, token: u32, answer: &DataFetchResponse) {
        let Replication { answers, partitions, .. } = self;
        answers.received(server, token, answer, |found| {
            let index = partitions.find(found.partition.into())?;
            Some((index, partitions[index].replicas[server].follows))
        });
    }

    /// A broker changes a data log: not by an outdated answer.
    #[inline]
    pub(super) fn obeys_present_leader(&self, server: usize, partition: usize, verdict: &mut Verdict) {
        if let Some(requested) = self.answers.outdated(server, partition) {
            let (id, of) = (self.servers[server], self.partitions[partition].id);
            let follows = self.partitions[partition].replicas[server].follows;
            verdict.fail(&PresentLeaderObeyed::CLAIM, || {
                let now =
                    follows.map_or_else(|| "it follows no leader now".to_owned(), |now| format!("it now follows in leader epoch {now}"));
                format!("partition {of}: broker {id} changes its log by an answer to a request of leader epoch {requested}; {now}")
            });
        }
    }

    pub fn observed(
        &mut self,
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
            | BrokerObservation::IsrState { of, .. }
            | BrokerObservation::Truncated { of, .. } => of,
            BrokerObservation::Lifecycle { .. } => return,
        };
        let Some(index) = self.partitions.find(of) else { return };
        let partition = &mut self.partitions[index];
        let replica = &mut partition.replicas[server];
        if let BrokerObservation::LeaderHighWatermark { offset, .. }
        | BrokerObservation::FollowerHighWatermark { offset, .. } = observation
        {
            replica.high_watermark = offset;
        }
        match observation {
            BrokerObservation::BecameLeader { epoch, .. } => {
                replica.follows = None;
                let led = replica.leads.take().map(|led| led.epoch);
                replica.leads = Some(Leading {
                    epoch,
                    high_watermark: None,
                    partition_epoch: PartitionEpoch(-1),
                    maximal: 0,
                    in_flight: false,
                    dormant: !metadata.is_registered(server, id),
                    proposed: None,
                });
                partition.facts.extend(led.map(|epoch| Fact::Ended { epoch, at: verdict.event }));
                let elr = metadata.image().is_elr_enabled();
                let min_isr = self.min_isrs[index].lowest_since(Offset(-1));
                elections::acts(partition, (server, self.lives[server]), epoch, (elr, min_isr), verdict);
            }
            BrokerObservation::BecameFollower { epoch, .. } => {
                replica.follows = Some(epoch);
                let led = replica.leads.take().map(|led| led.epoch);
                partition.facts.extend(led.map(|epoch| Fact::Ended { epoch, at: verdict.event }));
            }
            BrokerObservation::LeaderHighWatermark { epoch, offset, .. } => {
                let moved = (epoch, offset, self.decided_by[server]);
                self.acks.extend(acks::leader_high_watermark((index, partition), server, moved, verdict));
            }
            BrokerObservation::FollowerHighWatermark { offset, .. } => {
                acks::follower_high_watermark(partition, server, offset, verdict);
            }
            BrokerObservation::IsrState { partition_epoch, maximal, in_flight, .. } => {
                let waited = replica.leads.as_ref().filter(|leads| {
                    let base = leads.proposed.as_ref().map(|(base, _)| *base);
                    leads.in_flight && leads.partition_epoch == partition_epoch && base == Some(partition_epoch)
                });
                if waited.is_some() && !in_flight && !self.refused[server].contains(&partition.id) {
                    let of = partition.id;
                    verdict.fail(&ProposalKeptUntilKnown::CLAIM, || {
                        format!("partition {of}: leader {id} gives up its proposal, and whether that was carried out is unknown")
                    });
                }
                let replica = &mut partition.replicas[server];
                if let Some(leads) = &mut replica.leads {
                    *leads = Leading { partition_epoch, maximal, in_flight, ..leads.clone() };
                    if !in_flight {
                        leads.proposed = None;
                    }
                    if maximal == 1 && partition.now().is_some_and(|now| now.replicas.len() > 1) {
                        verdict.met(Situation::LeaderWithoutIsrPeer);
                    }
                }
            }
            BrokerObservation::Truncated { .. } | BrokerObservation::Lifecycle { .. } => {}
        }
        let required = self.min_isrs[index].lowest_since(self.decided_by[server]);
        let partition = &mut self.partitions[index];
        let committed_end = partition.committed_end();
        let replica = &mut partition.replicas[server];
        if let Some(leads) = replica.leads.as_ref().filter(|leads| usize::from(leads.maximal) >= required) {
            // A deposed leader that does not know it may be ahead of what is known to be committed.
            replica.enough_to = replica.enough_to.max(committed_end).max(leads.high_watermark.unwrap_or_default());
        }
    }

    pub fn down(&mut self, server: usize, how: Down, at: u64) {
        self.disks[server].down(HowDown::from(how));
        self.decided_by[server] = Offset(-1);
        self.answers.down(server);
        self.unclean.down(server);
        // What it had not yet reported is unknown.
        self.acks.retain(|ack| ack.server != server);
        let of_it: Vec<(usize, u64)> =
            self.produces.range((server, 0)..=(server, u64::MAX)).map(|(key, _)| *key).collect();
        of_it.iter().for_each(|key| {
            self.produces.remove(key);
        });

        for partition in self.partitions.all_mut() {
            let led = partition.replicas[server].leads.take();
            partition.facts.extend(led.map(|led| Fact::Ended { epoch: led.epoch, at }));
            partition.replicas[server].follows = None;
            partition.replicas[server].enough_to = Offset(0);
        }
    }
}
