//! One real replica on a disk in memory. The test holds its clock, plays its peers and clients,
//! and sees all its effects.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use raft::bugs::Bugs;
use raft::config::{BootstrapServer, ControllerConfig, Voter};
use raft::fixes::Fixes;
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, Uuid};
use raft::io::{
    CloseReason, ConnectToken, Connection, DurableFiles, Effect, Entropy, FileHandle, Input, Now, Observation, Out,
    Role, ThreadName, Visitor,
};
use raft::log::{ElectionState, QUORUM_STATE, Records, read_election_state};
use raft::message::{
    AppendRecordsRequest, BeginQuorumEpochRequest, CurrentLeader, EndQuorumEpochRequest, Endpoint, Endpoints,
    ErrorCode, FetchRequest, FetchResponse, Request, Response, VoteRequest, VoteResponse,
};
use raft::node::{Node, NodeSpec, Roles};
use raft::storage_tool::format_voter;
use raft::voter_set::{KRaftVersionFeature, VoterNode, VoterSet};

pub const CLUSTER_ID: &str = "the-cluster";

/// Draws in turn from a small generator.
#[derive(Clone, Debug)]
pub struct Draws(pub u64);
impl Entropy for Draws {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }
}

/// Files, and how much of each is durable.
#[derive(Clone, Debug, Default)]
pub struct Disk(BTreeMap<Rc<str>, (Vec<u8>, usize)>);
impl DurableFiles for Disk {
    fn paths(&self) -> Vec<Rc<str>> {
        self.0.keys().cloned().collect()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).map(|(bytes, _)| bytes.clone())
    }
}
impl Disk {
    /// What was not forced is gone.
    pub fn lose_power(&mut self) {
        for (bytes, durable) in self.0.values_mut() {
            bytes.truncate(*durable);
        }
    }
    /// Creates a file, durably.
    pub fn put(&mut self, path: &str, bytes: Vec<u8>) {
        let len = bytes.len();
        self.0.insert(path.into(), (bytes, len));
    }
    pub fn read_file(&self, path: &str) -> Vec<u8> {
        self.read(path).unwrap_or_default()
    }
    pub fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }
    pub fn election(&self) -> ElectionState {
        read_election_state(self).expect("quorum-state can be read").expect("quorum-state is there")
    }
}

/// A request of the replica, as it left.
#[derive(Clone, Debug)]
pub struct Sent {
    pub to: NodeId,
    /// By which its connection was opened.
    pub port: Option<u16>,
    pub connection: Connection,
    pub correlation_id: i32,
    pub request: Request,
}

#[derive(Debug)]
pub struct Harness {
    pub id: NodeId,
    pub spec: NodeSpec,
    pub node: Node,
    pub disk: Disk,
    pub mono_ns: u64,
    /// Duration of an fsync.
    pub fsync_ms: u64,
    pub draws: Draws,
    /// Requests it sent, not yet taken by the test.
    pub outbox: VecDeque<Sent>,
    /// Responses it gave, not yet taken by the test.
    pub answers: VecDeque<(Connection, Response)>,
    /// The names of its effects since the last call, writes and sends only.
    pub order: Vec<String>,
    pub observations: Vec<Observation>,
    pub halted: Option<(Rc<str>, bool)>,
    handles: BTreeMap<FileHandle, Rc<str>>,
    tokens: BTreeMap<u64, (ConnectToken, NodeId, Option<u16>)>,
    next_connection: u64,
    timers: [Option<u64>; ThreadName::ALL.len()],
    posts: VecDeque<(ThreadName, Input)>,
}

pub fn spec(id: i32, voters: i32, bugs: Bugs, fixes: Fixes) -> NodeSpec {
    let voter = |id: i32| Voter { id: NodeId(id), endpoint: endpoint(id) };
    let config = ControllerConfig::new(NodeId(id), (1..=voters).map(voter).collect());
    NodeSpec { config: Rc::new(config), roles: Roles::RecordLog, cluster_id: CLUSTER_ID.into(), bugs, fixes }
}

/// Replica `id` of a dynamic quorum that is formatted with the voters 1 to `voters`.
pub fn dynamic(id: i32, voters: i32, fixes: Fixes) -> NodeSpec {
    let spec = spec(id, voters, Bugs::NONE, fixes);
    let mut config = ControllerConfig::clone(&spec.config);
    let Endpoint { host, port, .. } = endpoint(1);
    let server = |id| BootstrapServer { host: host.clone(), port, node: NodeId(id) };
    config.is_dynamic = true;
    config.bootstrap_servers = (1..=voters).map(server).collect();
    config.can_become_voter = true;
    config.listener = Some(endpoint(id));
    NodeSpec { config: Rc::new(config), ..spec }
}

/// A voter as it is in the voter set.
pub fn voter(id: i32) -> VoterNode {
    let supported = KRaftVersionFeature::SUPPORTED;
    VoterNode { id: NodeId(id), directory_id: directory(id), endpoints: endpoints(id), supported }
}

pub fn voter_set(ids: &[i32]) -> VoterSet {
    VoterSet::of(ids.iter().map(|id| voter(*id)).collect())
}

/// Its disk, formatted as that of one of the initial voters.
pub fn formatted(id: i32, voters: i32) -> Disk {
    let ids: Vec<i32> = (1..=voters).collect();
    formatted_with(id, &voter_set(&ids))
}

/// Its disk, formatted with these initial voters, of which it is one.
pub fn formatted_with(id: i32, voters: &VoterSet) -> Disk {
    let files = format_voter(&CLUSTER_ID.into(), NodeId(id), voters, &[], 0).expect("it is a voter");
    let mut disk = Disk::default();
    files.into_iter().for_each(|(path, bytes)| disk.put(&path, bytes));
    disk
}

fn endpoint(id: i32) -> Endpoint {
    Endpoint { name: "CONTROLLER".into(), host: format!("host{id}").into(), port: 9093 }
}

/// Of another listener than that of the controllers.
pub fn other_endpoint(id: i32) -> Endpoint {
    Endpoint { name: "OTHER".into(), port: 9094, ..endpoint(id) }
}

pub fn endpoints(id: i32) -> Endpoints {
    [endpoint(id)].into()
}

impl Harness {
    /// Replica 1 of three voters, on an empty disk.
    pub fn one_of_three() -> Harness {
        Harness::boot(spec(1, 3, Bugs::NONE, Fixes::default()), Disk::default(), 0)
    }

    pub fn boot(spec: NodeSpec, disk: Disk, mono_ns: u64) -> Harness {
        let mut out = Out::default();
        let mut draws = Draws(spec.config.node_id.0 as u64);
        let node = Node::boot(&spec, now(mono_ns), &mut draws, &disk, &mut out);
        let mut harness = Harness {
            id: spec.config.node_id,
            spec,
            node,
            disk,
            mono_ns,
            fsync_ms: 0,
            draws,
            outbox: VecDeque::new(),
            answers: VecDeque::new(),
            order: Vec::new(),
            observations: Vec::new(),
            halted: None,
            handles: BTreeMap::new(),
            tokens: BTreeMap::new(),
            next_connection: 0,
            timers: [None; ThreadName::ALL.len()],
            posts: VecDeque::new(),
        };
        harness.apply(ThreadName::RaftIo, out);
        harness.settle();
        harness
    }

    /// Kill and boot; with a power loss, only what was forced is found.
    pub fn restart(&mut self, power_loss: bool) {
        let mut disk = std::mem::take(&mut self.disk);
        if power_loss {
            disk.lose_power();
        }
        *self = Harness::boot(self.spec.clone(), disk, self.mono_ns);
    }

    pub fn step(&mut self, thread: ThreadName, input: Input) {
        let mut out = Out::default();
        self.node.step(thread, now(self.mono_ns), input, &mut self.draws, &mut out);
        self.apply(thread, out);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((thread, input)) = self.posts.pop_front() {
            let mut out = Out::default();
            self.node.step(thread, now(self.mono_ns), input, &mut self.draws, &mut out);
            self.apply(thread, out);
        }
    }

    fn apply(&mut self, thread: ThreadName, out: Out) {
        for effect in out.effects {
            match effect {
                Effect::Listen { .. } => {}
                Effect::Connect { token, to, port, .. } => {
                    self.next_connection += 1;
                    let connection = Connection(self.next_connection);
                    self.tokens.insert(connection.0, (token, to, port));
                    self.posts.push_back((thread, Input::Opened { token, connection }));
                }
                Effect::SendRequest { connection, correlation_id, request: Request::DiscoverVersions(_) } => {
                    let (token, response) = (self.tokens[&connection.0].0, Response::DiscoverVersions);
                    self.posts.push_back((thread, Input::Response { token, correlation_id, response }));
                }
                Effect::SendRequest { connection, correlation_id, request } => {
                    self.order.push(request.name().to_owned());
                    let (_, to, port) = self.tokens[&connection.0];
                    self.outbox.push_back(Sent { to, port, connection, correlation_id, request });
                }
                Effect::SendResponse { connection, response, .. } => {
                    self.order.push(format!("{}Response", response.name()));
                    self.answers.push_back((connection, response));
                }
                Effect::Close { .. } => {}
                Effect::ArmTimer { at_mono_ns } => self.timers[thread as usize] = Some(at_mono_ns),
                Effect::Continue => self.posts.push_front((thread, Input::Continue)),
                Effect::CancelTimer => self.timers[thread as usize] = None,
                Effect::Open { file, path, truncate } => {
                    let entry = self.disk.0.entry(Rc::clone(&path)).or_default();
                    if truncate {
                        *entry = Default::default();
                    }
                    self.handles.insert(file, path);
                }
                Effect::Append { file, bytes } => self.file(file).0.extend_from_slice(&bytes),
                Effect::Truncate { file, len } => {
                    let (bytes, durable) = self.file(file);
                    bytes.truncate(len as usize);
                    *durable = (*durable).min(len as usize);
                }
                Effect::Fsync { file } => {
                    self.mono_ns += self.fsync_ms * 1_000_000;
                    let (bytes, durable) = self.file(file);
                    *durable = bytes.len();
                    let path = Rc::clone(&self.handles[&file]);
                    self.order.push(format!("fsync {}", path.rsplit('/').next().unwrap_or("")));
                }
                Effect::Rename { from, to } => {
                    let bytes = self.disk.0.remove(&from).expect("a renamed file exists");
                    self.disk.0.insert(Rc::clone(&to), bytes);
                    for path in self.handles.values_mut().filter(|path| **path == from) {
                        *path = Rc::clone(&to);
                    }
                    if &*to == QUORUM_STATE {
                        self.order.push("quorum-state".to_owned());
                    }
                }
                Effect::Unlink { path } => drop(self.disk.0.remove(&path)),
                Effect::FsyncDirectory => {}
                Effect::Post { thread, post } => self.posts.push_back((thread, Input::Post(post))),
                Effect::Observe(observation) => self.observations.push(observation),
                Effect::NoResponse { .. } | Effect::HangUp { .. } => panic!("{effect:?} is not of raft"),
                // What reaches it later finds that it has ended.
                Effect::Halt { reason, fault } => _ = self.halted.get_or_insert((reason, fault.is_some())),
            }
        }
    }

    fn file(&mut self, file: FileHandle) -> &mut (Vec<u8>, usize) {
        self.disk.0.get_mut(&self.handles[&file]).expect("an open file exists")
    }

    /// Lets time pass, timers included.
    pub fn advance_ms(&mut self, ms: u64) {
        let end = self.mono_ns + ms * 1_000_000;
        while let Some((at, thread)) = self.next_timer().filter(|(at, _)| *at <= end) {
            self.mono_ns = self.mono_ns.max(at);
            self.fire(thread);
        }
        self.mono_ns = end;
    }

    pub fn next_timer(&self) -> Option<(u64, ThreadName)> {
        let threads = [ThreadName::RaftIo, ThreadName::ControllerEventQueue];
        threads.into_iter().filter_map(|thread| Some((self.timers[thread as usize]?, thread))).min()
    }

    pub fn fire(&mut self, thread: ThreadName) {
        self.timers[thread as usize] = None;
        self.step(thread, Input::Timer);
    }

    /// A request from outside, on a connection of its own; the answer, if there is one at once.
    pub fn ask(&mut self, request: Request) -> Option<Response> {
        self.next_connection += 1;
        let connection = Connection(1_000_000 + self.next_connection);
        self.step(Node::thread_for(&request), Input::Request { connection, correlation_id: 1, request });
        self.take_answer(connection)
    }

    pub fn take_answer(&mut self, connection: Connection) -> Option<Response> {
        let index = self.answers.iter().position(|(to, _)| *to == connection)?;
        self.answers.remove(index).map(|(_, response)| response)
    }

    /// Takes the oldest request of this name.
    pub fn sent(&mut self, name: &str) -> Sent {
        let index = self.outbox.iter().position(|sent| sent.request.name() == name);
        let names = || self.outbox.iter().map(|sent| (sent.request.name(), sent.to)).collect::<Vec<_>>();
        let index = index.unwrap_or_else(|| panic!("{name} was not sent, but {:?}", names()));
        self.outbox.remove(index).expect("it was found there")
    }

    /// Answers everything of this name that is under way with nothing: whatever waits behind it
    /// on its connection is sent.
    pub fn shake_off(&mut self, name: &str) {
        for round in 0.. {
            assert!(round < 20, "{name} is sent again and again");
            if !self.has_sent(name) {
                return;
            }
            let sent = self.sent(name);
            let response = match &sent.request {
                Request::Fetch(_) => Response::Fetch(Default::default()),
                Request::Vote(_) => Response::Vote(Default::default()),
                Request::BeginQuorumEpoch(_) => Response::BeginQuorumEpoch(Default::default()),
                Request::EndQuorumEpoch(_) => Response::EndQuorumEpoch(Default::default()),
                other => panic!("nobody waits for {}", other.name()),
            };
            self.reply(&sent, response);
        }
    }

    /// Answers, with nothing, the Fetch that was sent before the leader was known.
    pub fn shake_off_bootstrap(&mut self) {
        let stale = self.sent("Fetch");
        self.reply(&stale, Response::Fetch(Default::default()));
    }

    /// No more NoOps: for stories in which nothing is to be appended.
    pub fn quiet_state_machine(&mut self) {
        self.timers[ThreadName::ControllerEventQueue as usize] = None;
    }

    pub fn has_sent(&self, name: &str) -> bool {
        self.outbox.iter().any(|sent| sent.request.name() == name)
    }

    pub fn reply(&mut self, sent: &Sent, response: Response) {
        let (token, ..) = self.tokens[&sent.connection.0];
        self.step(ThreadName::RaftIo, Input::Response { token, correlation_id: sent.correlation_id, response });
    }

    /// The connection of a request is gone.
    pub fn hang_up(&mut self, sent: &Sent) {
        let (token, ..) = self.tokens[&sent.connection.0];
        self.step(ThreadName::RaftIo, Input::Closed { token, reason: CloseReason::Reset });
    }

    pub fn role(&self) -> Role {
        self.node.role().unwrap_or_else(|| panic!("{} is dead: {:?}", self.id, self.halted))
    }

    pub fn epoch(&self) -> i32 {
        self.node.epoch().unwrap_or_else(|| panic!("{} is dead: {:?}", self.id, self.halted)).0
    }

    pub fn look(&self) -> Look {
        let mut look = Look::default();
        self.node.visit(&mut look);
        look
    }

    pub fn saw(&self, wanted: Observation) -> bool {
        self.observations.contains(&wanted)
    }
}

/// What an audit sees.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub leader: i32,
    pub voted: i32,
    pub start: i64,
    pub end: i64,
    pub high_watermark: Option<i64>,
    pub records: Records,
    pub last_fetched_epoch: i32,
}
impl Visitor for Look {
    fn election(&mut self, _: LeaderEpoch, leader: NodeId, voted: NodeId, _: Role) {
        (self.leader, self.voted) = (leader.0, voted.0);
    }
    fn log(&mut self, start: Offset, end: Offset, high_watermark: Option<Offset>) {
        self.start = start.0;
        (self.end, self.high_watermark) = (end.0, high_watermark.map(|offset| offset.0));
    }
    fn batches(&mut self, records: &Records) {
        self.records = records.clone();
    }
    fn last_fetched_epoch(&mut self, epoch: LeaderEpoch) {
        self.last_fetched_epoch = epoch.0;
    }
}

fn now(mono_ns: u64) -> Now {
    Now { mono_ns, wall_ms: 1_700_000_000_000 + (mono_ns / 1_000_000) as i64 }
}

pub fn directory(id: i32) -> Option<Uuid> {
    Some(Uuid([id as u8 + 100; 16]))
}

/// A (pre-)vote request of `from`, whose log ends at `log`: (epoch, offset).
pub fn vote(from: i32, epoch: i32, log: (i32, i64), pre_vote: bool) -> Request {
    Request::Vote(VoteRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        voter_id: NodeId(1),
        voter_directory_id: None,
        replica_epoch: LeaderEpoch(epoch),
        replica_id: NodeId(from),
        replica_directory_id: directory(from),
        last_offset_epoch: LeaderEpoch(log.0),
        last_offset: Offset(log.1),
        pre_vote,
    })
}

pub fn begin(leader: i32, epoch: i32) -> Request {
    Request::BeginQuorumEpoch(BeginQuorumEpochRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        voter_id: NodeId(1),
        voter_directory_id: None,
        leader_id: NodeId(leader),
        leader_epoch: LeaderEpoch(epoch),
        leader_endpoints: endpoints(leader),
    })
}

pub fn end(leader: i32, epoch: i32, candidates: &[i32]) -> Request {
    let key = |id: &i32| raft::ids::ReplicaKey { id: NodeId(*id), directory_id: None };
    Request::EndQuorumEpoch(EndQuorumEpochRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        leader_id: NodeId(leader),
        leader_epoch: LeaderEpoch(epoch),
        preferred_candidates: candidates.iter().map(key).collect(),
        leader_endpoints: Endpoints::default(),
    })
}

pub fn fetch(from: i32, epoch: i32, log: (i32, i64), high_watermark: Option<i64>) -> Request {
    Request::Fetch(FetchRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        replica_id: NodeId(from),
        replica_directory_id: directory(from),
        topic_id: Uuid::METADATA_TOPIC_ID,
        max_wait_ms: 500,
        max_bytes: 1 << 20,
        current_leader_epoch: LeaderEpoch(epoch),
        fetch_offset: Offset(log.1),
        last_fetched_epoch: LeaderEpoch(log.0),
        high_watermark: high_watermark.map(Offset),
    })
}

pub fn append(value: u64) -> Request {
    Request::AppendRecords(AppendRecordsRequest { values: [value].into_iter().collect() })
}

pub fn current_leader(leader: Option<i32>, epoch: i32) -> CurrentLeader {
    CurrentLeader { leader_id: leader.map(NodeId), leader_epoch: LeaderEpoch(epoch), endpoints: leader.map(endpoints) }
}

pub fn voted(epoch: i32, vote_granted: bool) -> Response {
    let current_leader = current_leader(None, epoch);
    Response::Vote(VoteResponse { current_leader, vote_granted, ..VoteResponse::default() })
}

pub fn fetched(leader: i32, epoch: i32, records: Records, high_watermark: Option<i64>) -> Response {
    Response::Fetch(FetchResponse {
        current_leader: current_leader(Some(leader), epoch),
        records,
        high_watermark: high_watermark.map(Offset),
        ..FetchResponse::default()
    })
}

pub fn diverging(leader: i32, epoch: i32, at: (i32, i64)) -> Response {
    Response::Fetch(FetchResponse {
        current_leader: current_leader(Some(leader), epoch),
        diverging_epoch: Some(Box::new(OffsetAndEpoch { epoch: LeaderEpoch(at.0), offset: Offset(at.1) })),
        ..FetchResponse::default()
    })
}

/// (granted, error, epoch, leader) of a vote's answer.
pub fn verdict(response: Option<Response>) -> (bool, ErrorCode, i32, i32) {
    match response {
        Some(Response::Vote(vote)) => {
            let current = &vote.current_leader;
            (vote.vote_granted, vote.error, current.leader_epoch.0, current.leader_id.map_or(-1, |leader| leader.0))
        }
        other => panic!("not a vote's answer: {other:?}"),
    }
}

pub fn fetch_answer(response: Option<Response>) -> FetchResponse {
    match response {
        Some(Response::Fetch(fetch)) => fetch,
        other => panic!("not a fetch's answer: {other:?}"),
    }
}

/// Makes the replica (1 of 3) leader of the next epoch, with 2's votes.
pub fn elect(harness: &mut Harness) {
    while harness.role() != Role::Prospective {
        harness.advance_ms(100);
    }
    harness.shake_off("Fetch");
    let epoch = harness.epoch();
    let pre_vote = harness.sent("PreVote");
    harness.reply(&pre_vote, voted(epoch, true));
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, epoch + 1));
    harness.shake_off("PreVote");
    let vote = harness.sent("Vote");
    harness.reply(&vote, voted(epoch + 1, true));
    harness.shake_off("Vote");
    assert_eq!((harness.role(), harness.epoch()), (Role::Leader, epoch + 1));
}
