//! The state that triggers and guards use: committed metadata, as the leader of the quorum writes it and reports it as
//! committed, and which servers faults have weakened. The tracker relies on the nodes' own reports, and no check uses
//! it: if it errs, a fault is left out or does more damage, but no verdict is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use raft::io::{Observation, Role};
use raft::log::{Batch, ControlRecord, META_PROPERTIES, parse_meta_properties};
use raft::message::cluster::AlterPartitionRequest;
use raft::message::{ClusterResponse, ErrorCode, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::NO_LEADER_CHANGE;
use raft::voter_set::VoterSet;
use sim::fault::{Fault, Kind};
use sim::process::Node;
use sim::watch::{Phase, Write};

use super::trigger_event::TriggerEvent;
use super::voter_disks::{OtherDisks, VoterDisks};
use crate::scenario::fault_profile::{Destroys, means};

/// The metadata log's directory.
pub const METADATA_LOG: &str = "__cluster_metadata-0/";
pub const LOG_SUFFIX: &str = ".log";

/// A record that was committed just now, of a type that triggers may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    pub event: TriggerEvent,
    /// The broker that the record concerns.
    pub about: Option<NodeId>,
}

/// What a file is whose writes matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracked {
    MetadataLog,
    MetaProperties,
}

/// A batch of the metadata log that is written and not yet committed.
#[derive(Clone, Debug)]
struct Written {
    base: Offset,
    end: Offset,
    epoch: LeaderEpoch,
    control: bool,
    bytes: Rc<[u8]>,
    position: usize,
}

impl Written {
    /// Those of a KRaftVoters record.
    fn voters(&self) -> Option<VoterSet> {
        let (batch, _) = Batch::parse(&self.bytes[self.position..]).ok()?;
        let records = batch.control_records().ok()?;
        records.into_iter().find_map(|record| match record {
            ControlRecord::KRaftVoters(voters) => Some(voters),
            _ => None,
        })
    }
}

#[derive(Clone, Debug, Default)]
struct Partition {
    replicas: Rc<[NodeId]>,
    isr: Rc<[NodeId]>,
    elr: Rc<[NodeId]>,
    has_leader: bool,
}

/// A server, by its place.
#[derive(Clone, Debug)]
struct Server {
    id: NodeId,
    /// At the start of the run.
    voter: bool,
    controller: bool,
    broker: bool,
    role: Option<(Role, LeaderEpoch)>,
    /// Its process has registered since it booted.
    registered: bool,
    fenced: bool,
    leaving: bool,
    /// A fault has destroyed bytes of it, and it has not joined an ISR since in a new incarnation.
    hurt: bool,
    /// Durable bytes of it were destroyed at some time in the run.
    destroyed: bool,
    /// Durable bytes were destroyed on the disk that it has still.
    damaged: bool,
    /// Number of faults in force that may keep it from its peers, or slow it down.
    weakened: u32,
    /// A controller has answered a heartbeat of it since a fault last weakened it or a voter, so that its session does
    /// not expire without another fault.
    renewed: bool,
    /// End of the metadata log that it has written.
    log_end: Offset,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Tracker {
    servers: Vec<Server>,
    voter_disks: VoterDisks,
    has_brokers: bool,
    /// Open files, by place and handle.
    files: BTreeMap<(Node, u32), Tracked>,
    /// Ascending by offset.
    written: Vec<Written>,
    end: Offset,
    partitions: BTreeMap<(Uuid, i32), Partition>,
    /// The broker that lost bytes most recently, until a fault of another broker is permitted again.
    recovering: Option<Node>,
}

impl Tracker {
    /// The first `controllers` servers are controllers, and the first of these the voters at first.
    pub fn new(
        ids: &[NodeId],
        voters: &[NodeId],
        controllers: usize,
        brokers: &[NodeId],
        voter_disks: VoterDisks,
    ) -> Tracker {
        let server = |(place, id): (usize, &NodeId)| Server {
            id: *id,
            voter: voters.contains(id),
            controller: place < controllers,
            broker: brokers.contains(id),
            role: None,
            registered: false,
            fenced: true,
            leaving: false,
            hurt: false,
            destroyed: false,
            damaged: false,
            weakened: 0,
            renewed: true,
            log_end: Offset(0),
        };
        Tracker {
            servers: ids.iter().enumerate().map(server).collect(),
            voter_disks,
            has_brokers: !brokers.is_empty(),
            files: BTreeMap::new(),
            written: Vec::new(),
            end: Offset(0),
            partitions: BTreeMap::new(),
            recovering: None,
        }
    }

    fn server(&mut self, node: Node) -> Option<&mut Server> {
        self.servers.get_mut(usize::from(node.0))
    }

    pub fn place(&self, id: NodeId) -> Option<Node> {
        self.servers.iter().position(|server| server.id == id).map(|place| Node(place as u16))
    }

    /// A server writes to its disk.
    pub fn wrote(&mut self, node: Node, write: Write<'_>) {
        match write {
            Write::Open { file, path, .. } => {
                let tracked = match path {
                    _ if path.starts_with(METADATA_LOG) && path.ends_with(LOG_SUFFIX) => Some(Tracked::MetadataLog),
                    _ if path.starts_with(META_PROPERTIES) => Some(Tracked::MetaProperties),
                    _ => None,
                };
                match tracked {
                    Some(tracked) => self.files.insert((node, file.0), tracked),
                    None => self.files.remove(&(node, file.0)),
                };
            }
            Write::Append { file, bytes } => match self.files.get(&(node, file.0)) {
                Some(Tracked::MetadataLog) => self.appended(node, bytes),
                Some(Tracked::MetaProperties) => self.formatted(node, bytes),
                None => {}
            },
            _ => {}
        }
    }

    fn formatted(&mut self, node: Node, bytes: &[u8]) {
        let Ok(properties) = parse_meta_properties(bytes) else { return };
        if let Some(server) = self.server(node) {
            server.damaged = false;
            let id = server.id;
            self.voter_disks.formatted(id, properties.directory_id);
        }
    }

    fn appended(&mut self, node: Node, bytes: &Rc<[u8]>) {
        let mut position = 0;
        while let Ok(header) = Batch::peek_header(&bytes[position..]) {
            let (base, end) = (header.base_offset, Offset(header.last_offset.0 + 1));
            if let Some(server) = self.server(node) {
                server.log_end = end;
            }
            let place = self.written.partition_point(|written| written.base < base);
            let is_newer = |known: &Written| header.epoch > known.epoch;
            if base >= self.end && self.written.get(place).is_none_or(is_newer) {
                self.written.truncate(place);
                let (epoch, control, bytes) = (header.epoch, header.control, Rc::clone(bytes));
                self.written.push(Written { base, end, epoch, control, bytes, position });
            }
            position += header.size_bytes;
            if position >= bytes.len() {
                return;
            }
        }
    }

    /// A server reported an observation about itself. Returns what it has committed.
    pub fn observed(&mut self, node: Node, observation: Observation) -> Vec<Commit> {
        match observation {
            Observation::RoleChanged { role, epoch, .. } => {
                if let Some(server) = self.server(node) {
                    server.role = Some((role, epoch));
                }
                Vec::new()
            }
            Observation::HighWatermark { offset, leading: true, .. } => self.committed(offset),
            _ => Vec::new(),
        }
    }

    fn committed(&mut self, high_watermark: Offset) -> Vec<Commit> {
        let count = self.written.partition_point(|written| written.end <= high_watermark);
        let mut commits = Vec::new();
        for written in self.written.drain(..count).collect::<Vec<_>>() {
            self.end = written.end;
            if written.control {
                if let Some(voters) = written.voters() {
                    self.voter_disks.committed(voters);
                }
                continue;
            }
            let bytes = &written.bytes[written.position..];
            if !self.has_brokers {
                let records = Batch::values_at(bytes).map_or(0, Iterator::count);
                commits
                    .extend(std::iter::repeat_n(Commit { event: TriggerEvent::RecordCommitted, about: None }, records));
            } else if let Ok((batch, _)) = Batch::parse(bytes) {
                for (_, record) in batch.metadata_records().into_iter().flatten() {
                    let about = self.record(record);
                    commits.extend(TriggerEvent::of_commit(record).map(|event| Commit { event, about }));
                }
            }
        }
        commits
    }

    /// Applies a committed record; returns the broker that it concerns.
    fn record(&mut self, record: &MetadataRecord) -> Option<NodeId> {
        let named = |servers: &mut [Server], id: NodeId| servers.iter_mut().position(|server| server.id == id);
        match record {
            MetadataRecord::RegisterBroker(record) => {
                if let Some(place) = named(&mut self.servers, record.broker_id) {
                    let server = &mut self.servers[place];
                    (server.registered, server.fenced) = (true, record.fenced);
                    server.leaving = record.in_controlled_shutdown;
                }
                Some(record.broker_id)
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                if let Some(place) = named(&mut self.servers, record.broker_id) {
                    let server = &mut self.servers[place];
                    // 1: fenced from now on; -1: unfenced.
                    server.fenced = record.fenced == 1 || server.fenced && record.fenced != -1;
                    server.leaving |= record.in_controlled_shutdown == 1;
                }
                Some(record.broker_id)
            }
            MetadataRecord::Partition(record) => {
                let partition = Partition {
                    replicas: Rc::clone(&record.replicas),
                    isr: Rc::clone(&record.isr),
                    elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
                    has_leader: record.leader != NodeId::NONE,
                };
                self.partitions.insert((record.topic_id, record.partition_id), partition);
                NodeId::known(record.leader)
            }
            MetadataRecord::PartitionChange(record) => {
                if let Some(partition) = self.partitions.get_mut(&(record.topic_id, record.partition_id)) {
                    if record.leader != NO_LEADER_CHANGE {
                        partition.has_leader = record.leader != NodeId::NONE;
                    }
                    let set = |now: &mut Rc<[NodeId]>, new: &Option<Rc<[NodeId]>>| {
                        if let Some(new) = new {
                            now.clone_from(new);
                        }
                    };
                    let before = Rc::clone(&partition.isr);
                    set(&mut partition.replicas, &record.replicas);
                    set(&mut partition.isr, &record.isr);
                    set(&mut partition.elr, &record.eligible_leader_replicas);
                    let joined = partition.isr.iter().filter(|id| !before.contains(id));
                    for id in joined {
                        if let Some(server) = self.servers.iter_mut().find(|server| server.id == *id) {
                            server.hurt &= !server.registered;
                        }
                    }
                }
                NodeId::known(record.leader)
            }
            MetadataRecord::RemoveTopic(record) => {
                self.partitions.retain(|(topic, _), _| *topic != record.topic_id);
                None
            }
            MetadataRecord::ProducerIds(record) => Some(record.broker_id),
            _ => None,
        }
    }

    /// A controller answers a request of a server.
    pub fn answered(&mut self, to: Node, response: &Response) {
        let Response::Cluster(ClusterResponse::BrokerHeartbeat(response)) = response else { return };
        let calm = !self.servers.iter().any(|server| server.voter && server.weakened > 0);
        if let Some(server) = self.server(to).filter(|server| calm && server.weakened == 0) {
            server.renewed |= response.error == ErrorCode::None && !response.is_fenced;
        }
    }

    /// The first replica that a proposed ISR adds or removes.
    pub fn moved_by(&self, request: &AlterPartitionRequest) -> Option<Node> {
        let moved = request.partitions.iter().find_map(|item| {
            let now = &self.partitions.get(&(item.partition.topic_id, item.partition.partition))?.isr;
            let proposed = || item.new_isr_with_epochs.iter().map(|member| member.broker_id);
            let joins = proposed().find(|id| !now.contains(id));
            joins.or_else(|| now.iter().copied().find(|id| !proposed().any(|other| other == *id)))
        });
        self.place(moved?)
    }

    /// A process stops, or boots.
    pub fn down(&mut self, node: Node) {
        self.files.retain(|(owner, _), _| *owner != node);
        if let Some(server) = self.server(node) {
            (server.role, server.registered, server.leaving) = (None, false, false);
        }
    }

    /// A fault begins, ends, or is skipped.
    pub fn fault(&mut self, at_ns: u64, fault: &Fault, phase: Phase) {
        let means = means(fault.what.kind());
        let affected = self.affected(fault);
        if means.weakens && fault.lasts_ns > 0 {
            for place in &affected {
                let weakened = &mut self.servers[*place].weakened;
                match phase {
                    Phase::Start => *weakened += 1,
                    Phase::End => *weakened = weakened.saturating_sub(1),
                    Phase::Skipped => {}
                }
            }
        }
        if means.weakens && phase != Phase::Skipped {
            let any_voter = affected.iter().any(|place| self.servers[*place].voter);
            for (place, server) in self.servers.iter_mut().enumerate() {
                server.renewed &= !any_voter && !affected.contains(&place);
            }
        }
        let Some(place) = affected.first().copied().filter(|_| phase == Phase::Start) else { return };
        let is_replaced = fault.what.kind() == Kind::ReplaceDisk;
        if is_replaced {
            self.voter_disks.replaced(self.servers[place].id, at_ns);
        }
        let server = &mut self.servers[place];
        if means.destroys != Destroys::Nothing {
            server.hurt = true;
            if means.destroys == Destroys::Forced {
                (server.destroyed, server.log_end) = (true, Offset(0));
                server.damaged = !is_replaced;
            }
        }
        if means.destroys != Destroys::Nothing && server.broker {
            self.recovering = Some(Node(place as u16));
        } else if means.weakens && self.affects_another(&affected) {
            // The guard permitted it, so the recovering broker is in sync again.
            self.recovering = None;
        }
    }

    /// Whether a server other than the recovering broker is among them.
    fn affects_another(&self, affected: &[usize]) -> bool {
        affected.iter().any(|place| self.recovering != Some(Node(*place as u16)))
    }

    /// The servers that a fault affects, directly or through their links.
    fn affected(&self, fault: &Fault) -> Vec<usize> {
        let links = fault.what.links().iter().flat_map(|link| [link.0, link.1]);
        let nodes: BTreeSet<usize> =
            fault.what.node().into_iter().chain(links).map(|node| usize::from(node.0)).collect();
        nodes.into_iter().filter(|place| *place < self.servers.len()).collect()
    }

    /// Whether every broker but one is active, by metadata too, and all of their replicas are in sync.
    fn is_whole_but(&self, excepted: Option<NodeId>) -> bool {
        let mut brokers = self.servers.iter().filter(|server| server.broker && Some(server.id) != excepted);
        let lives = |server: &Server| server.registered && !server.fenced && !server.leaving;
        let in_sync = |partition: &Partition| {
            let mut replicas = partition.replicas.iter().filter(|id| Some(**id) != excepted);
            partition.has_leader && replicas.all(|id| partition.isr.contains(id))
        };
        brokers.all(lives) && self.partitions.values().all(in_sync)
    }

    /// Whether a fault exceeds what replication tolerates: one broker at a time loses bytes, while the others are in
    /// sync and undisturbed, with sessions that earlier faults do not let expire, until it is in sync again. Controllers are not disturbed meanwhile either: a new one may
    /// fence the other brokers, and the broker that has lost bytes is then the last one in sync.
    pub fn exceeds_tolerance(&self, at_ns: u64, fault: &Fault) -> bool {
        let means = means(fault.what.kind());
        let affected = self.affected(fault);
        if means.weakens && self.recovering.is_some() && self.affects_another(&affected) && !self.is_whole_but(None) {
            return true;
        }
        if means.destroys != Destroys::Nothing
            && let Some(place) = affected.first()
        {
            let server = &self.servers[*place];
            let others = self.servers.iter().enumerate().filter(|(other, _)| other != place);
            let again = self.recovering == Some(Node(*place as u16));
            let calm = |server: &Server| server.weakened == 0 && (server.renewed || again || !server.broker);
            let calm = others.into_iter().all(|(_, server)| calm(server));
            let promises =
                |place| !self.breaks_promise_of_voter(place, at_ns, fault) && self.are_other_voters_in_sync(place);
            return means.destroys == Destroys::Forced && server.controller && !promises(*place)
                || server.broker && !(calm && self.is_whole_but(again.then_some(server.id)));
        }
        false
    }

    /// Whether a guarantee would be broken if this server lost all its bytes, or only its unforced ones. Disks are
    /// destroyed on a minority of the voters, and of the brokers; and for any replica that may lead a partition,
    /// another such replica has all of its log.
    pub fn has_last_copy(&self, at_ns: u64, fault: &Fault) -> bool {
        let Some(place) = self.affected(fault).first().copied() else { return false };
        let forced = match means(fault.what.kind()).destroys {
            Destroys::Nothing => return false,
            Destroys::Unforced => false,
            Destroys::Forced => true,
        };
        let server = &self.servers[place];
        let keeps = |id: &NodeId| {
            *id != server.id && self.servers.iter().any(|other| other.id == *id && other.broker && !other.hurt)
        };
        let is_last = |partition: &Partition| {
            let candidates = || partition.isr.iter().chain(partition.elr.iter());
            candidates().any(|id| *id == server.id) && !candidates().any(keeps)
        };
        forced
            && (self.breaks_promise_of_voter(place, at_ns, fault) || self.are_too_many(place, |server| server.broker))
            || server.broker && self.partitions.values().any(is_last)
    }

    /// Voters that are known by their ids alone lose their disks in a minority, which is the same one all through a run.
    fn breaks_promise_of_voter(&self, place: usize, at_ns: u64, fault: &Fault) -> bool {
        let server = &self.servers[place];
        if self.voter_disks.are_to_be_known_by_directory() {
            return server.controller;
        }
        if self.voter_disks.are_known_by_directory() {
            let is_damaged = |id: NodeId| self.servers.iter().any(|server| server.id == id && server.damaged);
            let is_behind = |server: &&Server| server.destroyed && server.log_end < self.end;
            let behind: Vec<NodeId> = self.servers.iter().filter(is_behind).map(|server| server.id).collect();
            let others = OtherDisks { is_damaged: &is_damaged, behind: &behind };
            // Only a voter that keeps its directory id may vote again.
            let is_replaced = fault.what.kind() == Kind::ReplaceDisk;
            return server.controller
                && (self.voter_disks.would_be_too_many(server.id, at_ns, others, &self.written_voter_sets())
                    || !is_replaced && self.has_open_vote(place));
        }
        server.voter && (self.are_too_many(place, |server| server.voter) || self.has_open_vote(place))
    }

    /// Voter sets that are not committed.
    fn written_voter_sets(&self) -> Vec<VoterSet> {
        self.written.iter().filter(|written| written.control).filter_map(Written::voters).collect()
    }

    /// Whether all other voters follow the newest leader, undisturbed, and have the committed records.
    fn are_other_voters_in_sync(&self, place: usize) -> bool {
        let newest = self.newest_epoch();
        let is_voter = |server: &Server| match self.voter_disks.are_known_by_directory() {
            true => self.voter_disks.has_voter(server.id),
            false => server.voter,
        };
        let mut others = self.servers.iter().enumerate().filter(|(other, server)| is_voter(server) && *other != place);
        others.all(|(_, server)| {
            let follows = matches!(server.role, Some((Role::Leader | Role::Follower, epoch)) if Some(epoch) == newest);
            follows && server.weakened == 0 && server.log_end >= self.end
        })
    }

    fn newest_epoch(&self) -> Option<LeaderEpoch> {
        self.servers.iter().filter_map(|server| server.role).map(|(_, epoch)| epoch).max()
    }

    /// Whether the disks of more than a minority would be destroyed.
    fn are_too_many(&self, place: usize, is_one: fn(&Server) -> bool) -> bool {
        let all = self.servers.iter().filter(|server| is_one(server)).count();
        let lost = self.servers.iter().enumerate();
        let lost = lost.filter(|(other, server)| is_one(server) && (*other == place || server.destroyed)).count();
        is_one(&self.servers[place]) && lost > (all - 1) / 2
    }

    /// Whether its vote or its leadership of the newest epoch may still matter. A voter that is known by its id only, and
    /// loses its quorum-state, may vote twice.
    fn has_open_vote(&self, place: usize) -> bool {
        let newest = self.newest_epoch();
        let leads = |server: &Server| matches!(server.role, Some((Role::Leader, epoch)) if Some(epoch) == newest);
        let leader = self.servers.iter().position(leads);
        leader.is_none_or(|leader| leader == place)
    }
}
