//! Brokers with one shared log per partition. Producer state is kept as in Kafka (controller-broker.md §6.8).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId, TopicIdPartition, Uuid};
use crate::log::{Batch, BatchBuilder, BatchProducer, Records};
use crate::message::admin::*;
use crate::message::data::*;
use crate::message::{AdminRequest, AdminResponse, DataRequest, DataResponse, ErrorCode, Request, Response};

pub const TOPIC: Uuid = Uuid([7; 16]);
const NO_OFFSET: Offset = Offset(-1);

/// One partition of topic `t`.
#[derive(Default)]
pub struct Partition {
    pub leader: Option<NodeId>,
    pub epoch: i32,
    /// Epoch and value by offset.
    pub log: Vec<(i32, u64)>,
    pub producers: BTreeMap<i64, ProducerEntry>,
}

/// The state of a producer.
pub struct ProducerEntry {
    epoch: i16,
    last_sequence: i32,
    /// First and last sequence, and offset, of the last five batches.
    batches: VecDeque<(i32, i32, Offset)>,
}

pub struct Brokers {
    /// By id from 0; `None` does not respond to connects.
    pub up: Vec<Option<bool>>,
    pub partitions: Vec<Partition>,
    /// Brokers left out of Metadata responses.
    pub hidden: Vec<NodeId>,
    pub controller: NodeId,
    pub topics: Vec<Rc<str>>,
    next_producer_id: i64,
    /// Partition and leader-epoch hints of KIP-951.
    pub hints: bool,
}

impl Brokers {
    /// Three brokers with this number of partitions; partition i is led by broker i % 3.
    pub fn new(partitions: usize) -> Brokers {
        let partition = |i| Partition { leader: Some(NodeId((i % 3) as i32)), ..Partition::default() };
        Brokers {
            up: vec![Some(true); 3],
            partitions: (0..partitions).map(partition).collect(),
            hidden: Vec::new(),
            controller: NodeId(0),
            topics: vec![Rc::from("t")],
            next_producer_id: 1_000,
            hints: true,
        }
    }

    pub fn is_up(&self, node: NodeId) -> Option<bool> {
        self.up[node.0 as usize]
    }

    /// Elects another leader.
    pub fn elect(&mut self, partition: usize, leader: i32) {
        self.partitions[partition].leader = Some(NodeId(leader));
        self.partitions[partition].epoch += 1;
    }

    /// Truncates a log, like an unclean election; producer state is dropped.
    pub fn truncate(&mut self, partition: usize, end: usize) {
        self.partitions[partition].log.truncate(end);
        self.partitions[partition].producers.clear();
    }

    pub fn values(&self, partition: usize) -> Vec<u64> {
        self.partitions[partition].log.iter().map(|(_, value)| *value).collect()
    }

    /// The response, and its delay.
    pub fn handle(&mut self, node: NodeId, request: &Request) -> (i64, Option<Response>) {
        let data = |response| (0, Some(Response::Data(response)));
        match request {
            Request::Data(DataRequest::Metadata(_)) => data(DataResponse::Metadata(self.metadata())),
            Request::Data(DataRequest::InitProducerId(_)) => {
                self.next_producer_id += 1;
                data(DataResponse::InitProducerId(InitProducerIdResponse {
                    error: ErrorCode::None,
                    producer_id: ProducerId(self.next_producer_id),
                    producer_epoch: 0,
                }))
            }
            Request::Data(DataRequest::Produce(request)) => {
                let parts = request.partitions.iter().map(|part| self.produce(node, part)).collect();
                let response = ProduceResponse { partitions: parts };
                (0, (request.acks != 0).then_some(Response::Data(DataResponse::Produce(response))))
            }
            Request::Data(DataRequest::Fetch(request)) => {
                let partitions: Rc<[_]> = request.partitions.iter().map(|part| self.fetch(node, part)).collect();
                let idle = partitions.iter().all(|part| part.error == ErrorCode::None && part.records.0.is_empty());
                let response = DataResponse::Fetch(DataFetchResponse { error: ErrorCode::None, partitions });
                let wait_ms = if idle { i64::from(request.max_wait_ms) } else { 0 };
                (wait_ms, Some(Response::Data(response)))
            }
            Request::Data(DataRequest::ListOffsets(request)) => {
                let partitions = request.partitions.iter().map(|part| self.list(node, part)).collect();
                data(DataResponse::ListOffsets(ListOffsetsResponse { partitions }))
            }
            Request::Data(DataRequest::OffsetForLeaderEpoch(request)) => {
                let partitions = request.partitions.iter().map(|part| self.epoch_end(node, part)).collect();
                data(DataResponse::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse { partitions }))
            }
            Request::Admin(request) => (0, Some(Response::Admin(self.admin(request)))),
            Request::DiscoverVersions(_) => (0, Some(Response::DiscoverVersions)),
            other => panic!("no client asks for {}", other.name()),
        }
    }

    pub fn metadata(&self) -> MetadataResponse {
        let visible = |node: &NodeId| !self.hidden.contains(node) && self.up[node.0 as usize] == Some(true);
        let ids = (0..self.up.len() as i32).map(NodeId).filter(visible);
        let partition = |(index, partition): (usize, &Partition)| {
            let leader = partition.leader.filter(visible);
            MetadataPartition {
                error: leader.map_or(ErrorCode::LeaderNotAvailable, |_| ErrorCode::None),
                partition: index as i32,
                leader_id: leader.unwrap_or(NodeId::NONE),
                leader_epoch: LeaderEpoch(partition.epoch),
                replica_nodes: Rc::from([]),
                isr_nodes: Rc::from([]),
            }
        };
        let topic = MetadataTopic {
            error: ErrorCode::None,
            name: Rc::from("t"),
            topic_id: TOPIC,
            partitions: self.partitions.iter().enumerate().map(partition).collect(),
        };
        MetadataResponse {
            brokers: ids.map(|node_id| MetadataBroker { node_id }).collect(),
            controller_id: self.controller,
            topics: Rc::from([topic]),
        }
    }

    /// The checks that every leader makes.
    fn checked(&self, node: NodeId, partition: &TopicIdPartition, epoch: i32) -> ErrorCode {
        let Some(known) = self.partitions.get(partition.partition as usize) else { return ErrorCode::UnknownTopicId };
        if partition.topic_id != TOPIC {
            ErrorCode::UnknownTopicId
        } else if known.leader != Some(node) {
            ErrorCode::NotLeaderOrFollower
        } else if epoch >= 0 && epoch < known.epoch {
            ErrorCode::FencedLeaderEpoch
        } else if epoch > known.epoch {
            ErrorCode::UnknownLeaderEpoch
        } else {
            ErrorCode::None
        }
    }

    fn hint(&self, partition: &TopicIdPartition, error: ErrorCode) -> Option<LeaderIdAndEpoch> {
        let known = self.partitions.get(partition.partition as usize)?;
        let hints = self.hints && matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
        let leader_id = known.leader.unwrap_or(NodeId::NONE);
        hints.then_some(LeaderIdAndEpoch { leader_id, leader_epoch: LeaderEpoch(known.epoch) })
    }

    fn produce(&mut self, node: NodeId, part: &PartitionProduceData) -> PartitionProduceResponse {
        let mut error = self.checked(node, &part.partition, -1);
        let mut base_offset = NO_OFFSET;
        if error == ErrorCode::None {
            let known = &mut self.partitions[part.partition.partition as usize];
            assert_eq!(part.records.0.len(), 1, "a partition's produce data is one batch");
            match known.append(&part.records.0[0]) {
                Ok(offset) => base_offset = offset,
                Err(refused) => error = refused,
            }
        }
        let current_leader = self.hint(&part.partition, error);
        let log_start_offset = Offset(0);
        PartitionProduceResponse { partition: part.partition, error, base_offset, log_start_offset, current_leader }
    }

    fn fetch(&self, node: NodeId, part: &FetchPartition) -> FetchablePartition {
        let mut error = self.checked(node, &part.partition, part.current_leader_epoch.0);
        let (mut records, mut high_watermark) = (Records::default(), NO_OFFSET);
        if error == ErrorCode::None {
            let log = &self.partitions[part.partition.partition as usize].log;
            high_watermark = Offset(log.len() as i64);
            match usize::try_from(part.fetch_offset.0).ok().and_then(|from| log.get(from..)) {
                Some(tail) => records = batches(part.fetch_offset.0, tail),
                None => error = ErrorCode::OffsetOutOfRange,
            }
        }
        let current_leader = self.hint(&part.partition, error);
        FetchablePartition {
            partition: part.partition,
            error,
            high_watermark,
            log_start_offset: Offset(0),
            diverging_epoch: None,
            current_leader,
            records,
        }
    }

    fn list(&self, node: NodeId, part: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
        let error = self.checked(node, &part.partition, part.current_leader_epoch.0);
        let known = self.partitions.get(part.partition.partition as usize);
        let end = known.map_or(0, |known| known.log.len() as i64);
        ListOffsetsPartitionResponse {
            partition: part.partition,
            error,
            offset: Offset(if part.timestamp == -2 { 0 } else { end }),
            leader_epoch: LeaderEpoch(known.map_or(-1, |known| known.epoch)),
        }
    }

    fn epoch_end(&self, node: NodeId, part: &OffsetForLeaderPartition) -> EpochEndOffset {
        let error = self.checked(node, &part.partition, part.current_leader_epoch.0);
        let known = &self.partitions[part.partition.partition as usize];
        let end = known.log.iter().take_while(|(epoch, _)| *epoch <= part.leader_epoch.0).count();
        EpochEndOffset {
            partition: part.partition,
            error,
            leader_epoch: LeaderEpoch(known.log[..end].last().map_or(-1, |(epoch, _)| *epoch)),
            end_offset: Offset(if end == 0 { -1 } else { end as i64 }),
        }
    }

    fn admin(&mut self, request: &AdminRequest) -> AdminResponse {
        match request {
            AdminRequest::CreateTopics(request) => {
                let mut create = |topic: &CreatableTopic| {
                    let exists = self.topics.contains(&topic.name);
                    let error = if exists { ErrorCode::TopicAlreadyExists } else { ErrorCode::None };
                    if !exists {
                        self.topics.push(topic.name.clone());
                    }
                    creatable(&topic.name, error)
                };
                AdminResponse::CreateTopics(CreateTopicsResponse {
                    topics: request.topics.iter().map(&mut create).collect(),
                })
            }
            AdminRequest::DescribeConfigs(request) => {
                let describe = |resource: &DescribeConfigsResource| DescribeConfigsResult {
                    error: ErrorCode::None,
                    resource_type: resource.resource_type,
                    resource_name: resource.resource_name.clone(),
                    configs: Rc::from([TopicConfig { name: "a".into(), value: Some("1".into()) }]),
                };
                let results = request.resources.iter().map(describe).collect();
                AdminResponse::DescribeConfigs(DescribeConfigsResponse { results })
            }
            other => panic!("no story asks for {}", other.name()),
        }
    }
}

pub fn creatable(name: &Rc<str>, error: ErrorCode) -> CreatableTopicResult {
    let topic_id = if error == ErrorCode::None { TOPIC } else { Uuid::ZERO };
    CreatableTopicResult { name: name.clone(), topic_id, error, num_partitions: 1, replication_factor: 3 }
}

impl Partition {
    fn append(&mut self, batch: &Rc<Batch>) -> Result<Offset, ErrorCode> {
        let values: Vec<u64> = batch.values().map(|(_, value)| value).collect();
        let base_offset = Offset(self.log.len() as i64);
        if let Some(BatchProducer { id, epoch, base_sequence: first }) = batch.producer() {
            let last = first + values.len() as i32 - 1;
            let entry = self.producers.get_mut(&id.0);
            if let Some(entry) = &entry {
                let same = |(a, b, _): &&(i32, i32, Offset)| entry.epoch == epoch && (*a, *b) == (first, last);
                if let Some((_, _, offset)) = entry.batches.iter().find(same) {
                    return Ok(*offset);
                }
                match epoch.cmp(&entry.epoch) {
                    std::cmp::Ordering::Less => return Err(ErrorCode::InvalidProducerEpoch),
                    std::cmp::Ordering::Greater if first != 0 => return Err(ErrorCode::OutOfOrderSequenceNumber),
                    std::cmp::Ordering::Equal if first != entry.last_sequence + 1 => {
                        return Err(ErrorCode::OutOfOrderSequenceNumber);
                    }
                    _ => {}
                }
            }
            let fresh = ProducerEntry { epoch, last_sequence: -1, batches: VecDeque::new() };
            let entry = self.producers.entry(id.0).or_insert(fresh);
            if entry.epoch != epoch {
                entry.batches.clear();
            }
            (entry.epoch, entry.last_sequence) = (epoch, last);
            entry.batches.push_back((first, last, base_offset));
            if entry.batches.len() > 5 {
                entry.batches.pop_front();
            }
        }
        self.log.extend(values.into_iter().map(|value| (self.epoch, value)));
        Ok(base_offset)
    }
}

/// At most two records per batch, so that there are several batches.
fn batches(base: i64, tail: &[(i32, u64)]) -> Records {
    let mut records = Records::default();
    let mut offset = base;
    for run in tail.chunk_by(|a, b| a.0 == b.0).flat_map(|run| run.chunks(2)) {
        let mut builder = BatchBuilder::new(Offset(offset), LeaderEpoch(run[0].0), 0);
        for (_, value) in run {
            builder.value(*value);
        }
        records.0.push(builder.build());
        offset += run.len() as i64;
    }
    records
}
