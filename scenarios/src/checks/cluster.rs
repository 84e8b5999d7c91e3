//! What brokers add to the checks of a quorum: committed metadata and replication, and which
//! crossing of the border means what to them. A quorum alone has none of this and pays nothing.

use crate::checks::prelude::*;
use std::collections::BTreeSet;
use std::rc::Rc;

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::client::AttemptEvent;
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset};
use raft::io::{DurableFiles, PartitionShown};
use raft::message::cluster::{AlterPartitionResponse, BrokerState};
use raft::message::data::DataFetchResponse;
use raft::message::{ClusterRequest, ClusterResponse, DataRequest, DataResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;
use sim::watch::{Synced, Write};
use smallvec::SmallVec;

use super::clients::ClientHistories;
use super::clients::retries::Retries;
use super::committed::Committed;
use super::coverage::{Coverage, Situation};
use super::fresh::FreshClients;
use super::metadata::model::{MetadataModel, Update};
use super::recovery::Missing;
use super::replication::partition::Change;
use super::replication::{Around, Replication, Settings, sequences};
use super::second_reader;
use super::server_model::ServerModel;
use super::server_model::boot::HowDown;
use super::server_model::ledger::Ledger;

/// What the checks need to know of brokers.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Node ids of the servers that have the role.
    pub ids: Vec<NodeId>,
    /// Properties that decide.
    pub settings: Settings,
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
    /// The controllers' static `min.insync.replicas`.
    pub controllers_min_insync_replicas: i32,
    /// Their `broker.session.timeout.ms`; the longest.
    pub session_timeout_ms: u32,
    /// And the shortest.
    pub shortest_session_timeout_ms: u32,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct ClusterChecks {
    brokers: Vec<NodeId>,
    metadata: MetadataModel,
    replication: Replication,
    /// Of committed logs, not judged yet.
    changes: Vec<(PartitionTag, Change)>,
    acked_records: u64,
    excused_records: u64,
    /// Where the committed metadata ended at healing.
    to_be_published: Offset,
    /// Clients that begin after healing.
    pub fresh: FreshClients,
    retries: Retries,
    /// What all clients did.
    pub histories: ClientHistories,
}

impl ClusterChecks {
    /// Before anything happened.
    pub fn new(servers: &[NodeId], config: BrokerConfig) -> ClusterChecks {
        let BrokerConfig { ids, settings, controllers_min_insync_replicas, .. } = config;
        let BrokerConfig { first_fresh_client, partitions, topics, lasting_topics, retry_backoff_ms, .. } = config;
        ClusterChecks {
            brokers: ids.clone(),
            metadata: MetadataModel::new(servers.len(), controllers_min_insync_replicas),
            replication: Replication::new(servers.to_vec(), settings),
            changes: Vec::new(),
            acked_records: 0,
            excused_records: 0,
            to_be_published: Offset(0),
            histories: ClientHistories::new(&topics, lasting_topics, &ids),
            fresh: FreshClients::new(first_fresh_client, partitions),
            retries: Retries::new(retry_backoff_ms),
        }
    }

    /// The model image and what rests on it.
    pub fn metadata(&self) -> &MetadataModel {
        &self.metadata
    }

    /// Has this node the role?
    pub fn is_broker(&self, id: NodeId) -> bool {
        self.brokers.contains(&id)
    }

    /// Models of all partitions.
    pub fn replication(&self) -> &Replication {
        &self.replication
    }

    /// Records acknowledged with `acks=all`, and how many of them were lost and excused (deletion of
    /// their topic apart).
    pub fn acked_records(&self) -> (u64, u64) {
        (self.acked_records, self.excused_records)
    }

    fn parts<'a>(
        &'a mut self,
        verdict: &'a mut Verdict,
        coverage: &'a mut Coverage,
    ) -> (&'a mut Replication, &'a mut MetadataModel, Around<'a>) {
        let ClusterChecks { replication, metadata, changes, acked_records, excused_records, .. } = self;
        replication.partitions.event += 1;
        let event = replication.partitions.event;
        (replication, metadata, Around { verdict, coverage, event, changes, acked_records, excused_records })
    }

    /// What clients did is held against what an event has made of committed logs.
    fn judge_changes(&mut self, verdict: &mut Verdict) {
        for (partition, change) in self.changes.drain(..) {
            self.histories.log_changed(partition, &change, &mut self.replication.partitions, verdict);
            if let (Change::Grown { place, .. }, Some(index)) = (&change, self.replication.partitions.find(partition)) {
                sequences::follows(&self.replication.partitions[index], *place, verdict);
            }
        }
    }

    /// The next batch of committed metadata, to be replayed record by record; `None` if there is none.
    pub fn next_batch(&mut self, committed: &Committed, ledger: &Ledger, verdict: &mut Verdict) -> Option<Update> {
        self.metadata.next(committed, ledger, verdict)
    }

    /// Replays its next record.
    pub fn replay(&mut self, offset: Offset, record: &MetadataRecord, update: &mut Update, verdict: &mut Verdict) {
        self.metadata.replay(offset, record, update, verdict);
    }

    /// All its records are replayed, and judged as changes of the image: clients must have asked for them.
    pub fn was_requested(&mut self, update: &Update, verdict: &mut Verdict) {
        for (offset, record) in update.batch.iter().flat_map(|batch| batch.metadata_records()).flatten() {
            self.histories.metadata_committed(offset, record, verdict);
        }
    }

    /// All its records are replayed, and change what brokers may see.
    pub fn replayed(&mut self, update: &Update, verdict: &mut Verdict, coverage: &mut Coverage) {
        let ClusterChecks { replication, metadata, changes, acked_records, excused_records, .. } = self;
        let event = replication.partitions.event;
        let mut around = Around { verdict, coverage, event, changes, acked_records, excused_records };
        replication.metadata_changed(update, metadata, &mut around);
    }

    /// A process boots.
    pub fn booted(
        &mut self,
        server: usize,
        committed_end: Offset,
        disk: &dyn DurableFiles,
        verdict: &mut Verdict,
        coverage: &mut Coverage,
    ) {
        let (replication, metadata, mut around) = self.parts(verdict, coverage);
        metadata.booted(server, committed_end);
        let registered = metadata.image().broker_epoch(replication.id_of(server));
        replication.booted(server, registered, disk, &mut around);
    }

    /// A process is down.
    pub fn down(&mut self, server: usize, how: HowDown) {
        self.replication.disk_mut(server).down(how);
        self.replication.down(server);
    }

    /// A write or fsync of a server was refused.
    pub fn disk_failed(&mut self, server: usize) {
        self.replication.disk_failed(server);
    }

    /// Durable bytes of a server were destroyed.
    pub fn disk_damaged(&mut self, server: usize) {
        self.replication.disk_mut(server).was_damaged();
    }

    /// A server changes its disk. True if only data logs are concerned. A rename is not told here
    /// ([`ClusterChecks::renamed`]).
    pub fn wrote(&mut self, server: usize, write: Write<'_>, verdict: &mut Verdict, coverage: &mut Coverage) -> bool {
        let (replication, _, mut around) = self.parts(verdict, coverage);
        match write {
            Write::Open { file, path, truncate } => replication.opened(server, file.0, path, truncate, &mut around),
            Write::Append { file, bytes } => replication.appended(server, file.0, bytes, &mut around),
            Write::Truncate { file, len } => replication.truncated(server, file.0, len, &mut around),
            Write::Unlink { path } => replication.unlinked(server, path, &mut around),
            Write::Rename { .. } => false,
        }
    }

    /// A name has moved; `content` is what the new one holds.
    pub fn renamed(
        &mut self,
        server: usize,
        names: (&str, &str),
        content: Option<&[u8]>,
        verdict: &mut Verdict,
        coverage: &mut Coverage,
    ) {
        let (replication, _, mut around) = self.parts(verdict, coverage);
        replication.renamed(server, names, content, &mut around);
    }

    /// Something became durable. True if only a data log is concerned.
    pub fn synced(&mut self, server: usize, synced: Synced) -> bool {
        match synced {
            Synced::File(file) => self.replication.file_synced(server, file.0),
            Synced::Directory => {
                self.replication.directory_synced(server);
                false
            }
        }
    }

    /// The thread that takes requests takes its next input.
    #[inline]
    pub fn requests_go_on(&mut self, server: usize, verdict: &mut Verdict, coverage: &mut Coverage) {
        let (replication, metadata, mut around) = self.parts(verdict, coverage);
        replication.step_over(server, metadata.published(server), &mut around);
    }

    /// A request reaches a server.
    pub fn request_received(
        &mut self,
        server: usize,
        (connection, correlation_id): (u64, i32),
        request: &Request,
        coverage: &mut Coverage,
    ) {
        match request {
            Request::Cluster(ClusterRequest::AlterPartition(request)) => {
                let mut members = request.partitions.iter().flat_map(|item| item.new_isr_with_epochs.iter());
                let former = |member: &BrokerState| {
                    let is_known = member.broker_epoch != BrokerEpoch::UNKNOWN;
                    is_known && self.metadata.image().broker_epoch(member.broker_id) > member.broker_epoch
                };
                if members.any(former) {
                    coverage.met(Situation::IsrChangeOfFormerProcess);
                }
            }
            Request::Data(DataRequest::Produce(request)) => {
                self.replication.produce_received(server, connection, correlation_id, request);
            }
            Request::Cluster(ClusterRequest::BrokerRegistration(request)) => {
                self.metadata.registration_received(request);
            }
            Request::Envelope(request) => {
                self.replication.unclean.received(server, (connection, correlation_id), request);
            }
            _ => {}
        }
    }

    /// A request leaves a server.
    pub fn request_sent(&mut self, server: usize, connection: u64, request: &Request, verdict: &mut Verdict) {
        match request {
            Request::Cluster(ClusterRequest::AlterPartition(request)) => {
                self.replication.isr_proposed(server, request, verdict);
            }
            Request::Data(DataRequest::Fetch(request)) => self.replication.fetches(server, connection, request),
            Request::Envelope(_) => self.histories.forwarded(self.replication.id_of(server), connection),
            _ => {}
        }
    }

    /// A connection of a broker's request thread is open.
    pub fn connected(&mut self, server: usize, token: u32, connection: u64) {
        self.replication.connected(server, token, connection);
    }

    /// A broker's proposals are answered.
    pub fn proposals_answered(&mut self, server: usize, answer: &AlterPartitionResponse) {
        self.replication.proposals_answered(server, answer);
    }

    /// What a broker fetched reaches it.
    pub fn fetch_answer_received(&mut self, server: usize, token: u32, answer: &DataFetchResponse) {
        self.replication.fetch_answer_received(server, token, answer);
    }

    /// A response leaves a server; `to` is another one, or a client.
    pub fn response_sent(
        &mut self,
        (server, to): (usize, Option<usize>),
        (connection, correlation_id): (u64, i32),
        response: &Response,
        verdict: &mut Verdict,
        coverage: &mut Coverage,
    ) {
        let (replication, _, mut around) = self.parts(verdict, coverage);
        match response {
            Response::Data(DataResponse::Produce(answer)) => {
                replication.produce_answered(server, (connection, correlation_id), answer, &mut around);
            }
            Response::Data(DataResponse::Fetch(answer)) if to.is_none() => {
                replication.consumer_answered(server, answer, &mut around);
            }
            Response::Cluster(ClusterResponse::AlterPartition(answer)) => {
                let refused = |result: &raft::message::cluster::AlterPartitionResult| result.error != ErrorCode::None;
                if answer.error != ErrorCode::None || answer.partitions.iter().any(refused) {
                    around.coverage.met(Situation::AlterPartitionRejected);
                }
            }
            Response::Envelope(answer) => replication.unclean.answered(server, (connection, correlation_id), answer),
            _ => return,
        }
        self.judge_changes(verdict);
    }

    /// A controller claims an epoch.
    pub fn claimed(&mut self, server: usize, epoch: LeaderEpoch) {
        self.replication.unclean.claims(server, epoch);
    }

    /// An image was published.
    pub fn published(&mut self, server: usize, offset: Offset) {
        self.metadata.publishes(server, offset);
    }

    /// A broker said something of itself, in one of its lives.
    pub fn observed(
        &mut self,
        (server, incarnation): (usize, u32),
        observation: BrokerObservation,
        verdict: &mut Verdict,
        coverage: &mut Coverage,
    ) {
        let (replication, metadata, mut around) = self.parts(verdict, coverage);
        replication.observed((server, incarnation), observation, metadata, &mut around);
        self.judge_changes(verdict);
    }

    /// A client did or learned something.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        self.fresh.attempt(client, event);
        self.retries.attempt(at_ns, client, event, verdict);
        self.histories.attempt(client, event, &mut self.replication.partitions, verdict);
    }

    /// The run is over.
    pub fn finish(&mut self, recovered: bool, overdue: bool, verdict: &mut Verdict) {
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
    ) -> Option<String> {
        let differs = shown.iter().find_map(|shown| self.replication.differs(server, shown, settled));
        let read_otherwise = |shown: &PartitionShown| {
            let wrong = second_reader::differs(shown.last_batch.as_ref()?)?;
            Some(format!("partition {}: {wrong}", shown.id))
        };
        differs
            .or_else(|| self.replication.differs_from_disk(server, disk?))
            .or_else(|| disk.and_then(|_| shown.iter().find_map(read_otherwise)))
    }

    /// All faults are over: images shall go as far as the metadata does now.
    pub fn healed(&mut self, committed_end: Offset) {
        self.to_be_published = committed_end;
        self.histories.healed(&mut self.replication.partitions);
        self.retries.healed();
    }

    /// The first recovery predicate that does not hold: all live brokers are unfenced, partitions
    /// that promises allow are led and fully in sync, and images go as far as the metadata did at
    /// healing.
    pub fn missing(&mut self, servers: &[ServerModel]) -> Option<Missing> {
        let image = self.metadata.image();
        let index = |id: NodeId| servers.iter().position(|server| server.id == id);
        let is_live = |id: NodeId| index(id).is_some_and(|server| servers[server].up);
        let of = |ids: &mut dyn Iterator<Item = NodeId>| ids.filter_map(index).collect::<SmallVec<[usize; 8]>>();

        let fenced = of(&mut self.brokers.iter().copied().filter(|id| is_live(*id) && !image.is_active(*id)));
        if !fenced.is_empty() {
            return Some(Missing::new("all live brokers unfenced", fenced));
        }
        for partition in self.replication.partitions().iter().filter(|partition| !partition.is_deleted()) {
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
            let in_sync = |id: &NodeId| now.isr.contains(id) || !is_live(*id);
            let rotten = |id: &NodeId| index(*id).is_some_and(|server| partition.losses().is_rotten(server));
            if now.has_leader() && !rotten(&now.leader) {
                let out = of(&mut now.replicas.iter().copied().filter(|id| !in_sync(id) && !rotten(id)));
                if !out.is_empty() {
                    return Some(Missing {
                        partition: Some(partition.id),
                        ..Missing::new("every replica in sync", out)
                    });
                }
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
        let in_general = |predicate| Missing::new(predicate, Vec::new());
        if let Some(predicate) = self.fresh_missing() {
            return Some(in_general(predicate));
        }
        if let Some((log, offset)) = self.histories.unread(&mut self.replication.partitions) {
            return Some(Missing::unread(log, offset));
        }
        self.histories
            .is_ahead(&self.replication.partitions)
            .then(|| in_general("all that clients have seen is committed"))
    }

    /// What clients are still to do.
    pub fn fresh_missing(&mut self) -> Option<&'static str> {
        if !self.retries.are_done() {
            return Some("every admin call that has failed is sent again, or ends");
        }
        let (histories, partitions) = (&mut self.histories, &mut self.replication.partitions);
        self.fresh.missing(|partition, offset| histories.cut_below(partition, offset, partitions))
    }
}
