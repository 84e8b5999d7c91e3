//! A request and a response of each API. No two numbers of a message are the same, so that fields that are exchanged differ.

use std::rc::Rc;

use raft::ids::{
    BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, ProducerId, ReplicaKey, TopicIdPartition,
    Uuid,
};
use raft::log::{BatchBuilder, BatchProducer, Records};
use raft::message::admin::*;
use raft::message::cluster::*;
use raft::message::data::*;
use raft::message::*;

pub const TOPIC: Uuid = Uuid([0x1a; 16]);
/// It has the same name, and existed before.
pub const RECREATED: Uuid = Uuid([0x2b; 16]);
const DIRECTORY: Uuid = Uuid([0x3c; 16]);
const OTHER_DIRECTORY: Uuid = Uuid([0x4d; 16]);

type Rpc = (Request, Response);

/// All of them.
pub fn all() -> [Rpc; 26] {
    [
        vote(),
        begin(),
        end(),
        raft_fetch(),
        fetch_snapshot(),
        update_voter(),
        versions(),
        produce(),
        data_fetch(),
        list_offsets(),
        metadata(),
        init_producer_id(),
        epochs(),
        alter_partition(),
        broker_registration(),
        heartbeat(),
        producer_ids(),
        controller_registration(),
        admin(create_topics()),
        admin(delete_topics()),
        admin(describe_configs()),
        admin(create_partitions()),
        admin(elect_leaders()),
        admin(alter_configs()),
        admin(unregister()),
        envelope(),
    ]
}

fn partition(partition: i32) -> TopicIdPartition {
    TopicIdPartition { topic_id: TOPIC, partition }
}

fn nodes(ids: &[i32]) -> Rc<[NodeId]> {
    ids.iter().copied().map(NodeId).collect()
}

fn cluster_id() -> Option<Rc<str>> {
    Some("kraftsim".into())
}

fn endpoints() -> Rc<[Endpoint]> {
    Rc::from([Endpoint { name: "CONTROLLER".into(), host: "controller-3".into(), port: 9093 }])
}

fn current_leader() -> CurrentLeader {
    CurrentLeader { leader_id: Some(NodeId(3)), leader_epoch: LeaderEpoch(41), endpoints: Some(endpoints()) }
}

/// A batch of two records.
fn records(base_offset: i64) -> Records {
    let mut batch = BatchBuilder::new(Offset(base_offset), LeaderEpoch(6), 1_767_225_600_123);
    batch.producer(BatchProducer { id: ProducerId(2_001), epoch: 4, base_sequence: 17 }).value(91).value(92);
    Records([batch.build()].into_iter().collect())
}

fn vote() -> Rpc {
    let request = VoteRequest {
        cluster_id: cluster_id(),
        voter_id: NodeId(2),
        voter_directory_id: Some(DIRECTORY),
        replica_epoch: LeaderEpoch(40),
        replica_id: NodeId(1),
        replica_directory_id: Some(OTHER_DIRECTORY),
        last_offset_epoch: LeaderEpoch(39),
        last_offset: Offset(5_001),
        pre_vote: true,
    };
    let error = ErrorCode::FencedLeaderEpoch;
    let response = VoteResponse { error, current_leader: current_leader(), vote_granted: true, ..Default::default() };
    (Request::Vote(request), Response::Vote(response))
}

fn begin() -> Rpc {
    let request = BeginQuorumEpochRequest {
        cluster_id: cluster_id(),
        voter_id: NodeId(2),
        voter_directory_id: Some(DIRECTORY),
        leader_id: NodeId(3),
        leader_epoch: LeaderEpoch(41),
        leader_endpoints: endpoints(),
    };
    (Request::BeginQuorumEpoch(request), Response::BeginQuorumEpoch(quorum_epoch()))
}

fn end() -> Rpc {
    let candidate = |id, directory| ReplicaKey { id: NodeId(id), directory_id: Some(directory) };
    let request = EndQuorumEpochRequest {
        cluster_id: cluster_id(),
        leader_id: NodeId(3),
        leader_epoch: LeaderEpoch(41),
        preferred_candidates: Rc::from([candidate(2, DIRECTORY), candidate(1, OTHER_DIRECTORY)]),
        leader_endpoints: Rc::from([]),
    };
    (Request::EndQuorumEpoch(request), Response::EndQuorumEpoch(quorum_epoch()))
}

fn quorum_epoch() -> QuorumEpochResponse {
    let error = ErrorCode::UnknownLeaderEpoch;
    QuorumEpochResponse { error, current_leader: current_leader(), ..Default::default() }
}

pub fn raft_fetch() -> Rpc {
    let request = FetchRequest {
        cluster_id: cluster_id(),
        replica_id: NodeId(2),
        replica_directory_id: Some(DIRECTORY),
        topic_id: Uuid::METADATA_TOPIC_ID,
        max_wait_ms: 501,
        max_bytes: 1_048_577,
        current_leader_epoch: LeaderEpoch(41),
        fetch_offset: Offset(5_002),
        last_fetched_epoch: LeaderEpoch(40),
        high_watermark: Some(Offset(4_999)),
    };
    let response = FetchResponse {
        error: ErrorCode::OffsetOutOfRange,
        current_leader: current_leader(),
        records: records(5_002),
        log_start_offset: Offset(7),
        high_watermark: Some(Offset(5_000)),
        diverging_epoch: Some(Box::new(OffsetAndEpoch { offset: Offset(4_321), epoch: LeaderEpoch(38) })),
        snapshot_id: Some(Box::new(OffsetAndEpoch { offset: Offset(4_567), epoch: LeaderEpoch(37) })),
        ..Default::default()
    };
    (Request::Fetch(request), Response::Fetch(response))
}

fn fetch_snapshot() -> Rpc {
    let snapshot_id = OffsetAndEpoch { offset: Offset(4_568), epoch: LeaderEpoch(36) };
    let request = FetchSnapshotRequest {
        cluster_id: cluster_id(),
        replica_id: NodeId(2),
        replica_directory_id: Some(DIRECTORY),
        max_bytes: 1_048_578,
        current_leader_epoch: LeaderEpoch(41),
        snapshot_id,
        position: 65_537,
    };
    let response = FetchSnapshotResponse {
        error: ErrorCode::PositionOutOfRange,
        current_leader: current_leader(),
        snapshot_id,
        size: 131_073,
        position: 65_538,
        unaligned_records: UnalignedRecords(Rc::from(&b"from within a batch"[..])),
        ..Default::default()
    };
    (Request::FetchSnapshot(request), Response::FetchSnapshot(response))
}

fn update_voter() -> Rpc {
    let request = UpdateRaftVoterRequest {
        cluster_id: cluster_id(),
        current_leader_epoch: LeaderEpoch(41),
        voter_id: NodeId(2),
        voter_directory_id: Some(DIRECTORY),
        listeners: endpoints(),
        k_raft_version_feature: KRaftVersionFeature { min_supported_version: 0, max_supported_version: 1 },
    };
    let response = UpdateRaftVoterResponse { error: ErrorCode::RequestTimedOut, current_leader: current_leader() };
    (Request::UpdateRaftVoter(request), Response::UpdateRaftVoter(response))
}

fn versions() -> Rpc {
    let response = ApiVersionsResponse { error: ErrorCode::None, supported: KRaftVersionFeature::SUPPORTED };
    (Request::ApiVersions(ApiVersionsRequest {}), Response::ApiVersions(response))
}

fn produce() -> Rpc {
    let data = |index, base_offset| PartitionProduceData { partition: partition(index), records: records(base_offset) };
    let request = ProduceRequest { acks: -1, timeout_ms: 30_001, partitions: Rc::from([data(4, 0), data(5, 0)]) };
    let result = |index, error, base_offset, current_leader| PartitionProduceResponse {
        partition: partition(index),
        error,
        base_offset: Offset(base_offset),
        log_start_offset: Offset(8),
        current_leader,
    };
    let leader = LeaderIdAndEpoch { leader_id: NodeId(103), leader_epoch: LeaderEpoch(12) };
    let results = [result(4, ErrorCode::None, 601, None), result(5, ErrorCode::NotLeaderOrFollower, -1, Some(leader))];
    let response = ProduceResponse { partitions: Rc::from(results) };
    (Request::Data(DataRequest::Produce(request)), Response::Data(DataResponse::Produce(response)))
}

pub fn data_fetch() -> Rpc {
    let fetched = FetchPartition {
        partition: partition(4),
        current_leader_epoch: LeaderEpoch(11),
        fetch_offset: Offset(201),
        last_fetched_epoch: LeaderEpoch(10),
        log_start_offset: Offset(9),
        partition_max_bytes: 65_537,
    };
    let request = DataFetchRequest {
        replica_id: NodeId(102),
        replica_epoch: BrokerEpoch(63),
        max_wait_ms: 502,
        min_bytes: 3,
        max_bytes: 10_485_761,
        meant_for: MeantFor::ANY,
        partitions: Rc::from([fetched]),
    };
    let partition = FetchablePartition {
        partition: partition(4),
        error: ErrorCode::FencedLeaderEpoch,
        high_watermark: Offset(210),
        log_start_offset: Offset(8),
        diverging_epoch: Some(OffsetAndEpoch { offset: Offset(199), epoch: LeaderEpoch(5) }),
        current_leader: Some(LeaderIdAndEpoch { leader_id: NodeId(103), leader_epoch: LeaderEpoch(12) }),
        records: records(201),
    };
    let response = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([partition]) };
    (Request::Data(DataRequest::Fetch(request)), Response::Data(DataResponse::Fetch(response)))
}

pub fn list_offsets() -> Rpc {
    let asked = ListOffsetsPartition { partition: partition(4), current_leader_epoch: LeaderEpoch(11), timestamp: -2 };
    let request =
        ListOffsetsRequest { replica_id: NodeId(-1), meant_for: MeantFor::ANY, partitions: Rc::from([asked]) };
    let answered = ListOffsetsPartitionResponse {
        partition: partition(4),
        error: ErrorCode::OffsetNotAvailable,
        offset: Offset(202),
        leader_epoch: LeaderEpoch(10),
    };
    let response = ListOffsetsResponse { partitions: Rc::from([answered]) };
    (Request::Data(DataRequest::ListOffsets(request)), Response::Data(DataResponse::ListOffsets(response)))
}

pub fn metadata() -> Rpc {
    let request = MetadataRequest { topics: Some(Rc::from(["orders".into(), "audit".into()])) };
    let partition = MetadataPartition {
        error: ErrorCode::LeaderNotAvailable,
        partition: 4,
        leader_id: NodeId(103),
        leader_epoch: LeaderEpoch(11),
        replica_nodes: nodes(&[103, 101, 102]),
        isr_nodes: nodes(&[101, 103]),
    };
    let topic = MetadataTopic {
        error: ErrorCode::InvalidTopicException,
        name: "orders".into(),
        topic_id: TOPIC,
        partitions: Rc::from([partition]),
    };
    let response = MetadataResponse {
        brokers: Rc::from([MetadataBroker { node_id: NodeId(101) }, MetadataBroker { node_id: NodeId(103) }]),
        controller_id: NodeId(102),
        topics: Rc::from([topic]),
    };
    (Request::Data(DataRequest::Metadata(request)), Response::Data(DataResponse::Metadata(response)))
}

fn init_producer_id() -> Rpc {
    let request = InitProducerIdRequest { producer_id: ProducerId(2_001), producer_epoch: 4 };
    let error = ErrorCode::CoordinatorLoadInProgress;
    let response = InitProducerIdResponse { error, producer_id: ProducerId(2_002), producer_epoch: 5 };
    (Request::Data(DataRequest::InitProducerId(request)), Response::Data(DataResponse::InitProducerId(response)))
}

fn epochs() -> Rpc {
    let asked = OffsetForLeaderPartition {
        partition: partition(4),
        current_leader_epoch: LeaderEpoch(11),
        leader_epoch: LeaderEpoch(10),
    };
    let request = OffsetForLeaderEpochRequest { replica_id: NodeId(102), partitions: Rc::from([asked]) };
    let answered = EpochEndOffset {
        partition: partition(4),
        error: ErrorCode::UnknownLeaderEpoch,
        leader_epoch: LeaderEpoch(9),
        end_offset: Offset(203),
    };
    let response = OffsetForLeaderEpochResponse { partitions: Rc::from([answered]) };
    let request = Request::Data(DataRequest::OffsetForLeaderEpoch(request));
    (request, Response::Data(DataResponse::OffsetForLeaderEpoch(response)))
}

fn alter_partition() -> Rpc {
    let member = |id, epoch| BrokerState { broker_id: NodeId(id), broker_epoch: BrokerEpoch(epoch) };
    let proposed = AlterPartitionItem {
        partition: partition(4),
        leader_epoch: LeaderEpoch(11),
        new_isr_with_epochs: Rc::from([member(103, 61), member(101, 62)]),
        leader_recovery_state: 1,
        partition_epoch: PartitionEpoch(14),
    };
    let request = AlterPartitionRequest {
        broker_id: NodeId(102),
        broker_epoch: BrokerEpoch(63),
        partitions: Rc::from([proposed]),
    };
    let result = AlterPartitionResult {
        partition: partition(4),
        error: ErrorCode::InvalidUpdateVersion,
        leader_id: NodeId(103),
        leader_epoch: LeaderEpoch(12),
        isr: nodes(&[103, 101]),
        leader_recovery_state: 1,
        partition_epoch: PartitionEpoch(15),
    };
    let response = AlterPartitionResponse { error: ErrorCode::None, partitions: Rc::from([result]) };
    let request = Request::Cluster(ClusterRequest::AlterPartition(request));
    (request, Response::Cluster(ClusterResponse::AlterPartition(response)))
}

fn listeners(name: &str, host: &str, port: u16) -> Rc<[Listener]> {
    Rc::from([Listener { name: name.into(), host: host.into(), port, security_protocol: 2 }])
}

fn features() -> Rc<[FeatureRange]> {
    let feature = |name: &str, min_supported_version, max_supported_version| FeatureRange {
        name: name.into(),
        min_supported_version,
        max_supported_version,
    };
    Rc::from([feature("metadata.version", 7, 33), feature("kraft.version", 0, 1)])
}

fn broker_registration() -> Rpc {
    let request = BrokerRegistrationRequest {
        broker_id: NodeId(102),
        cluster_id: "kraftsim".into(),
        incarnation_id: OTHER_DIRECTORY,
        listeners: listeners("PLAINTEXT", "broker-102", 9092),
        features: features(),
        rack: Some("zone-b".into()),
        log_dirs: Rc::from([DIRECTORY]),
        previous_broker_epoch: BrokerEpoch(60),
    };
    let error = ErrorCode::NotController;
    let response = BrokerRegistrationResponse { error, broker_epoch: BrokerEpoch(63) };
    let request = Request::Cluster(ClusterRequest::BrokerRegistration(Box::new(request)));
    (request, Response::Cluster(ClusterResponse::BrokerRegistration(response)))
}

fn heartbeat() -> Rpc {
    let request = BrokerHeartbeatRequest {
        broker_id: NodeId(102),
        broker_epoch: BrokerEpoch(63),
        current_metadata_offset: 5_003,
        want_fence: true,
        want_shut_down: false,
        offline_log_dirs: Rc::from([DIRECTORY]),
        cordoned_log_dirs: None,
    };
    let error = ErrorCode::StaleBrokerEpoch;
    let response = BrokerHeartbeatResponse { error, is_caught_up: true, is_fenced: false, should_shut_down: true };
    let request = Request::Cluster(ClusterRequest::BrokerHeartbeat(request));
    (request, Response::Cluster(ClusterResponse::BrokerHeartbeat(response)))
}

fn producer_ids() -> Rpc {
    let request = AllocateProducerIdsRequest { broker_id: NodeId(102), broker_epoch: BrokerEpoch(63) };
    let response = AllocateProducerIdsResponse {
        error: ErrorCode::UnknownServerError,
        producer_id_start: ProducerId(3_000),
        producer_id_len: 1_000,
    };
    let request = Request::Cluster(ClusterRequest::AllocateProducerIds(request));
    (request, Response::Cluster(ClusterResponse::AllocateProducerIds(response)))
}

fn controller_registration() -> Rpc {
    let request = ControllerRegistrationRequest {
        controller_id: NodeId(2),
        incarnation_id: OTHER_DIRECTORY,
        listeners: listeners("CONTROLLER", "controller-2", 9093),
        features: features(),
    };
    let response = ControllerRegistrationResponse { error: ErrorCode::NotController };
    let request = Request::Cluster(ClusterRequest::ControllerRegistration(request));
    (request, Response::Cluster(ClusterResponse::ControllerRegistration(response)))
}

fn admin((request, response): (AdminRequest, AdminResponse)) -> Rpc {
    (Request::Admin(request), Response::Admin(response))
}

fn envelope() -> Rpc {
    let (request, response) = create_topics();
    let response = EnvelopeResponse { error: ErrorCode::None, response: Some(response) };
    (Request::Envelope(request), Response::Envelope(response))
}

fn create_topics() -> (AdminRequest, AdminResponse) {
    let topic = CreatableTopic {
        name: "orders".into(),
        num_partitions: 6,
        replication_factor: 3,
        assignments: Rc::from([ReplicaAssignment { partition: 4, broker_ids: nodes(&[103, 101]) }]),
        configs: Rc::from([TopicConfig { name: "min.insync.replicas".into(), value: Some("2".into()) }]),
    };
    let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 30_002, validate_only: true };
    let result = CreatableTopicResult {
        name: "orders".into(),
        topic_id: TOPIC,
        error: ErrorCode::TopicAlreadyExists,
        num_partitions: 6,
        replication_factor: 3,
    };
    let response = CreateTopicsResponse { topics: Rc::from([result]) };
    (AdminRequest::CreateTopics(request), AdminResponse::CreateTopics(response))
}

fn delete_topics() -> (AdminRequest, AdminResponse) {
    let by_name = DeleteTopicState { name: Some("audit".into()), topic_id: Uuid::ZERO };
    let by_id = DeleteTopicState { name: None, topic_id: TOPIC };
    let request = DeleteTopicsRequest { topics: Rc::from([by_name, by_id]), timeout_ms: 30_003 };
    let result =
        |name: Option<&str>, topic_id, error| DeletableTopicResult { name: name.map(Rc::from), topic_id, error };
    let responses = [
        result(Some("audit"), RECREATED, ErrorCode::TopicDeletionDisabled),
        result(None, TOPIC, ErrorCode::UnknownTopicId),
    ];
    let response = DeleteTopicsResponse { responses: Rc::from(responses) };
    (AdminRequest::DeleteTopics(request), AdminResponse::DeleteTopics(response))
}

fn describe_configs() -> (AdminRequest, AdminResponse) {
    let resource = DescribeConfigsResource { resource_type: 2, resource_name: "orders".into() };
    let request = DescribeConfigsRequest { resources: Rc::from([resource]) };
    let result = DescribeConfigsResult {
        error: ErrorCode::InvalidConfig,
        resource_type: 2,
        resource_name: "orders".into(),
        configs: Rc::from([TopicConfig { name: "retention.ms".into(), value: Some("604800000".into()) }]),
    };
    let response = DescribeConfigsResponse { results: Rc::from([result]) };
    (AdminRequest::DescribeConfigs(request), AdminResponse::DescribeConfigs(response))
}

fn create_partitions() -> (AdminRequest, AdminResponse) {
    let topic = CreatePartitionsTopic {
        name: "orders".into(),
        count: 7,
        assignments: Rc::from([ReplicaAssignment { partition: 6, broker_ids: nodes(&[102, 103]) }]),
    };
    let request = CreatePartitionsRequest { topics: Rc::from([topic]), timeout_ms: 30_004, validate_only: true };
    let result = CreatePartitionsTopicResult { name: "orders".into(), error: ErrorCode::InvalidPartitions };
    let response = CreatePartitionsResponse { results: Rc::from([result]) };
    (AdminRequest::CreatePartitions(request), AdminResponse::CreatePartitions(response))
}

fn elect_leaders() -> (AdminRequest, AdminResponse) {
    let topic = ElectLeadersTopic { topic: "orders".into(), partitions: Rc::from([4, 6]) };
    let request =
        ElectLeadersRequest { election_type: 1, topic_partitions: Some(Rc::from([topic])), timeout_ms: 30_005 };
    let result = |partition, error| ElectLeadersResult { topic: "orders".into(), partition, error };
    let results = [result(4, ErrorCode::ElectionNotNeeded), result(6, ErrorCode::EligibleLeadersNotAvailable)];
    let response =
        ElectLeadersResponse { error: ErrorCode::NotController, replica_election_results: Rc::from(results) };
    (AdminRequest::ElectLeaders(request), AdminResponse::ElectLeaders(response))
}

fn alter_configs() -> (AdminRequest, AdminResponse) {
    let config = AlterableConfig { name: "retention.ms".into(), config_operation: 3, value: Some("604800001".into()) };
    let resource =
        AlterConfigsResource { resource_type: 2, resource_name: "orders".into(), configs: Rc::from([config]) };
    let request = IncrementalAlterConfigsRequest { resources: Rc::from([resource]), validate_only: true };
    let (error, resource_name) = (ErrorCode::InvalidConfig, "orders".into());
    let result = AlterConfigsResourceResponse { error, resource_type: 2, resource_name };
    let response = IncrementalAlterConfigsResponse { responses: Rc::from([result]) };
    (AdminRequest::IncrementalAlterConfigs(request), AdminResponse::IncrementalAlterConfigs(response))
}

fn unregister() -> (AdminRequest, AdminResponse) {
    let request = UnregisterBrokerRequest { broker_id: NodeId(102) };
    let response = UnregisterBrokerResponse { error: ErrorCode::InvalidRequest };
    (AdminRequest::UnregisterBroker(request), AdminResponse::UnregisterBroker(response))
}
