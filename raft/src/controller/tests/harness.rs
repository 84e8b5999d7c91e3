//! A controller, a log and a clock that advance only when a test says so.

use std::collections::VecDeque;
use std::rc::Rc;

use super::uuid;
use crate::controller::QuorumController;
use crate::controller::metadata_log::{CommittedBatch, MetadataLog, RaftEvent};
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::{ControllerSettings, KRAFT_VERSION, METADATA_VERSION, level};
use crate::controller::state::ControllerState;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicIdPartition};
use crate::io::{Connection, Effect, Entropy, Input, Now, Out, Post, ThreadName};
use crate::message::admin::{
    CreatableTopic, CreateTopicsRequest, CreateTopicsResponse, ReplicaAssignment, TopicConfig,
};
use crate::message::cluster::{
    AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse, BrokerHeartbeatRequest, BrokerHeartbeatResponse,
    BrokerRegistrationRequest, BrokerRegistrationResponse, BrokerState, FeatureRange,
};
use crate::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, Response};
use crate::metadata::image::PartitionRegistration;
use crate::metadata::{MetadataRecord, MetadataVersion};
use crate::quorum::accumulator::AppendError;
use crate::step::{Fatal, Step};

pub const NODE: NodeId = NodeId(3000);
const CONNECTION: Connection = Connection(7);

/// Draws of a linear congruential generator.
#[derive(Clone, Debug)]
pub struct Draws(pub u64);

impl Entropy for Draws {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }
}

/// Raft, as far as the controller sees it.
#[derive(Clone, Debug, Default)]
pub struct FakeLog {
    pub epoch: Option<LeaderEpoch>,
    pub end: i64,
    /// Not committed, oldest first.
    pub pending: Vec<CommittedBatch>,
    pub written: Vec<MetadataRecord>,
    pub events: VecDeque<RaftEvent>,
    pub resigned: bool,
    pub fails_with: Option<AppendError>,
    /// What is prepared cannot be scheduled.
    pub refuses: bool,
    fenced: Option<CommittedBatch>,
}

impl MetadataLog for FakeLog {
    fn prepare_append(
        &mut self,
        epoch: LeaderEpoch,
        records: &[MetadataRecord],
        metadata_version: i16,
        _step: &mut Step<'_>,
    ) -> Result<Offset, AppendError> {
        if let Some(error) = self.fails_with.take() {
            return Err(error);
        }
        if self.epoch != Some(epoch) {
            return Err(AppendError::NotLeader);
        }
        if records.is_empty() {
            return Err(AppendError::Empty);
        }
        for record in records {
            let frame = record.frame(record.version_for(MetadataVersion(metadata_version)));
            assert!(frame.is_ok(), "{record:?} has no form at metadata.version {metadata_version}");
        }
        let base_offset = Offset(self.end);
        self.end += records.len() as i64;
        let last_offset = Offset(self.end - 1);
        self.fenced = Some(CommittedBatch { base_offset, last_offset, control: false, records: records.to_vec() });
        Ok(last_offset)
    }

    fn schedule_prepared_append(&mut self, _step: &mut Step<'_>) -> bool {
        let batch = self.fenced.take().expect("something was prepared");
        if self.refuses {
            return false;
        }
        self.written.extend(batch.records.iter().cloned());
        self.pending.push(batch);
        true
    }

    fn end_offset(&mut self) -> Offset {
        Offset(self.end)
    }

    fn resign(&mut self, epoch: LeaderEpoch, _step: &mut Step<'_>) {
        self.resigned |= self.epoch == Some(epoch);
    }

    fn upgrade_kraft_version(
        &mut self,
        epoch: LeaderEpoch,
        level: i16,
        _validate_only: bool,
        _step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        if self.epoch != Some(epoch) {
            return Err(ErrorCode::NotController);
        }
        if level == 1 { Ok(()) } else { Err(ErrorCode::InvalidUpdateVersion) }
    }

    fn take_event(&mut self, _step: &mut Step<'_>) -> Result<Option<RaftEvent>, Fatal> {
        Ok(self.events.pop_front())
    }

    fn close_commit(&mut self, _ordinal: u64, _end: Offset, _step: &mut Step<'_>) {}
}

#[derive(Clone, Debug)]
pub struct Harness {
    pub controller: QuorumController,
    pub log: FakeLog,
    pub now_ns: u64,
    draws: Draws,
    timer_ns: Option<u64>,
    posts: VecDeque<Post>,
    /// The last step is to go on.
    continues: bool,
    answers: Vec<(i32, Response)>,
    next_correlation_id: i32,
    /// Steps that the queue's thread was given.
    pub steps: u32,
}

impl Harness {
    /// A standby.
    pub fn new(settings: ControllerSettings) -> Harness {
        Harness {
            controller: QuorumController::new(settings),
            log: FakeLog::default(),
            now_ns: 1_000_000_000,
            draws: Draws(1),
            timer_ns: None,
            posts: VecDeque::new(),
            continues: false,
            answers: Vec::new(),
            next_correlation_id: 0,
            steps: 0,
        }
    }

    /// Active in epoch 1, with its bootstrap records committed.
    pub fn active() -> Harness {
        Harness::active_with(settings())
    }

    pub fn active_with(settings: ControllerSettings) -> Harness {
        let mut harness = Harness::new(settings);
        harness.lead(1);
        harness.commit();
        harness
    }

    /// Raft elects this node: a control batch is committed, then the node is notified.
    pub fn lead(&mut self, epoch: i32) {
        self.log.epoch = Some(LeaderEpoch(epoch));
        let offset = Offset(self.log.end);
        self.log.end += 1;
        let control = CommittedBatch { base_offset: offset, last_offset: offset, control: true, records: Vec::new() };
        self.tell(RaftEvent::Commit { batches: vec![control], ordinal: 0 });
        self.tell(RaftEvent::LeaderChange { leader: Some(NODE), epoch: LeaderEpoch(epoch) });
    }

    /// Raft elects somebody else, and with `keep` what was not committed survives to be committed
    /// by them.
    pub fn depose(&mut self, epoch: i32, keep: bool) {
        self.log.epoch = None;
        if !keep {
            let lost = std::mem::take(&mut self.log.pending);
            self.log.end = lost.first().map_or(self.log.end, |batch| batch.base_offset.0);
        }
        self.tell(RaftEvent::LeaderChange { leader: Some(NodeId(3001)), epoch: LeaderEpoch(epoch) });
    }

    pub fn tell(&mut self, event: RaftEvent) {
        self.log.events.push_back(event);
        self.posts.push_back(Post::ListenerEvent);
        self.run();
    }

    /// All that was appended is committed.
    pub fn commit(&mut self) {
        let batches = std::mem::take(&mut self.log.pending);
        self.tell(RaftEvent::Commit { batches, ordinal: 0 });
    }

    /// Leaves a request in the queue.
    pub fn queue(&mut self, request: ControllerRequest) -> i32 {
        self.next_correlation_id += 1;
        let id = self.next_correlation_id;
        self.with_step(|controller, _, step| controller.receive(CONNECTION, id, request, step));
        id
    }

    /// A request, and its event.
    pub fn send(&mut self, request: ControllerRequest) -> i32 {
        let id = self.queue(request);
        self.run();
        id
    }

    /// The answer to it, if there is one.
    pub fn answer(&mut self, id: i32) -> Option<Response> {
        let at = self.answers.iter().position(|(of, _)| *of == id)?;
        Some(self.answers.remove(at).1)
    }

    /// A request to its committed end.
    pub fn ask(&mut self, request: ControllerRequest) -> Response {
        let id = self.send(request);
        self.commit();
        self.answer(id).expect("an answer")
    }

    /// Time passes; timers fire, and what they write is committed.
    pub fn advance(&mut self, ms: u64) {
        let until_ns = self.now_ns + ms * 1_000_000;
        while let Some(at_ns) = self.timer_ns.filter(|at_ns| *at_ns <= until_ns) {
            self.now_ns = self.now_ns.max(at_ns);
            self.timer_ns = None;
            self.step(Input::Timer);
            self.run();
            self.commit();
        }
        self.now_ns = until_ns;
    }

    /// Everything that was posted.
    pub fn run(&mut self) {
        while let Some(post) = self.posts.pop_front() {
            self.step(Input::Post(post));
        }
    }

    pub fn step(&mut self, input: Input) {
        self.steps += 1;
        self.run_step(input);
        if std::mem::take(&mut self.continues) {
            self.run_step(Input::Continue);
        }
    }

    fn run_step(&mut self, input: Input) {
        self.with_step(|controller, log, step| controller.step(log, input, step).expect("no fault"));
    }

    fn with_step(&mut self, run: impl FnOnce(&mut QuorumController, &mut FakeLog, &mut Step<'_>)) {
        let mut out = Out::default();
        let now = Now { mono_ns: self.now_ns, wall_ms: 0 };
        run(&mut self.controller, &mut self.log, &mut Step { now, entropy: &mut self.draws, out: &mut out });
        for effect in out.effects {
            match effect {
                Effect::Post { thread: ThreadName::ControllerEventQueue, post } => self.posts.push_back(post),
                Effect::ArmTimer { at_mono_ns } => self.timer_ns = Some(at_mono_ns),
                Effect::CancelTimer => self.timer_ns = None,
                Effect::Continue => self.continues = true,
                Effect::SendResponse { correlation_id, response, .. } => self.answers.push((correlation_id, response)),
                _ => {}
            }
        }
    }

    pub fn latest(&self) -> &ControllerState {
        self.controller.latest().expect("active")
    }

    pub fn partition(&self, topic: &str, partition: i32) -> &PartitionRegistration {
        let id = self.id(topic, partition);
        self.latest().partition(id).expect("it exists").1
    }

    pub fn id(&self, topic: &str, partition: i32) -> TopicIdPartition {
        let topic_id = self.latest().topics.id_of(topic).expect("it exists");
        TopicIdPartition { topic_id, partition }
    }

    pub fn epoch_of(&self, broker: i32) -> BrokerEpoch {
        self.latest().cluster.broker(NodeId(broker)).expect("registered").epoch
    }
}

/// Requests in a short form.
impl Harness {
    pub fn register(&mut self, broker: i32, incarnation: u128, previous: BrokerEpoch) -> BrokerRegistrationResponse {
        match self.ask(cluster(ClusterRequest::BrokerRegistration(registration(broker, incarnation, previous)))) {
            Response::Cluster(ClusterResponse::BrokerRegistration(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Its process dies, and starts again when its session is over, without a clean shutdown.
    pub fn register_unclean(&mut self, broker: i32) {
        self.advance(9_001);
        assert_eq!(self.register(broker, 77, BrokerEpoch::UNKNOWN).error, ErrorCode::None);
    }

    pub fn heartbeat(&mut self, broker: i32, want_fence: bool, want_shut_down: bool) -> BrokerHeartbeatResponse {
        let request = self.heartbeat_request(broker, want_fence, want_shut_down);
        match self.ask(cluster(ClusterRequest::BrokerHeartbeat(request))) {
            Response::Cluster(ClusterResponse::BrokerHeartbeat(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Of a broker whose metadata is as new as can be.
    pub fn heartbeat_request(&self, broker: i32, want_fence: bool, want_shut_down: bool) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest {
            broker_id: NodeId(broker),
            broker_epoch: self.epoch_of(broker),
            current_metadata_offset: self.controller.last_committed_offset().0,
            want_fence,
            want_shut_down,
            offline_log_dirs: Rc::from([]),
            cordoned_log_dirs: None,
        }
    }

    /// Registered and unfenced.
    pub fn join(&mut self, brokers: &[i32]) {
        for broker in brokers {
            self.register(*broker, u128::from(broker.unsigned_abs()), BrokerEpoch::UNKNOWN);
            assert!(!self.heartbeat(*broker, false, false).is_fenced);
        }
    }

    /// Manual placement, one list for each partition.
    pub fn create(&mut self, topic: &str, replicas: &[&[i32]], configs: &[(&str, &str)]) -> CreateTopicsResponse {
        let assignments =
            (0..).zip(replicas).map(|(partition, ids)| ReplicaAssignment { partition, broker_ids: super::nodes(ids) });
        let configs =
            configs.iter().map(|(name, value)| TopicConfig { name: Rc::from(*name), value: Some(Rc::from(*value)) });
        self.create_topics(vec![CreatableTopic {
            name: Rc::from(topic),
            num_partitions: -1,
            replication_factor: -1,
            assignments: assignments.collect(),
            configs: configs.collect(),
        }])
    }

    pub fn create_topics(&mut self, topics: Vec<CreatableTopic>) -> CreateTopicsResponse {
        let request = CreateTopicsRequest { topics: topics.into(), timeout_ms: 30_000, validate_only: false };
        match self.ask(ControllerRequest::Admin(AdminRequest::CreateTopics(request))) {
            Response::Admin(AdminResponse::CreateTopics(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The leader's proposal, as the partition stands.
    pub fn proposal(&self, topic: &str, isr: &[i32]) -> (NodeId, AlterPartitionItem) {
        let partition = self.partition(topic, 0);
        let item = AlterPartitionItem {
            partition: self.id(topic, 0),
            leader_epoch: partition.leader_epoch,
            new_isr_with_epochs: isr
                .iter()
                .map(|id| BrokerState { broker_id: NodeId(*id), broker_epoch: BrokerEpoch::UNKNOWN })
                .collect(),
            leader_recovery_state: 0,
            partition_epoch: partition.partition_epoch,
        };
        (partition.leader, item)
    }

    pub fn alter(&mut self, leader: NodeId, item: AlterPartitionItem) -> AlterPartitionResponse {
        let request = AlterPartitionRequest {
            broker_id: leader,
            broker_epoch: self.epoch_of(leader.0),
            partitions: Rc::from([item]),
        };
        match self.ask(cluster(ClusterRequest::AlterPartition(request))) {
            Response::Cluster(ClusterResponse::AlterPartition(response)) => response,
            other => panic!("{other:?}"),
        }
    }
}

pub fn cluster(request: ClusterRequest) -> ControllerRequest {
    ControllerRequest::Cluster(request)
}

pub fn registration(broker: i32, incarnation: u128, previous: BrokerEpoch) -> Box<BrokerRegistrationRequest> {
    let range = |name: &str, min, max| FeatureRange {
        name: Rc::from(name),
        min_supported_version: min,
        max_supported_version: max,
    };
    Box::new(BrokerRegistrationRequest {
        broker_id: NodeId(broker),
        cluster_id: Rc::from("cluster"),
        incarnation_id: uuid(incarnation),
        listeners: Rc::from([]),
        features: Rc::from([
            range(METADATA_VERSION, level::MINIMUM, level::LATEST),
            range(KRAFT_VERSION, 0, 1),
            range("eligible.leader.replicas.version", 0, 1),
        ]),
        rack: None,
        log_dirs: Rc::from([uuid(10_000 + u128::from(broker.unsigned_abs()))]),
        previous_broker_epoch: previous,
    })
}

pub fn settings() -> ControllerSettings {
    let voters: Rc<[NodeId]> = Rc::from([NODE]);
    ControllerSettings { min_insync_replicas: 2, ..ControllerSettings::new(NODE, Rc::from("cluster"), voters) }
}
