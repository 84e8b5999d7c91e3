//! What brokers add to the checks of a quorum: committed metadata and replication, and which
//! crossing of the border means what to them. A quorum alone has none of this and pays nothing.

use crate::checks::prelude::*;
use std::collections::BTreeSet;
use std::rc::Rc;

use raft::client::{AttemptEvent, TopicPartition};
use raft::ids::{BrokerEpoch, NodeId, Offset, TopicIdPartition};
use raft::io::{DurableFiles, Observation, PartitionShown, ThreadName};
use raft::message::cluster::{AlterPartitionResult, BrokerState};
use raft::message::{ClusterRequest, ClusterResponse, DataRequest, DataResponse, ErrorCode, Request, Response};
use smallvec::SmallVec;

use super::clients::ClientHistories;
use super::clients::retries::Retries;
use super::clients::validations::Validations;
use super::fresh::FreshClients;
use super::metadata::model::{MetadataModel, Update};
use super::recovery::Missing;
use super::replication::committed_log::Change;
use super::replication::{Replication, ReplicationSettings, producers};
use super::second_reader;
use super::server_model::ServerModel;

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Node ids of the servers that have the role.
    pub ids: Vec<NodeId>,
    pub settings: ReplicationSettings,
    /// Index of the first client that begins after healing.
    pub first_fresh_client: usize,
    /// Partitions that such clients write and read.
    pub partitions: usize,
    /// Names that clients were configured with.
    pub topics: Rc<[Rc<str>]>,
    /// How many of them come first that stay.
    pub lasting_topics: usize,
    /// The shorter of their `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub retry_backoff_ms: u64,
    pub controllers_min_insync_replicas: i32,
    /// Their `broker.session.timeout.ms`; the longest.
    pub session_timeout_ms: u32,
    /// And the shortest.
    pub shortest_session_timeout_ms: u32,
}

#[derive(Clone, Debug)]
pub struct ClusterChecks {
    brokers: Vec<NodeId>,
    pub(super) metadata: MetadataModel,
    pub(super) replication: Replication,
    /// Where the committed metadata ended at healing.
    to_be_published: Offset,
    /// Clients that begin after healing.
    pub fresh: FreshClients,
    /// Partitions whose clients may never be served, once recovery is overdue.
    pub given_up: BTreeSet<TopicIdPartition>,
    retries: Retries,
    validations: Validations,
    pub histories: ClientHistories,
}

impl ClusterChecks {
    pub fn new(servers: &[NodeId], config: BrokerConfig) -> ClusterChecks {
        let BrokerConfig { ids, settings, controllers_min_insync_replicas, .. } = config;
        let BrokerConfig { first_fresh_client, partitions, topics, lasting_topics, retry_backoff_ms, .. } = config;
        ClusterChecks {
            brokers: ids.clone(),
            metadata: MetadataModel::new(servers.len(), controllers_min_insync_replicas),
            replication: Replication::new(servers.into(), settings),
            to_be_published: Offset(0),
            histories: ClientHistories::new(&topics, lasting_topics, &ids),
            fresh: FreshClients::new(first_fresh_client, partitions),
            given_up: BTreeSet::new(),
            retries: Retries::new(retry_backoff_ms),
            validations: Validations::default(),
        }
    }

    pub fn metadata(&self) -> &MetadataModel {
        &self.metadata
    }

    pub fn is_broker(&self, id: NodeId) -> bool {
        self.brokers.contains(&id)
    }

    pub fn replication(&self) -> &Replication {
        &self.replication
    }

    /// What clients did is held against what an event has made of committed logs.
    fn judge_changes(&mut self, verdict: &mut Verdict) {
        for (partition, change) in std::mem::take(&mut verdict.log_changes) {
            self.histories.log_changed(partition, &change, &mut self.replication.partitions, verdict);
            if let (Change::Grown { place, .. }, Some(index)) = (&change, self.replication.partitions.find(partition)) {
                producers::follows(&self.replication.partitions[index], *place, verdict);
            }
        }
    }

    /// All its records are replayed, and judged as changes of the image: clients must have requested them.
    pub fn was_requested(&mut self, update: &Update, verdict: &mut Verdict) {
        for (offset, record) in update.batch.iter().flat_map(|batch| batch.metadata_records()).flatten() {
            self.histories.metadata_committed(offset, record, verdict);
        }
    }

    /// Something crosses a server's border, which its model does not know yet; the metadata log is committed up to
    /// `committed_end`. True if only data logs are concerned.
    #[inline]
    pub fn on(
        &mut self,
        crossing: &Crossing<'_>,
        model: &ServerModel,
        committed_end: Offset,
        verdict: &mut Verdict,
    ) -> bool {
        verdict.event += 1;
        let ClusterChecks { metadata, replication, histories, .. } = self;
        let server = crossing.server;
        match crossing.event {
            Event::Booted { disk, .. } => {
                metadata.booted(server, committed_end);
                let registered = metadata.image().broker_epoch(replication.servers[server]);
                replication.booted(server, registered, model.down, disk, verdict);
            }
            Event::Down { .. } => replication.down(server, model.claimed, verdict.event),
            Event::Input { thread: ThreadName::RequestHandler } => {
                replication.step_over(server, metadata.published(server), verdict);
            }
            Event::RequestReceived { rpc, request } => match request {
                Request::Cluster(ClusterRequest::AlterPartition(request)) => {
                    let mut members = request.partitions.iter().flat_map(|item| item.new_isr_with_epochs.iter());
                    let former = |member: &BrokerState| {
                        let is_known = member.broker_epoch != BrokerEpoch::UNKNOWN;
                        is_known && metadata.image().broker_epoch(member.broker_id) > member.broker_epoch
                    };
                    if members.any(former) {
                        verdict.met(Situation::IsrChangeOfFormerProcess);
                    }
                }
                Request::Cluster(ClusterRequest::BrokerRegistration(request)) => {
                    metadata.registration_received(request)
                }
                Request::Data(DataRequest::Produce(request)) => replication.produce_received(server, rpc, request),
                Request::Envelope(request) => replication.unclean.received(server, rpc, request),
                _ => {}
            },
            Event::RequestSent { rpc, request } => match request {
                Request::Cluster(ClusterRequest::AlterPartition(request)) => replication.isr_proposed(server, request),
                Request::Data(DataRequest::Fetch(request)) => {
                    replication.brokers[server].answers.requested(rpc.connection, &request.partitions);
                }
                Request::Envelope(_) => histories.forwarded(replication.servers[server], rpc.connection),
                _ => {}
            },
            Event::ResponseReceived { token, response, .. } => match response {
                Response::Data(DataResponse::Fetch(answer)) => {
                    let Replication { brokers, partitions, .. } = replication;
                    brokers[server].answers.received(server, token, answer, partitions);
                }
                Response::Cluster(ClusterResponse::AlterPartition(answer)) => {
                    replication.proposals_answered(server, answer);
                }
                _ => {}
            },
            Event::ResponseSent { rpc, to, response } => match response {
                Response::Data(DataResponse::Produce(answer)) => {
                    replication.produce_answered(server, rpc, answer, verdict);
                }
                Response::Data(DataResponse::Fetch(answer)) if to >= replication.servers.len() => {
                    replication.consumer_answered(server, answer, verdict);
                }
                Response::Cluster(ClusterResponse::AlterPartition(answer)) => {
                    let is_refused = |result: &AlterPartitionResult| result.error != ErrorCode::None;
                    if answer.error != ErrorCode::None || answer.partitions.iter().any(is_refused) {
                        verdict.met(Situation::AlterPartitionRejected);
                    }
                }
                Response::Envelope(answer) => replication.unclean.answered(server, rpc, model.claimed, answer),
                _ => {}
            },
            Event::Connected { token, connection } => replication.brokers[server].answers.connected(token, connection),
            Event::Wrote { write } => return replication.wrote(server, write, verdict),
            Event::Synced { synced } => return replication.synced(server, synced),
            Event::FsyncFailed { file, before, left } => replication.fsync_failed(server, (file, before), left),
            Event::Observed { observation } => match observation {
                Observation::Published { offset, .. } => metadata.publishes(server, offset),
                Observation::Broker(observation) => replication.observed(model, server, observation, metadata, verdict),
                _ => {}
            },
            _ => {}
        }
        if !verdict.log_changes.is_empty() {
            self.judge_changes(verdict);
        }
        false
    }

    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        self.fresh.attempt(client, event);
        self.retries.attempt(at_ns, client, event, verdict);
        self.validations.attempt(client, event, verdict);
        self.histories.attempt(client, event, &mut self.replication.partitions, verdict);
    }

    pub fn finish(&mut self, recovered: bool, overdue: bool, verdict: &mut Verdict) {
        for partition in self.replication.partitions.iter().filter(|partition| !partition.is_deleted()) {
            let excuses = partition.out_of_sync().filter_map(|(_, excuse)| excuse);
            excuses.for_each(|excuse| verdict.excuse(excuse, 1));
        }
        self.histories.finish((recovered, overdue), &mut self.replication.partitions, verdict);
    }

    /// Partitions of whose log something acknowledged or committed was destroyed.
    pub fn cut_logs(&self) -> BTreeSet<String> {
        self.histories.cut_logs(&self.replication.partitions)
    }

    /// Compares what a broker shows of its replicas, and its disk if given.
    pub fn audit(
        &mut self,
        server: usize,
        settled: bool,
        shown: &[PartitionShown],
        disk: Option<&dyn DurableFiles>,
        verdict: &mut Verdict,
    ) -> Option<String> {
        let of = |shown: &PartitionShown, wrong: String| format!("partition {}: {wrong}", shown.id);
        let differs = |shown| Some(of(shown, self.replication.differs(server, shown, settled, verdict)?));
        let read_otherwise =
            |shown: &PartitionShown| Some(of(shown, second_reader::differs(shown.last_batch.as_ref()?)?));
        let differs = shown.iter().find_map(differs);
        differs
            .or_else(|| self.replication.differs_from_disk(server, disk?))
            .or_else(|| disk.and_then(|_| shown.iter().find_map(read_otherwise)))
    }

    /// All faults are over: images shall go as far as the metadata does now.
    pub fn healed(&mut self, committed_end: Offset, verdict: &mut Verdict) {
        self.to_be_published = committed_end;
        self.histories.healed(&mut self.replication.partitions, verdict);
        self.retries.healed();
    }

    /// The first recovery predicate that does not hold: all running brokers are unfenced, partitions
    /// that promises allow are led and fully in sync, and images go as far as the metadata did at
    /// healing.
    pub fn missing(&mut self, servers: &[ServerModel]) -> Option<Missing> {
        let image = self.metadata.image();
        let index = |id: NodeId| servers.iter().position(|server| server.id == id);
        let is_live = |id: NodeId| index(id).is_some_and(|server| servers[server].takes_part());
        let of = |ids: &mut dyn Iterator<Item = NodeId>| ids.filter_map(index).collect::<SmallVec<[usize; 8]>>();

        let fenced = of(&mut self.brokers.iter().copied().filter(|id| is_live(*id) && !image.is_active(*id)));
        if !fenced.is_empty() {
            return Some(Missing::new("all live brokers unfenced", fenced));
        }
        for partition in self.replication.partitions.iter().filter(|partition| !partition.is_deleted()) {
            let Some(now) = partition.now() else { continue };
            // With ELR on nobody may be left who can lead without being chosen uncleanly; but the last
            // known leader is, by whatever fences, unfences or registers a broker (controller-broker.md §4.4, §4.5). Nobody
            // is known after a `ClearElr`.
            let is_known = |id: NodeId| {
                is_live(id) && image.is_active(id) && now.directory(id).is_some_and(|dir| image.is_online(id, dir))
            };
            let last_known = match *now.last_known_elr {
                [known] => image.is_elr_enabled() && is_known(known),
                _ => false,
            };
            let may_be_led = !now.isr.is_empty() || !now.elr.is_empty() || last_known;
            if !now.has_leader() && may_be_led {
                return Some(Missing {
                    partition: Some(partition.id),
                    ..Missing::new("every partition led", Vec::new())
                });
            }
            let out_of_sync = partition.out_of_sync().filter(|(server, _)| servers[*server].up);
            let out: SmallVec<[usize; 8]> =
                out_of_sync.filter_map(|(server, excuse)| excuse.is_none().then_some(server)).collect();
            if !out.is_empty() {
                return Some(Missing { partition: Some(partition.id), ..Missing::new("every replica in sync", out) });
            }
        }
        let target = self.to_be_published;
        let behind = |id: &NodeId| {
            let published = index(*id).and_then(|server| self.metadata.published(server));
            published.is_none_or(|published| published.0 + 1 < target.0)
        };
        let behind = of(&mut self.brokers.iter().copied().filter(|id| is_live(*id) && behind(id)));
        if !behind.is_empty() {
            return Some(Missing::new("images published to the committed end", behind));
        }
        if let Some(missing) = self.fresh_missing() {
            return Some(missing);
        }
        if let Some((id, log, offset)) = self.histories.unread(&self.given_up, &mut self.replication.partitions) {
            return Some(Missing { partition: Some(id), ..Missing::unread(log, offset) });
        }
        self.histories
            .is_ahead(&self.replication.partitions)
            .then(|| Missing::new("all that clients have seen is committed", []))
    }

    /// What clients are still to do.
    pub fn fresh_missing(&mut self) -> Option<Missing> {
        if !self.retries.are_done() {
            return Some(Missing::new("every admin call that has failed is sent again, or ends", []));
        }
        let (histories, partitions) = (&mut self.histories, &mut self.replication.partitions);
        let given_up = if self.given_up.is_empty() { BTreeSet::new() } else { self.fresh.partitions() };
        let is_given_up =
            |of: &TopicPartition| histories.partition_of(*of, partitions).is_some_and(|id| self.given_up.contains(&id));
        let given_up = given_up.into_iter().filter(is_given_up).collect();
        let cut_below = |partition, offset| histories.cut_below(partition, offset, partitions);
        let (predicate, of, next) = self.fresh.missing(&given_up, cut_below)?;
        let partition = of.and_then(|of| histories.partition_of(of, partitions));
        Some(Missing { partition, next, ..Missing::new(predicate, []) })
    }

    /// Why may what clients are to do in a partition never be done? Then nobody waits for that partition any more.
    pub fn gives_up(&mut self, missing: &Missing) -> Option<Excuse> {
        let of = missing.partition.filter(|_| missing.servers.is_empty())?;
        let partition = self.replication.partitions.iter().find(|partition| partition.id == of)?;
        let excuse = partition.may_refuse_forever(missing.next)?;
        self.given_up.insert(of).then_some(excuse)
    }
}
