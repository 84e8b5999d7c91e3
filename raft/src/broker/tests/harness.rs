//! Three brokers without a network: messages arrive at once, the test advances the clock and acts as the controller.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::broker::config::BrokerConfig;
use crate::broker::data_plane::DataPlane;
use crate::broker::log::{LogManager, PartitionLogConfig};
use crate::broker::partition::Partition;
use crate::broker::view::{BrokerView, ClusterView, PartitionView, TopicView, TopicsDelta};
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::io::{CloseReason, ConnectToken, Connection, Effect, Entropy, Input, Now, Out};
use crate::log::{Batch, BatchBuilder, BatchProducer, Records};
use crate::message::cluster::{AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult};
use crate::message::data::*;
use crate::message::{
    AdminRequest, ClusterRequest, ClusterResponse, DataRequest, DataResponse, ErrorCode, MeantFor, Request, Response,
};
use crate::step::Step;
use crate::test_disk::TestDisk;

/// The only topic has one partition.
pub const PARTITION: TopicIdPartition = TopicIdPartition { topic_id: Uuid([7; 16]), partition: 0 };
pub const CONTROLLER: NodeId = NodeId(100);
const NS_PER_MS: u64 = 1_000_000;

struct Zero;
impl Entropy for Zero {
    fn below(&mut self, _: u32) -> u32 {
        0
    }
}

/// The metadata image, the same for all brokers.
#[derive(Clone)]
pub struct Image {
    pub elr: bool,
    /// The topic does not exist any more.
    pub deleted: bool,
    pub brokers: Vec<BrokerView>,
    pub partition: PartitionView,
}

impl ClusterView for Image {
    fn broker(&self, id: NodeId) -> Option<BrokerView> {
        self.brokers.iter().copied().find(|broker| broker.id == id)
    }

    fn brokers(&self) -> Vec<BrokerView> {
        self.brokers.clone()
    }

    fn is_elr_enabled(&self) -> bool {
        self.elr
    }

    fn has_topic(&self, topic_id: Uuid) -> bool {
        topic_id == PARTITION.topic_id && !self.deleted
    }

    fn leader_of(&self, partition: TopicIdPartition) -> Option<LeaderIdAndEpoch> {
        (partition == PARTITION && !self.deleted).then(|| LeaderIdAndEpoch {
            leader_id: self.partition.leader.unwrap_or(NodeId::NONE),
            leader_epoch: self.partition.leader_epoch,
        })
    }

    fn topic(&self, name: &str) -> Option<TopicView> {
        (*name == *self.partition.topic).then(|| TopicView {
            name: name.into(),
            id: PARTITION.topic_id,
            partitions: vec![self.partition.clone()],
        })
    }

    fn topic_names(&self) -> Vec<Rc<str>> {
        vec![Rc::clone(&self.partition.topic)]
    }
}

struct Broker {
    plane: Option<DataPlane>,
    disk: TestDisk,
    timer: Option<u64>,
}

struct Wire {
    from: usize,
    token: ConnectToken,
    to: NodeId,
    /// One of its ends has crashed.
    broken: bool,
}

pub struct Harness {
    pub image: Image,
    now: Now,
    brokers: Vec<Broker>,
    wires: Vec<Wire>,
    /// Inputs that are not yet processed.
    queue: VecDeque<(usize, Input)>,
    /// Responses to the test's own requests, by correlation id.
    answers: Vec<(i32, Response)>,
    /// AlterPartition requests that the controller has not answered.
    pub proposals: Vec<(Connection, i32, AlterPartitionRequest)>,
    /// Forwarded requests that the controller has not answered, with their senders and tokens.
    pub envelopes: Vec<(i32, ConnectToken, i32, AdminRequest)>,
    /// Changes the next response to a follower's fetch.
    pub tamper: Option<fn(&mut FetchablePartition)>,
    /// Pairs of brokers that are partitioned from each other.
    cuts: Vec<(NodeId, NodeId)>,
    correlations: i32,
    switches: (Bugs, Fixes),
}

/// The test's own connection.
const CLIENT: Connection = Connection(1 << 40);

impl Harness {
    /// Three brokers with epochs 11, 12, 13; broker 1 leads, all are in sync, min ISR is 2.
    pub fn new() -> Harness {
        Harness::switched(Bugs::NONE, Fixes::NONE)
    }
    pub fn switched(bugs: Bugs, fixes: Fixes) -> Harness {
        let ids: Rc<[NodeId]> = (1..4).map(NodeId).collect();
        let partition = PartitionView {
            partition: PARTITION,
            topic: "t".into(),
            replicas: Rc::clone(&ids),
            isr: Rc::clone(&ids),
            leader: Some(NodeId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            min_insync_replicas: 2,
        };
        let view = |id: NodeId| BrokerView {
            id,
            epoch: BrokerEpoch(10 + i64::from(id.0)),
            fenced: false,
            in_controlled_shutdown: false,
            has_listener: true,
        };
        let mut harness = Harness {
            image: Image { elr: false, deleted: false, brokers: ids.iter().copied().map(view).collect(), partition },
            now: Now { mono_ns: 0, wall_ms: 1_700_000_000_000 },
            brokers: (0..3).map(|_| Broker { plane: None, disk: TestDisk::default(), timer: None }).collect(),
            wires: Vec::new(),
            queue: VecDeque::new(),
            answers: Vec::new(),
            proposals: Vec::new(),
            envelopes: Vec::new(),
            tamper: None,
            cuts: Vec::new(),
            correlations: 0,
            switches: (bugs, fixes),
        };
        (1..4).for_each(|id| harness.boot(id));
        harness
    }

    /// Starts a broker from its disk, and publishes the image to it.
    pub fn boot(&mut self, id: i32) {
        let (bugs, fixes) = self.switches;
        let mut config = BrokerConfig::new(NodeId(id)).with_switches(bugs, fixes);
        config.log.segment_bytes = 300;
        let logs =
            LogManager::load(&self.broker(id).disk, PartitionLogConfig { fixes, ..config.log }).expect("the logs load");
        let mut plane = DataPlane::new(Rc::new(config), logs);
        let epoch = self.image.broker(NodeId(id)).expect("it is registered").epoch;
        plane.replicas_mut().set_broker_epoch(epoch);
        self.broker(id).plane = Some(plane);
        self.with(id, |plane, image, step| {
            plane.replicas_mut().start_up(|_| true, step);
            plane.publish(&TopicsDelta { changed: vec![image.partition.clone()], removed: Vec::new() }, image, step);
            plane.enable_request_processing(step);
        });
        self.settle();
    }

    fn broker(&mut self, id: i32) -> &mut Broker {
        &mut self.brokers[(id - 1) as usize]
    }

    /// Runs `act` on a broker's thread, and executes its effects.
    pub fn with(&mut self, id: i32, act: impl FnOnce(&mut DataPlane, &Image, &mut Step<'_>)) {
        let index = (id - 1) as usize;
        let mut out = Out::default();
        let image = self.image.clone();
        let Some(plane) = &mut self.brokers[index].plane else { return };
        let mut step = Step { now: self.now, entropy: &mut Zero, out: &mut out };
        act(plane, &image, &mut step);
        plane.poll(Some(CONTROLLER), &image, &mut step);
        for effect in out.effects {
            self.effect(index, effect);
        }
    }

    fn effect(&mut self, from: usize, effect: Effect) {
        match effect {
            Effect::Connect { token, to, .. } => {
                self.wires.push(Wire { from, token, to, broken: false });
                let connection = Connection(self.wires.len() as u64 - 1);
                let up = to == CONTROLLER || self.broker(to.0).plane.is_some();
                if !self.is_cut(from, to) {
                    let opened = Input::Opened { token, connection };
                    let refused = Input::Closed { token, reason: CloseReason::Refused };
                    self.queue.push_back((from, if up { opened } else { refused }));
                }
            }
            Effect::SendRequest { connection, correlation_id, request } => {
                let to = self.wires[connection.0 as usize].to;
                match request {
                    _ if self.is_cut(from, to) || self.wires[connection.0 as usize].broken => {}
                    Request::Cluster(ClusterRequest::AlterPartition(request)) => {
                        self.proposals.push((connection, correlation_id, request));
                    }
                    Request::DiscoverVersions(_) => {
                        let (token, response) = (self.wires[connection.0 as usize].token, Response::DiscoverVersions);
                        self.queue.push_back((from, Input::Response { token, correlation_id, response }));
                    }
                    Request::Envelope(request) => {
                        let token = self.wires[connection.0 as usize].token;
                        self.envelopes.push((from as i32 + 1, token, correlation_id, request));
                    }
                    request => {
                        let input = Input::Request { connection, correlation_id, request };
                        self.queue.push_back(((to.0 - 1) as usize, input));
                    }
                }
            }
            Effect::SendResponse { connection: CLIENT, correlation_id, response } => {
                self.answers.push((correlation_id, response));
            }
            Effect::SendResponse { connection, correlation_id, mut response } => {
                let Wire { from: asker, token, broken, .. } = self.wires[connection.0 as usize];
                if broken || self.is_cut(asker, NodeId(from as i32 + 1)) {
                    return;
                }
                if let Response::Data(DataResponse::Fetch(fetch)) = &mut response
                    && let Some(tamper) = self.tamper.take()
                {
                    let mut partition = fetch.partitions[0].clone();
                    tamper(&mut partition);
                    fetch.partitions = Rc::from([partition]);
                }
                self.queue.push_back((asker, Input::Response { token, correlation_id, response }));
            }
            Effect::ArmTimer { at_mono_ns } => self.brokers[from].timer = Some(at_mono_ns),
            Effect::CancelTimer => self.brokers[from].timer = None,
            file => self.brokers[from].disk.apply_one(&file),
        }
    }

    fn is_cut(&self, from: usize, to: NodeId) -> bool {
        let from = NodeId(from as i32 + 1);
        self.cuts.contains(&(from, to)) || self.cuts.contains(&(to, from))
    }

    /// Processes inputs until none is left.
    pub fn settle(&mut self) {
        let mut handed = 0;
        while let Some((to, input)) = self.queue.pop_front() {
            handed += 1;
            assert!(handed < 10_000, "this never ends: {input:?}");
            self.with(to as i32 + 1, |plane, image, step| plane.step(input, Some(CONTROLLER), image, step));
        }
    }

    /// Advances the clock.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.mono_ns + ms * NS_PER_MS;
        loop {
            self.settle();
            let due = self.brokers.iter().enumerate().filter_map(|(index, it)| Some((it.timer?, index)));
            let Some((at, index)) = due.min().filter(|(at, _)| *at <= end) else { break };
            self.pass_to(at.max(self.now.mono_ns));
            self.brokers[index].timer = None;
            self.queue.push_back((index, Input::Timer));
        }
        self.pass_to(end);
    }

    fn pass_to(&mut self, mono_ns: u64) {
        let start_ms = self.now.wall_ms - (self.now.mono_ns / NS_PER_MS) as i64;
        self.now = Now { mono_ns, wall_ms: start_ms + (mono_ns / NS_PER_MS) as i64 };
    }

    /// Ends the process; its peers' connections are reset.
    pub fn kill(&mut self, id: i32) {
        let broker = self.broker(id);
        broker.plane = None;
        broker.timer = None;
        broker.disk.kill();
        let index = (id - 1) as usize;
        self.queue.retain(|(to, _)| *to != index);
        let wires = &self.wires;
        self.proposals.retain(|(connection, ..)| wires[connection.0 as usize].from != index);
        for wire in self.wires.iter_mut().filter(|wire| !wire.broken) {
            wire.broken = wire.to == NodeId(id) || wire.from == index;
            if wire.to == NodeId(id) {
                self.queue.push_back((wire.from, Input::Closed { token: wire.token, reason: CloseReason::Reset }));
            }
        }
        self.settle();
    }

    /// Like [`Harness::kill`], and data that was not flushed is lost.
    pub fn lose_power(&mut self, id: i32) {
        self.kill(id);
        self.broker(id).disk.lose_power();
    }

    /// Partitions two brokers from each other.
    pub fn cut(&mut self, a: i32, b: i32) {
        self.cuts.push((NodeId(a), NodeId(b)));
    }

    pub fn heal(&mut self) {
        self.cuts.clear();
    }

    /// The controller changes the partition; the brokers in `to` receive the change.
    pub fn change(&mut self, leader: i32, isr: &[i32], to: &[i32]) {
        let partition = &mut self.image.partition;
        partition.partition_epoch.0 += 1;
        let leader = NodeId(leader).known();
        if partition.leader != leader {
            partition.leader_epoch.0 += 1;
        }
        partition.leader = leader;
        partition.isr = isr.iter().copied().map(NodeId).collect();
        self.publish(to);
    }

    /// The controller deletes the topic; all brokers receive the change.
    pub fn delete_topic(&mut self) {
        self.image.deleted = true;
        for id in 1..4 {
            self.with(id, |plane, image, step| {
                plane.publish(&TopicsDelta { changed: Vec::new(), removed: vec![PARTITION] }, image, step);
            });
        }
        self.settle();
    }

    pub fn publish(&mut self, to: &[i32]) {
        for &id in to {
            self.with(id, |plane, image, step| {
                let changed = vec![image.partition.clone()];
                plane.publish(&TopicsDelta { changed, removed: Vec::new() }, image, step);
            });
        }
        self.settle();
    }

    /// Commits the oldest proposal, as the controller does.
    pub fn accept_proposal(&mut self) {
        let (connection, correlation_id, request) = self.proposals.remove(0);
        let item = &request.partitions[0];
        let partition = &mut self.image.partition;
        assert_eq!(item.partition_epoch, partition.partition_epoch, "compare and set");
        partition.partition_epoch.0 += 1;
        partition.isr = item.new_isr_with_epochs.iter().map(|member| member.broker_id).collect();
        let result = self.result(ErrorCode::None);
        self.answer_proposal(connection, correlation_id, result);
    }

    pub fn refuse_proposal(&mut self, error: ErrorCode) {
        let (connection, correlation_id, _) = self.proposals.remove(0);
        let result = self.result(error);
        self.answer_proposal(connection, correlation_id, result);
    }

    fn result(&self, error: ErrorCode) -> AlterPartitionResult {
        let partition = &self.image.partition;
        AlterPartitionResult {
            partition: PARTITION,
            error,
            leader_id: partition.leader.unwrap_or(NodeId::NONE),
            leader_epoch: partition.leader_epoch,
            isr: Rc::clone(&partition.isr),
            leader_recovery_state: 0,
            partition_epoch: partition.partition_epoch,
        }
    }

    fn answer_proposal(&mut self, connection: Connection, correlation_id: i32, result: AlterPartitionResult) {
        let Wire { from, token, .. } = self.wires[connection.0 as usize];
        let response = AlterPartitionResponse { error: ErrorCode::None, partitions: Rc::from([result]) };
        let response = Response::Cluster(ClusterResponse::AlterPartition(response));
        self.queue.push_back((from, Input::Response { token, correlation_id, response }));
        self.settle();
    }

    /// Passes an input to a broker.
    pub fn hand(&mut self, id: i32, input: Input) {
        self.queue.push_back(((id - 1) as usize, input));
        self.settle();
    }

    /// The proposed ISR of each proposal.
    pub fn proposed(&self) -> Vec<Vec<i32>> {
        let members = |request: &AlterPartitionRequest| {
            request.partitions[0].new_isr_with_epochs.iter().map(|member| member.broker_id.0).collect()
        };
        self.proposals.iter().map(|(_, _, request)| members(request)).collect()
    }

    /// Sends a request to a broker; the response may be received later.
    pub fn ask(&mut self, id: i32, request: Request) -> i32 {
        self.correlations += 1;
        let correlation_id = self.correlations;
        self.queue.push_back(((id - 1) as usize, Input::Request { connection: CLIENT, correlation_id, request }));
        self.settle();
        correlation_id
    }

    /// Returns and removes the response.
    pub fn answer(&mut self, correlation_id: i32) -> Option<Response> {
        let index = self.answers.iter().position(|(id, _)| *id == correlation_id)?;
        Some(self.answers.remove(index).1)
    }

    pub fn produce(&mut self, id: i32, acks: i16, batch: Rc<Batch>) -> i32 {
        let data = PartitionProduceData { partition: PARTITION, records: Records([batch].into_iter().collect()) };
        let request = ProduceRequest { acks, timeout_ms: 30_000, partitions: Rc::from([data]) };
        self.ask(id, Request::Data(DataRequest::Produce(request)))
    }

    /// Error and base offset of a produce request.
    pub fn produced(&mut self, correlation_id: i32) -> Option<(ErrorCode, i64)> {
        match self.answer(correlation_id)? {
            Response::Data(DataResponse::Produce(response)) => {
                let partition = &response.partitions[0];
                Some((partition.error, partition.base_offset.0))
            }
            other => panic!("{other:?}"),
        }
    }

    /// The immediate response to a consumer: error, high watermark, values.
    pub fn consume(&mut self, id: i32, from: i64) -> (ErrorCode, i64, Vec<u64>) {
        let id = self.poll(id, from, 0, 1);
        self.consumed(id).expect("a fetch that does not wait is answered at once")
    }

    /// A consumer's fetch that may be delayed.
    pub fn poll(&mut self, id: i32, from: i64, max_wait_ms: i32, min_bytes: i32) -> i32 {
        let requested = FetchPartition {
            partition: PARTITION,
            current_leader_epoch: LeaderEpoch(-1),
            fetch_offset: Offset(from),
            last_fetched_epoch: LeaderEpoch(-1),
            log_start_offset: Offset(-1),
            partition_max_bytes: 1 << 20,
        };
        let request = DataFetchRequest {
            replica_id: NodeId::NONE,
            replica_epoch: BrokerEpoch::UNKNOWN,
            max_wait_ms,
            min_bytes,
            max_bytes: 1 << 20,
            meant_for: MeantFor::ANY,
            partitions: Rc::from([requested]),
        };
        self.ask(id, Request::Data(DataRequest::Fetch(request)))
    }

    /// The response to [`Harness::poll`].
    pub fn consumed(&mut self, correlation_id: i32) -> Option<(ErrorCode, i64, Vec<u64>)> {
        match self.answer(correlation_id)? {
            Response::Data(DataResponse::Fetch(response)) => {
                let found = &response.partitions[0];
                let values = found.records.0.iter().flat_map(|batch| batch.values()).map(|(_, value)| value);
                Some((found.error, found.high_watermark.0, values.collect()))
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn is_up(&self, id: i32) -> bool {
        self.brokers[(id - 1) as usize].plane.is_some()
    }

    pub fn partition(&self, id: i32) -> &Partition {
        let plane = self.brokers[(id - 1) as usize].plane.as_ref().expect("the broker is up");
        plane.replicas().partition(PARTITION).expect("it is hosted")
    }

    /// Values in a broker's log.
    pub fn values(&self, id: i32) -> Vec<u64> {
        let batches = self.partition(id).log().batches();
        batches.0.iter().flat_map(|batch| batch.values()).map(|(_, value)| value).collect()
    }

    pub fn high_watermark(&self, id: i32) -> i64 {
        self.partition(id).log().high_watermark().0
    }

    pub fn is_fetching(&self, id: i32) -> bool {
        self.brokers[(id - 1) as usize].plane.as_ref().is_some_and(|plane| plane.is_fetching(PARTITION))
    }

    pub fn disk(&mut self, id: i32) -> &mut TestDisk {
        &mut self.broker(id).disk
    }

    /// Steps the wall clock of every broker.
    pub fn step_wall_clock(&mut self, ms: i64) {
        self.now.wall_ms += ms;
    }
}

/// A client's batch.
pub fn batch(values: &[u64]) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(Offset(0), LeaderEpoch(-1), 1_700_000_000_000);
    for value in values {
        builder.value(*value);
    }
    builder.build()
}

/// An idempotent producer's batch.
pub fn numbered(producer: i64, epoch: i16, base_sequence: i32, values: &[u64]) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(Offset(0), LeaderEpoch(-1), 1_700_000_000_000);
    builder.producer(BatchProducer { id: ProducerId(producer), epoch, base_sequence });
    for value in values {
        builder.value(*value);
    }
    builder.build()
}
