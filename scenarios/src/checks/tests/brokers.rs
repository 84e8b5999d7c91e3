//! Brokers of puppets: real data logs on plain disks, and a metadata log that a test writes. All is
//! honest unless the test makes it otherwise.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::log::{LogManager, PartitionLog, PartitionLogConfig};
use raft::broker::observation::BrokerObservation;
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use raft::io::{Effect, Observation, Out, PartitionShown, ThreadName};
use raft::log::{Batch, BatchBuilder, BatchProducer, Records};
use raft::message::cluster::{AlterPartitionResponse, AlterPartitionResult};
use raft::message::data::{
    DataFetchResponse, FetchablePartition, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
    ProduceResponse,
};
use raft::message::{ClusterResponse, DataRequest, DataResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{
    BrokerRegistrationChange, Config, FeatureLevel, NO_LEADER_CHANGE, Partition, PartitionChange, RegisterBroker, Topic,
};
use sim::process::File;
use sim::watch::{Down, Synced, Write};

use super::test_disk::TestDisk;
use super::voters;
use crate::checks::Checks;
use crate::checks::cluster::{BrokerConfig, ClusterChecks};
use crate::checks::invariant::timings::QuorumTimings;
use crate::checks::replication::ReplicationSettings;
use crate::checks::server_model::ledger::BatchId;

pub const TOPIC: Uuid = Uuid([7; 16]);
pub const PARTITION: TopicIdPartition = TopicIdPartition { topic_id: TOPIC, partition: 0 };
pub const CONFIG: PartitionLogConfig = PartitionLogConfig {
    segment_bytes: 1 << 20,
    segment_ms: 604_800_000,
    max_message_bytes: 1 << 20,
    bugs: raft::bugs::Bugs::NONE,
    // The scheduler's thread does not run.
    fixes: raft::fixes::Fixes::NONE.with(raft::fixes::Fix::WriteEpochsBeforeAppend),
};
const CLIENT_CONNECTION: u64 = 9;
const CONTROLLER: NodeId = NodeId(1);
const SERVERS: usize = 4;
/// Whoever is no server.
pub const CLIENT: usize = 99;

/// The puppets.
pub struct Brokers {
    /// True time.
    pub now_ns: u64,
    pub checks: Checks,
    pub disks: Vec<TestDisk>,
    pub logs: Vec<PartitionLog>,
    epochs: Vec<i32>,
    requests: i32,
    sequence: i32,
    registrations: u8,
}

pub fn broker(server: usize) -> NodeId {
    NodeId(101 + server as i32)
}

fn ids(servers: &[usize]) -> Rc<[NodeId]> {
    servers.iter().map(|server| broker(*server)).collect()
}

pub fn partition() -> Partition {
    let replicas = ids(&[0, 1, 2]);
    Partition {
        partition_id: 0,
        topic_id: TOPIC,
        isr: Rc::clone(&replicas),
        removing_replicas: Rc::default(),
        adding_replicas: Rc::default(),
        leader: broker(0),
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        directories: Rc::from([Uuid([1; 16]); 3]),
        eligible_leader_replicas: None,
        last_known_elr: None,
        replicas,
    }
}

/// A change of nothing.
pub fn change() -> PartitionChange {
    PartitionChange::nothing(PARTITION)
}

/// To this ISR, with this leader if it changes.
pub fn to_isr(isr: &[usize], leader: Option<usize>) -> PartitionChange {
    PartitionChange { isr: Some(ids(isr)), leader: leader.map_or(NO_LEADER_CHANGE, broker), ..change() }
}

pub fn elr(members: &[usize]) -> Option<Rc<[NodeId]>> {
    Some(ids(members))
}

pub fn config(name: &str, value: &str) -> MetadataRecord {
    let (resource_name, name) = (Rc::from("t"), name.into());
    MetadataRecord::Config(Config { resource_type: 2, resource_name, name, value: Some(value.into()) })
}

impl Brokers {
    /// Three brokers; nothing is committed.
    pub fn blank() -> Brokers {
        let ids: Vec<NodeId> = (0..3).map(broker).collect();
        let settings = ReplicationSettings { min_insync_replicas: 1, unclean_leader_election_enable: false };
        let config = BrokerConfig {
            ids: ids.clone(),
            settings,
            controllers_min_insync_replicas: 1,
            session_timeout_ms: 9_000,
            shortest_session_timeout_ms: 9_000,
            first_fresh_client: 0,
            partitions: 0,
            topics: Rc::from([]),
            lasting_topics: 0,
            retry_backoff_ms: 100,
        };
        // A controller behind them, which has nothing to do.
        let servers: Vec<NodeId> = ids.into_iter().chain([CONTROLLER]).collect();
        let timings = vec![QuorumTimings::DEFAULT; servers.len()];
        let config = CheckConfig { servers, timings, voters: vec![CONTROLLER], brokers: Some(config), ..voters(1) };
        let mut brokers = Brokers {
            checks: Checks::new(config),
            disks: vec![TestDisk::default(); 3],
            logs: Vec::new(),
            epochs: vec![0; 3],
            now_ns: 0,
            requests: 0,
            sequence: 0,
            registrations: 0,
        };
        // No client requests what is committed here, and none is judged.
        brokers.cluster_mut().histories.committed_by_tests = true;
        brokers
    }

    pub fn cluster(&self) -> &ClusterChecks {
        self.checks.models.cluster.as_deref().expect("it has brokers")
    }

    pub fn cluster_mut(&mut self) -> &mut ClusterChecks {
        self.checks.models.cluster.as_deref_mut().expect("it has brokers")
    }

    /// Something crosses the border of a server.
    pub fn cross(&mut self, server: usize, event: Event<'_>) {
        self.checks.on(Crossing { at_ns: self.now_ns, server, event });
    }

    /// A server receives a request, of a connection and correlation id.
    pub fn receives(&mut self, server: usize, (connection, correlation_id): (u64, i32), request: &Request) {
        self.cross(server, Event::RequestReceived { rpc: Rpc { connection, correlation_id }, request });
    }

    /// A server sends a request.
    pub fn requests(&mut self, server: usize, connection: u64, request: &Request) {
        self.cross(server, Event::RequestSent { rpc: Rpc { connection, correlation_id: 0 }, request });
    }

    /// A server answers a client.
    pub fn responds(&mut self, server: usize, of: (u64, i32), response: &Response) {
        self.responds_to(server, CLIENT, of, response);
    }

    /// A server answers another one, or a client.
    pub fn responds_to(&mut self, server: usize, to: usize, of: (u64, i32), response: &Response) {
        let rpc = Rpc { connection: of.0, correlation_id: of.1 };
        self.cross(server, Event::ResponseSent { rpc, to, response });
    }

    /// The audit of a broker's replicas, with its disk or without.
    pub fn audit(&mut self, server: usize, shown: &[PartitionShown], with_disk: bool) -> Option<String> {
        let cluster = self.checks.models.cluster.as_deref_mut().expect("it has brokers");
        let disk: &dyn raft::io::DurableFiles = &self.disks[server];
        cluster.audit(server, true, shown, with_disk.then_some(disk), &mut self.checks.verdict)
    }

    /// Three brokers and a partition with `min.insync.replicas` 2, which the first one leads.
    pub fn with_partition(with_elr: bool) -> Brokers {
        let mut brokers = Brokers::blank();
        let feature =
            |name: &str, feature_level| MetadataRecord::FeatureLevel(FeatureLevel { name: name.into(), feature_level });
        let elr = with_elr.then(|| feature("eligible.leader.replicas.version", 1));
        brokers.commit([feature("metadata.version", 33)].into_iter().chain(elr));
        for server in 0..3 {
            brokers.register(server);
            brokers.unfence(server);
        }
        let topic = Topic { name: "t".into(), topic_id: TOPIC };
        let records = [MetadataRecord::Topic(topic), config("min.insync.replicas", "2")];
        brokers.commit(records.into_iter().chain([MetadataRecord::Partition(partition())]));
        for server in 0..3 {
            let mut out = Out::default();
            brokers.logs.push(PartitionLog::create("t-0".into(), TOPIC, 1, CONFIG, &mut out));
            brokers.perform(server, out);
        }
        brokers.lead(0, 0, 0, 3);
        brokers
    }

    /// The same at work: `values` are acknowledged.
    pub fn at_work(with_elr: bool, values: &[u64]) -> Brokers {
        let mut brokers = Brokers::with_partition(with_elr);
        for value in values {
            brokers.produce_to_all(0, *value);
        }
        assert_eq!(brokers.broke(), None);
        brokers
    }

    /// The first violation's invariant. What it saw is said in plain words.
    pub fn broke(&self) -> Option<&str> {
        let violation = self.checks.verdict.violation()?;
        assert!(!violation.detail.contains(['{', '[']) && !violation.detail.contains("Some("), "{}", violation.detail);
        Some(violation.invariant.as_str())
    }

    pub fn excused(&self, name: &str) -> u64 {
        self.checks.verdict.excused().find(|(excuse, _)| excuse.name() == name).map_or(0, |(_, count)| count)
    }

    /// One batch of committed metadata.
    pub fn commit(&mut self, records: impl IntoIterator<Item = MetadataRecord>) {
        let frame = |record: MetadataRecord| {
            let frame = record.frame(record.max_version());
            frame.unwrap_or_else(|error| panic!("{error}"))
        };
        let frames: Vec<_> = records.into_iter().map(frame).collect();
        self.commit_frames(frames.iter().map(|frame| &frame[..]));
    }

    /// One batch of records that are these bytes.
    pub fn commit_frames<'a>(&mut self, frames: impl IntoIterator<Item = &'a [u8]>) {
        let mut builder = BatchBuilder::new(self.checks.models.committed.end, LeaderEpoch(1), 0);
        for frame in frames {
            builder.record(frame);
        }
        let batch = builder.build();
        let header = Batch::peek_header(&batch.bytes).unwrap_or_else(|error| panic!("{error}"));
        let Models { committed, ledger, .. } = &mut self.checks.models;
        let before = committed.batches.last().copied().unwrap_or(BatchId::START);
        let recorded = ledger.record(&header, before, &batch.bytes, 0);
        committed.push(recorded.id, LeaderEpoch(1), ledger);
        self.checks.metadata_committed(SERVERS - 1);
    }

    pub fn change(&mut self, change: PartitionChange) {
        self.commit([MetadataRecord::PartitionChange(change)]);
    }

    /// What a new incarnation registers with; its epoch is where it is written.
    pub fn registration(&mut self, server: usize, before: usize) -> MetadataRecord {
        self.registrations += 1;
        MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id: broker(server),
            is_migrating_zk_broker: false,
            incarnation_id: Uuid([self.registrations; 16]),
            broker_epoch: BrokerEpoch(self.checks.models.committed.end.0 + before as i64),
            end_points: Rc::default(),
            features: Rc::default(),
            rack: None,
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Rc::from([Uuid([1; 16])]),
            cordoned_log_dirs: None,
        })
    }

    pub fn register(&mut self, server: usize) {
        let record = self.registration(server, 0);
        self.commit([record]);
    }

    pub fn registration_change(&self, server: usize, fenced: i8) -> MetadataRecord {
        MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            broker_id: broker(server),
            broker_epoch: self.cluster().metadata().image().broker_epoch(broker(server)),
            fenced,
            in_controlled_shutdown: 0,
            log_dirs: Rc::default(),
            cordoned_log_dirs: None,
        })
    }

    pub fn unfence(&mut self, server: usize) {
        let record = self.registration_change(server, -1);
        self.commit([record]);
    }

    /// A broker is active again, and elected with it.
    pub fn unfence_and_elect(&mut self, server: usize) {
        let unfenced = self.registration_change(server, -1);
        let elected = PartitionChange { leader: broker(server), ..change() };
        self.commit([unfenced, MetadataRecord::PartitionChange(elected)]);
    }

    /// A broker's session ends: a change of the partition, and then the fence.
    pub fn fence(&mut self, server: usize, change: PartitionChange) {
        let fence = self.registration_change(server, 1);
        self.commit([MetadataRecord::PartitionChange(change), fence]);
    }

    pub fn perform(&mut self, server: usize, out: Out) {
        for effect in &out.effects {
            if matches!(effect, Effect::Observe(_)) {
                continue;
            }
            self.disks[server].perform(effect);
            let write = match effect {
                Effect::Open { file, path, truncate } => Write::Open { file: File(file.0), path, truncate: *truncate },
                Effect::Append { file, bytes } => Write::Append { file: File(file.0), bytes },
                Effect::Truncate { file, len } => Write::Truncate { file: File(file.0), len: *len },
                Effect::Unlink { path } => Write::Unlink { path },
                Effect::Rename { from, to } => Write::Rename { from, to },
                Effect::Fsync { file } => {
                    self.cross(server, Event::Synced { synced: Synced::File(File(file.0)) });
                    continue;
                }
                _ => {
                    self.cross(server, Event::Synced { synced: Synced::Directory });
                    continue;
                }
            };
            self.cross(server, Event::Wrote { write });
        }
    }

    pub fn say(&mut self, server: usize, observation: BrokerObservation) {
        self.cross(server, Event::Observed { observation: Observation::Broker(observation) });
    }

    /// A broker leads an epoch, by the ISR of a partition epoch.
    pub fn lead(&mut self, server: usize, epoch: i32, partition_epoch: i32, maximal: u8) {
        let mut out = Out::default();
        let start = self.logs[server].end_offset();
        self.logs[server].assign_epoch_start(LeaderEpoch(epoch), start, &mut out);
        self.perform(server, out);
        self.epochs[server] = epoch;
        self.publish(server);
        self.say(server, BrokerObservation::BecameLeader { of: PARTITION.into(), epoch: LeaderEpoch(epoch), start });
        self.goes_by(server, partition_epoch, maximal, false);
    }

    /// A broker follows in an epoch.
    pub fn follows(&mut self, server: usize, epoch: i32) {
        let (of, end) = (PARTITION.into(), self.logs[server].end_offset());
        self.say(server, BrokerObservation::BecameFollower { of, epoch: LeaderEpoch(epoch), end });
    }

    /// A broker publishes all that is committed.
    pub fn publish(&mut self, server: usize) {
        let (end, digest) = (self.checks.models.committed.end, self.cluster().metadata().image().digest());
        self.publishes(server, end.0 - 1, digest);
    }

    /// A broker says that it has published an image.
    pub fn publishes(&mut self, server: usize, offset: i64, digest: u64) {
        let observation = Observation::Published { offset: Offset(offset), digest };
        self.cross(server, Event::Observed { observation });
    }

    /// Its request thread receives its next input.
    pub fn goes_on(&mut self, server: usize) {
        self.cross(server, Event::Input { thread: ThreadName::RequestHandler });
    }

    pub fn goes_by(&mut self, server: usize, partition_epoch: i32, maximal: u8, in_flight: bool) {
        let (of, partition_epoch) = (PARTITION.into(), PartitionEpoch(partition_epoch));
        self.say(server, BrokerObservation::IsrState { of, partition_epoch, maximal, effective: maximal, in_flight });
    }

    /// A broker hears that its proposal was not carried out.
    pub fn refuse_proposal(&mut self, server: usize) {
        let result = AlterPartitionResult {
            partition: PARTITION,
            error: ErrorCode::IneligibleReplica,
            leader_id: NodeId::NONE,
            leader_epoch: LeaderEpoch(-1),
            isr: Rc::from([]),
            leader_recovery_state: 0,
            partition_epoch: PartitionEpoch(-1),
        };
        let answer = AlterPartitionResponse { error: ErrorCode::None, partitions: Rc::from([result]) };
        let response = Response::Cluster(ClusterResponse::AlterPartition(answer));
        self.cross(server, Event::ResponseReceived { token: 1, correlation_id: 1, response: &response });
    }

    pub fn high_watermark(&mut self, server: usize, offset: i64) {
        let (of, epoch) = (PARTITION.into(), LeaderEpoch(self.epochs[server]));
        self.say(server, BrokerObservation::LeaderHighWatermark { of, epoch, offset: Offset(offset) });
    }

    /// What the producer sends next.
    pub fn batch(&mut self, value: u64) -> Rc<Batch> {
        self.sequence += 1;
        self.batch_of(self.sequence - 1, value)
    }

    pub fn batch_of(&self, base_sequence: i32, value: u64) -> Rc<Batch> {
        let producer = BatchProducer { id: ProducerId(5), epoch: 0, base_sequence };
        BatchBuilder::new(Offset(0), LeaderEpoch(-1), 0).producer(producer).value(value).build()
    }

    /// A leader takes a batch from a producer with `acks=all`, and appends it. Gives its offset.
    pub fn produce(&mut self, server: usize, batch: &Rc<Batch>) -> Offset {
        self.ask(server, batch);
        self.append(server, batch)
    }

    /// A leader takes a batch from a producer with `acks=all`.
    pub fn ask(&mut self, server: usize, batch: &Rc<Batch>) {
        self.requests += 1;
        let records = Records([Rc::clone(batch)].into_iter().collect());
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            partitions: Rc::from([PartitionProduceData { partition: PARTITION, records }]),
        };
        let request = Request::Data(DataRequest::Produce(request));
        let of = (CLIENT_CONNECTION, self.requests);
        self.receives(server, of, &request);
    }

    /// A leader appends, whatever its producers' state says.
    pub fn append(&mut self, server: usize, batch: &Rc<Batch>) -> Offset {
        let end = self.logs[server].end_offset();
        let batch = Rc::new(batch.assigned(end, LeaderEpoch(self.epochs[server])));
        self.append_assigned(server, &batch);
        end
    }

    pub fn append_assigned(&mut self, server: usize, batch: &Rc<Batch>) {
        let mut out = Out::default();
        let appended = self.logs[server].append_as_follower(std::slice::from_ref(batch), 0, &mut out);
        assert_eq!(appended, Ok(()));
        self.perform(server, out);
    }

    /// A follower appends what it lacks.
    pub fn replicate(&mut self, leader: usize, follower: usize) {
        let from = self.logs[follower].end_offset();
        let records = self.logs[leader].read(from, self.logs[leader].end_offset(), usize::MAX);
        let mut out = Out::default();
        assert_eq!(self.logs[follower].append_as_follower(&records.0, 0, &mut out), Ok(()));
        self.perform(follower, out);
    }

    /// The producer's newest request is answered with success.
    pub fn acknowledge(&mut self, server: usize, base_offset: Offset) {
        self.answer_producer(server, ErrorCode::None, base_offset);
    }

    pub fn answer_producer(&mut self, server: usize, error: ErrorCode, base_offset: Offset) {
        let answer = PartitionProduceResponse {
            partition: PARTITION,
            error,
            base_offset,
            log_start_offset: Offset(0),
            current_leader: None,
        };
        let response = Response::Data(DataResponse::Produce(ProduceResponse { partitions: Rc::from([answer]) }));
        self.answer(server, &response);
        self.goes_on(server);
    }

    fn answer(&mut self, server: usize, response: &Response) {
        let at = (CLIENT_CONNECTION, self.requests);
        self.responds(server, at, response);
    }

    /// One value, replicated to all and acknowledged.
    pub fn produce_to_all(&mut self, leader: usize, value: u64) {
        let batch = self.batch(value);
        let offset = self.produce(leader, &batch);
        for follower in (0..3).filter(|server| *server != leader) {
            self.replicate(leader, follower);
        }
        self.high_watermark(leader, offset.0 + 1);
        self.acknowledge(leader, offset);
    }

    /// A consumer is answered with all of a broker's log below `end`.
    pub fn consume(&mut self, server: usize, end: i64, high_watermark: i64) {
        let records = self.logs[server].read(Offset(0), Offset(end), usize::MAX);
        self.show(server, records, high_watermark);
    }

    pub fn show(&mut self, server: usize, records: Records, high_watermark: i64) {
        let found = FetchablePartition {
            partition: PARTITION,
            error: ErrorCode::None,
            high_watermark: Offset(high_watermark),
            log_start_offset: Offset(0),
            diverging_epoch: None,
            current_leader: None,
            records,
        };
        let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([found]) };
        self.answer(server, &Response::Data(DataResponse::Fetch(answer)));
    }

    /// A follower cuts its log.
    pub fn truncate(&mut self, server: usize, end: i64) {
        let mut out = Out::default();
        assert!(self.logs[server].truncate_to(Offset(end), &mut out));
        self.perform(server, out);
    }

    /// A broker goes down and comes back, with or without its page cache.
    pub fn restart(&mut self, server: usize, how: Down) {
        self.cross(server, Event::Down { how });
        if how == Down::PowerLost {
            self.disks[server].lose_power();
        }
        self.disks[server].open.clear();
        self.boot(server);
    }

    /// From what is on its disk.
    pub fn boot(&mut self, server: usize) {
        let incarnation = self.checks.models.servers[server].incarnation + 1;
        self.checks.on(Crossing { at_ns: 0, server, event: Event::Booted { incarnation, disk: &self.disks[server] } });
        let mut manager = LogManager::load(&self.disks[server], CONFIG).unwrap_or_else(|error| panic!("{error}"));
        let mut out = Out::default();
        manager.start(|_| true, &mut out);
        self.logs[server] = manager.open("t", TOPIC, 0, &mut out);
        self.perform(server, out);
    }

    /// Everything written is durable.
    pub fn flush(&mut self, server: usize) {
        let files: Vec<u32> = self.disks[server].open.keys().copied().collect();
        let mut out = Out::default();
        out.effects.extend(files.into_iter().map(|file| Effect::Fsync { file: raft::io::FileHandle(file) }));
        out.push(Effect::FsyncDirectory);
        self.perform(server, out);
    }
}
