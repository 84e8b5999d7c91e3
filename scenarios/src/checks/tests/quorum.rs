//! A quorum of puppets: real logs on plain disks, moved by a test's hand. Everything is honest
//! unless the test makes it otherwise.

use crate::checks::prelude::*;
use std::rc::Rc;

use super::test_disk::TestDisk;
use crate::actor::{AttemptEvent, Message};
use crate::checks::Checks;
use crate::checks::invariant::timings::QuorumTimings;
use raft::bugs::Bugs;
use raft::fixes::{Fix, Fixes};
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use raft::io::{Effect, Now, Observation, Out, Role};
use raft::log::{
    Batch, BatchBuilder, ControlRecord, ElectionState, LeaderChange, LogConfig, MetaProperties, QuorumStateFormat,
    RaftLog, Records, write_election_state, write_meta_properties,
};
use raft::message::{
    BeginQuorumEpochRequest, CurrentLeader, FetchRequest, FetchResponse, ReadRecordsResponse, Request, Response,
    VoteRequest, VoteResponse,
};
use raft::voter_set::{VoterNode, VoterSet};
use sim::process::File;
use sim::watch::{Down, Synced, Write};

const CONFIG: LogConfig = LogConfig { segment_bytes: 400, segment_ms: 604_800_000, bugs: Bugs::NONE, fixes: FIXES };

/// The scheduler's thread does not run.
const FIXES: Fixes = Fixes::NONE.with(Fix::WriteEpochsBeforeAppend);

/// The puppets.
pub struct Quorum {
    pub checks: Checks,
    pub now: u64,
    pub disks: Vec<TestDisk>,
    pub logs: Vec<RaftLog>,
    lives: Vec<u32>,
    attempts: u32,
}

pub fn node(server: usize) -> NodeId {
    NodeId(server as i32 + 1)
}

fn voters(count: usize) -> Vec<NodeId> {
    (0..count).map(node).collect()
}

fn quiet<T>(happened: Result<T, raft::log::LogError>) -> T {
    happened.unwrap_or_else(|error| panic!("{error}"))
}

impl Quorum {
    /// Boots so many voters on empty disks.
    pub fn of(count: usize) -> Quorum {
        Quorum::with(count, Fixes::NONE)
    }

    pub fn with(count: usize, fixes: Fixes) -> Quorum {
        Quorum::of_voters(VoterSet::of_ids(&voters(count)), fixes)
    }

    fn of_voters(voter_set: VoterSet, fixes: Fixes) -> Quorum {
        let count = voter_set.len();
        let ids = voters(count);
        let timings = vec![QuorumTimings::DEFAULT; count];
        let config = CheckConfig {
            servers: ids.clone(),
            controllers: usize::MAX,
            least_voters: None,
            is_dynamic: voter_set.nodes().iter().any(|voter| voter.directory_id.is_some()),
            voter_set,
            other_cluster: Vec::new(),
            small_segments: ids.clone(),
            voters: ids,
            timings,
            slowest_ppm: 0,
            fastest_ppm: 0,
            wrong_names: false,
            appends: true,
            reads: true,
            availability: None,
            brokers: None,
            fixes,
            beyond_tolerance: false,
            keep_going: false,
        };
        let mut quorum = Quorum {
            checks: Checks::new(config),
            now: 0,
            disks: vec![TestDisk::default(); count],
            logs: Vec::new(),
            lives: vec![0; count],
            attempts: 0,
        };
        for server in 0..count {
            let mut out = Out::default();
            quorum.checks.on(Crossing {
                at_ns: 0,
                server,
                event: Event::Booted { incarnation: 0, disk: &quorum.disks[server] },
            });
            quorum.logs.push(quiet(RaftLog::open(&quorum.disks[server], CONFIG, Now::default(), &mut out)));
            quorum.perform(server, out);
        }
        quorum
    }

    /// Three voters; server 0 leads epoch 1, two values are committed, acknowledged and read.
    pub fn at_work() -> Quorum {
        let mut quorum = Quorum::of(3);
        quorum.elect(0, 1, &[1, 2]);
        for value in [10, 11] {
            quorum.append_and_commit(0, 1, value);
        }
        quorum.read(1, 0, &[(1, 10), (2, 11)], 3);
        quorum
    }

    /// Three voters whose disks have directory ids; server 0 leads epoch 1, and the voter set with these ids is committed.
    pub fn with_directory_ids() -> Quorum {
        let directory_id = |server: usize| Uuid([server as u8 + 1; 16]);
        let mut set = VoterSet::of_ids(&voters(3)).nodes().to_vec();
        for (server, voter) in set.iter_mut().enumerate() {
            voter.directory_id = Some(directory_id(server));
        }
        let mut quorum = Quorum::of_voters(VoterSet::of(set), Fixes::NONE);
        for server in 0..3 {
            quorum.format(server, directory_id(server));
        }
        quorum.elect(0, 1, &[1, 2]);
        quorum.change_voters(0, 1, &[0, 1, 2]);
        quorum.replicate(0, 1, 1);
        quorum.replicate(0, 2, 1);
        quorum.move_high_watermark(0, 1);
        quorum
    }

    /// The first violation's invariant. What it saw is said in plain words.
    pub fn broke(&self) -> Option<&'static str> {
        let violation = self.checks.violation()?;
        assert!(!violation.detail.contains(['{', '[']) && !violation.detail.contains("Some("), "{}", violation.detail);
        self.checks.fired().find(|name| *name == violation.invariant)
    }

    pub fn perform(&mut self, server: usize, out: Out) {
        self.perform_but(server, out, |_| false);
    }

    /// Does what a node requests, except what is skipped.
    pub fn perform_but(&mut self, server: usize, out: Out, skip: impl Fn(&Effect) -> bool) {
        for effect in out.effects.iter().filter(|effect| !skip(effect)) {
            self.now += 1;
            self.do_effect(server, effect);
        }
    }

    fn do_effect(&mut self, server: usize, effect: &Effect) {
        let (now, disk, checks) = (self.now, &mut self.disks[server], &mut self.checks);
        if let Effect::Observe(observation) = effect {
            return checks.on(Crossing { at_ns: now, server, event: Event::Observed { observation: *observation } });
        }
        disk.perform(effect);
        match effect {
            Effect::Open { file, path, truncate } => {
                checks.on(Crossing {
                    at_ns: now,
                    server,
                    event: Event::Wrote { write: Write::Open { file: File(file.0), path, truncate: *truncate } },
                });
            }
            Effect::Append { file, bytes } => {
                checks.on(Crossing {
                    at_ns: now,
                    server,
                    event: Event::Wrote { write: Write::Append { file: File(file.0), bytes } },
                });
            }
            Effect::Truncate { file, len } => {
                checks.on(Crossing {
                    at_ns: now,
                    server,
                    event: Event::Wrote { write: Write::Truncate { file: File(file.0), len: *len } },
                });
            }
            Effect::Rename { from, to } => {
                checks.on(Crossing { at_ns: now, server, event: Event::Wrote { write: Write::Rename { from, to } } })
            }
            Effect::Unlink { path } => {
                checks.on(Crossing { at_ns: now, server, event: Event::Wrote { write: Write::Unlink { path } } })
            }
            Effect::Fsync { file } => {
                checks.on(Crossing { at_ns: now, server, event: Event::Synced { synced: Synced::File(File(file.0)) } })
            }
            _ => checks.on(Crossing { at_ns: now, server, event: Event::Synced { synced: Synced::Directory } }),
        }
    }

    /// What writing `quorum-state` takes.
    pub fn election(&self, epoch: i32, leader: Option<usize>, voted: Option<usize>) -> Out {
        let voted = voted.map(|voted| ReplicaKey { id: node(voted), directory_id: None });
        let state = ElectionState { epoch: LeaderEpoch(epoch), leader_id: leader.map(node), voted };
        let mut out = Out::default();
        let format = QuorumStateFormat::Version0 { voters: &voters(self.disks.len()) };
        write_election_state(&state, format, Bugs::NONE, &mut out);
        out
    }

    pub fn persist(&mut self, server: usize, epoch: i32, leader: Option<usize>, voted: Option<usize>) {
        let out = self.election(epoch, leader, voted);
        self.perform(server, out);
    }

    /// With the directory id, as under `kraft.version` 1.
    pub fn persist_vote(&mut self, server: usize, epoch: i32, voted: ReplicaKey) {
        let state = ElectionState { epoch: LeaderEpoch(epoch), leader_id: None, voted: Some(voted) };
        let mut out = Out::default();
        write_election_state(&state, QuorumStateFormat::Version1, Bugs::NONE, &mut out);
        self.perform(server, out);
    }

    pub fn say(&mut self, server: usize, observation: Observation) {
        self.now += 1;
        self.checks.on(Crossing { at_ns: self.now, server, event: Event::Observed { observation } });
    }

    pub fn role(&mut self, server: usize, role: Role, epoch: i32, leader: Option<usize>) {
        let leader = leader.map_or(NodeId::NONE, node);
        self.say(server, Observation::RoleChanged { role, epoch: LeaderEpoch(epoch), leader });
    }

    pub fn send(&mut self, server: usize, message: Message) {
        self.now += 1;
        let rpc = |correlation_id| Rpc { connection: 7, correlation_id };
        let event = match &message {
            Message::Request { correlation_id, request } => Event::RequestSent { rpc: rpc(*correlation_id), request },
            Message::Response { correlation_id, response } => {
                Event::ResponseSent { rpc: rpc(*correlation_id), to: self.disks.len(), response }
            }
        };
        self.checks.on(Crossing { at_ns: self.now, server, event });
    }

    pub fn ask_for_vote(&mut self, server: usize, epoch: i32) {
        let request = self.vote_request(server, epoch);
        self.send(server, Message::Request { correlation_id: 1, request });
    }

    fn vote_request(&self, server: usize, epoch: i32) -> Request {
        Request::Vote(VoteRequest {
            cluster_id: None,
            voter_id: NodeId::NONE,
            voter_directory_id: None,
            replica_epoch: LeaderEpoch(epoch),
            replica_id: node(server),
            replica_directory_id: self.checks.models.servers[server].directory_id,
            last_offset_epoch: self.logs[server].last_fetched_epoch(),
            last_offset: self.logs[server].end_offset(),
            pre_vote: false,
        })
    }

    fn receive(&mut self, server: usize, correlation_id: i32, request: &Request) {
        let event = Event::RequestReceived { rpc: Rpc { connection: 7, correlation_id }, request };
        self.checks.on(Crossing { at_ns: self.now, server, event });
    }

    /// A voter takes a candidate's request.
    pub fn take_vote_request(&mut self, voter: usize, candidate: usize, epoch: i32) {
        let request = self.vote_request(candidate, epoch);
        self.now += 1;
        self.receive(voter, 1, &request);
    }

    /// A voter answers the request that it took.
    pub fn grant(&mut self, voter: usize, epoch: i32) {
        self.answer_vote_request(voter, epoch, true);
    }

    pub fn answer_vote_request(&mut self, voter: usize, epoch: i32, vote_granted: bool) {
        let current_leader = CurrentLeader { leader_epoch: LeaderEpoch(epoch), ..CurrentLeader::default() };
        let response = Response::Vote(VoteResponse { current_leader, vote_granted, ..VoteResponse::default() });
        self.send(voter, Message::Response { correlation_id: 1, response });
    }

    /// A whole honest vote.
    pub fn vote(&mut self, voter: usize, candidate: usize, epoch: i32) {
        self.take_vote_request(voter, candidate, epoch);
        self.persist(voter, epoch, None, Some(candidate));
        self.role(voter, Role::Unattached, epoch, None);
        self.grant(voter, epoch);
    }

    pub fn campaign(&mut self, server: usize, epoch: i32) {
        for voter in (0..self.disks.len()).filter(|voter| *voter != server) {
            self.checks.judges.PreVotes.granted(voter, server, LeaderEpoch(epoch - 1), self.disks.len() / 2 + 1);
        }
        self.persist(server, epoch, None, Some(server));
        self.role(server, Role::Candidate, epoch, None);
        self.ask_for_vote(server, epoch);
    }

    /// The LeaderChange of an epoch at the leader's log end.
    pub fn leader_change(&self, leader: usize, epoch: i32) -> Rc<Batch> {
        self.leader_change_at(leader, epoch, self.logs[leader].end_offset())
    }

    pub fn leader_change_at(&self, leader: usize, epoch: i32, at: Offset) -> Rc<Batch> {
        let voters: Vec<NodeId> = voters(self.disks.len());
        let change = LeaderChange {
            leader_id: node(leader),
            voters: voters.as_slice().into(),
            granting_voters: voters.as_slice().into(),
        };
        BatchBuilder::new(at, LeaderEpoch(epoch), 0).control(ControlRecord::LeaderChange(change)).build()
    }

    /// A won candidate takes over.
    pub fn take_over(&mut self, leader: usize, epoch: i32) {
        self.persist(leader, epoch, Some(leader), None);
        self.role(leader, Role::Leader, epoch, Some(leader));
        let mut out = Out::default();
        let end = self.logs[leader].end_offset();
        self.logs[leader].assign_epoch_start(LeaderEpoch(epoch), end, &mut out);
        self.perform(leader, out);
        let change = self.leader_change(leader, epoch);
        self.write(leader, &change);
        self.begin(leader, epoch);
    }

    pub fn begin(&mut self, leader: usize, epoch: i32) {
        let request = Request::BeginQuorumEpoch(BeginQuorumEpochRequest {
            cluster_id: None,
            voter_id: NodeId::NONE,
            voter_directory_id: None,
            leader_id: node(leader),
            leader_epoch: LeaderEpoch(epoch),
            leader_endpoints: Rc::from([]),
        });
        self.send(leader, Message::Request { correlation_id: 2, request });
    }

    pub fn follow(&mut self, follower: usize, leader: usize, epoch: i32) {
        self.persist(follower, epoch, Some(leader), None);
        self.role(follower, Role::Follower, epoch, Some(leader));
    }

    /// A whole honest election, up to the commit of the LeaderChange.
    pub fn elect(&mut self, leader: usize, epoch: i32, followers: &[usize]) {
        self.campaign(leader, epoch);
        for follower in followers {
            self.vote(*follower, leader, epoch);
        }
        self.take_over(leader, epoch);
        for follower in followers {
            self.follow(*follower, leader, epoch);
            self.replicate(leader, *follower, epoch);
        }
        self.move_high_watermark(leader, epoch);
        self.say(leader, Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) });
    }

    /// Appends as leader and forces it.
    pub fn write(&mut self, leader: usize, batch: &Rc<Batch>) {
        let mut out = Out::default();
        quiet(self.logs[leader].append_as_leader(batch, 0, &mut out));
        self.logs[leader].flush(&mut out);
        self.perform(leader, out);
    }

    pub fn data(&self, server: usize, epoch: i32, value: u64) -> Rc<Batch> {
        BatchBuilder::new(self.logs[server].end_offset(), LeaderEpoch(epoch), 0).value(value).build()
    }

    /// What a follower would append now.
    pub fn missing(&self, leader: usize, follower: usize) -> Records {
        self.missing_up_to(leader, follower, u32::MAX)
    }

    fn missing_up_to(&self, leader: usize, follower: usize, max_bytes: u32) -> Records {
        let from = self.logs[follower].end_offset();
        self.logs[leader].read(from, self.logs[leader].end_offset(), max_bytes)
    }

    /// A follower appends what it lacks, forces it, and fetches again.
    pub fn replicate(&mut self, leader: usize, follower: usize, epoch: i32) {
        self.replicate_up_to(leader, follower, epoch, u32::MAX);
    }

    /// The same with a limit in bytes; a whole batch is fetched at least.
    pub fn replicate_up_to(&mut self, leader: usize, follower: usize, epoch: i32, max_bytes: u32) {
        let records = self.missing_up_to(leader, follower, max_bytes);
        let mut out = Out::default();
        quiet(self.logs[follower].append_as_follower(&records, LeaderEpoch(epoch), 0, &mut out));
        self.logs[follower].flush(&mut out);
        self.perform(follower, out);
        self.fetch(follower, epoch);
        self.take_fetch(leader, follower, epoch);
    }

    pub fn fetch(&mut self, follower: usize, epoch: i32) {
        self.fetch_at(follower, epoch, self.logs[follower].end_offset());
    }

    /// One that was made when the follower's log ended at `offset`.
    pub fn fetch_at(&mut self, follower: usize, epoch: i32, offset: Offset) {
        let request = self.fetch_request(follower, epoch, offset);
        self.send(follower, Message::Request { correlation_id: 3, request });
    }

    /// A follower's Fetch reaches a leader.
    pub fn take_fetch(&mut self, leader: usize, follower: usize, epoch: i32) {
        self.take_fetch_at(leader, follower, epoch, self.logs[follower].end_offset());
    }

    /// One that was sent when the follower's log ended at `offset`.
    pub fn take_fetch_at(&mut self, leader: usize, follower: usize, epoch: i32, offset: Offset) {
        let request = self.fetch_request(follower, epoch, offset);
        self.now += 1;
        self.receive(leader, 3, &request);
        // Its answer is for nobody.
        let response = Response::Fetch(FetchResponse::default());
        let event = Event::ResponseUnheard { rpc: Rpc { connection: 7, correlation_id: 3 }, response: &response };
        self.checks.on(Crossing { at_ns: self.now, server: leader, event });
    }

    fn fetch_request(&self, follower: usize, epoch: i32, fetch_offset: Offset) -> Request {
        Request::Fetch(FetchRequest {
            cluster_id: None,
            replica_id: node(follower),
            replica_directory_id: self.checks.models.servers[follower].directory_id,
            topic_id: Uuid::METADATA_TOPIC_ID,
            max_wait_ms: 500,
            max_bytes: 1 << 20,
            current_leader_epoch: LeaderEpoch(epoch),
            fetch_offset,
            last_fetched_epoch: self.logs[follower].last_fetched_epoch(),
            high_watermark: None,
        })
    }

    /// The leader's high watermark goes to its log's end, and it answers a fetch with it.
    pub fn move_high_watermark(&mut self, leader: usize, epoch: i32) {
        let end = self.logs[leader].end_offset();
        self.show_high_watermark(leader, epoch, end.0, true);
        self.answer_fetch(leader, epoch, end.0);
    }

    pub fn show_high_watermark(&mut self, server: usize, epoch: i32, offset: i64, leading: bool) {
        let (offset, epoch) = (Offset(offset), LeaderEpoch(epoch));
        self.say(server, Observation::HighWatermark { offset, epoch, leading });
    }

    pub fn answer_fetch(&mut self, leader: usize, epoch: i32, high_watermark: i64) {
        let leader_id = Some(node(leader));
        let response = Response::Fetch(FetchResponse {
            current_leader: CurrentLeader { leader_id, leader_epoch: LeaderEpoch(epoch), endpoints: None },
            high_watermark: Some(Offset(high_watermark)),
            ..FetchResponse::default()
        });
        self.send(leader, Message::Response { correlation_id: 3, response });
    }

    /// A follower cuts its log.
    pub fn cut(&mut self, server: usize, epoch: i32, end: i64) {
        let mut out = Out::default();
        let diverging = OffsetAndEpoch { epoch: LeaderEpoch(epoch), offset: Offset(end) };
        quiet(self.logs[server].truncate_to_end_offset(diverging, &mut out));
        self.perform(server, out);
    }

    pub fn tell(&mut self, client: usize, event: AttemptEvent) {
        self.now += 1;
        self.checks.client(self.now, client, event);
    }

    pub fn next_attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }

    /// A client's append, replicated to all, committed and acknowledged.
    pub fn append_and_commit(&mut self, leader: usize, epoch: i32, value: u64) {
        let attempt = self.next_attempt();
        self.tell(0, AttemptEvent::AppendInvoked { attempt, first_value: value, count: 1 });
        let batch = self.data(leader, epoch, value);
        self.write(leader, &batch);
        for follower in (0..self.disks.len()).filter(|server| *server != leader) {
            self.replicate(leader, follower, epoch);
        }
        self.move_high_watermark(leader, epoch);
        self.tell(0, AttemptEvent::AppendOk { attempt, base_offset: batch.base_offset.0 });
    }

    /// A client reads from a server.
    pub fn read(&mut self, server: usize, from: i64, shown: &[(i64, u64)], applied_end: i64) {
        let attempt = self.next_attempt();
        self.tell(0, AttemptEvent::ReadInvoked { attempt, from, at_most: 100 });
        self.answer_read(server, attempt, applied_end);
        for (offset, value) in shown {
            self.tell(0, AttemptEvent::ReadRecord { attempt, offset: *offset, value: *value });
        }
        self.tell(0, AttemptEvent::ReadOk { attempt, applied_end });
    }

    pub fn answer_read(&mut self, server: usize, attempt: u32, applied_end: i64) {
        let response = Response::ReadRecords(ReadRecordsResponse {
            error: raft::message::ErrorCode::None,
            records: smallvec::SmallVec::new(),
            applied_end: Offset(applied_end),
        });
        self.send(server, Message::Response { correlation_id: attempt as i32, response });
    }

    /// The process dies; the page cache lives on.
    pub fn kill(&mut self, server: usize) {
        self.now += 1;
        self.disks[server].open.clear();
        self.checks.on(Crossing { at_ns: self.now, server, event: Event::Down { how: Down::Killed } });
    }

    /// All that was not durable is lost.
    pub fn lose_power(&mut self, server: usize) {
        self.now += 1;
        self.disks[server].lose_power();
        self.checks.on(Crossing { at_ns: self.now, server, event: Event::Down { how: Down::PowerLost } });
    }

    /// It goes down and gets an empty disk.
    pub fn replace_disk(&mut self, server: usize) {
        self.lose_power(server);
        self.disks[server] = TestDisk::default();
        self.checks.on(Crossing { at_ns: self.now, server, event: Event::DiskDamaged { left: &self.disks[server] } });
    }

    /// Its disk gets a directory id.
    pub fn format(&mut self, server: usize, directory_id: Uuid) {
        let mut out = Out::default();
        let properties = MetaProperties { cluster_id: "".into(), node_id: node(server), directory_id };
        write_meta_properties(&properties, Bugs::NONE, &mut out);
        self.perform(server, out);
    }

    /// A leader appends these voters, each with the directory id that its disk has.
    pub fn change_voters(&mut self, leader: usize, epoch: i32, places: &[usize]) {
        let ids: Vec<NodeId> = places.iter().map(|place| node(*place)).collect();
        let directory_id =
            |id: NodeId| self.checks.models.server(id).and_then(|at| self.checks.models.servers[at].directory_id);
        let with_directory = |voter: &VoterNode| VoterNode { directory_id: directory_id(voter.id), ..voter.clone() };
        let set = VoterSet::of(VoterSet::of_ids(&ids).nodes().iter().map(with_directory).collect());
        let mut batch = BatchBuilder::new(self.logs[leader].end_offset(), LeaderEpoch(epoch), 0);
        batch.control(ControlRecord::KRaftVoters(set));
        let batch = batch.build();
        self.write(leader, &batch);
    }

    pub fn boot(&mut self, server: usize) {
        self.boot_but(server, |_| false);
    }

    /// What is skipped of what the process requests when it starts does not happen.
    pub fn boot_but(&mut self, server: usize, skip: impl Fn(&Effect) -> bool) {
        self.boot_with(server, Fixes::NONE.with(Fix::FlushRecoveredLog), skip);
    }

    pub fn boot_with(&mut self, server: usize, fixes: Fixes, skip: impl Fn(&Effect) -> bool) {
        self.lives[server] += 1;
        self.now += 1;
        self.checks.on(Crossing {
            at_ns: self.now,
            server,
            event: Event::Booted { incarnation: self.lives[server], disk: &self.disks[server] },
        });
        let mut out = Out::default();
        self.logs[server] = quiet(RaftLog::open(
            &self.disks[server],
            LogConfig { fixes: fixes.with(Fix::WriteEpochsBeforeAppend), ..CONFIG },
            Now::default(),
            &mut out,
        ));
        self.perform_but(server, out, skip);
    }
}
