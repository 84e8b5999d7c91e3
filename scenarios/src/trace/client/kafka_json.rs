//! Requests of clients to brokers and their responses in the JSON of Kafka's own converters, except that records are
//! base64.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raft::ids::{TopicIdPartition, Uuid};
use raft::io::{ConnectToken, Connection};
use raft::log::Records;
use raft::message::data::*;
use raft::message::{DataRequest, DataResponse, ErrorCode, Request, Response};
use serde_json::{Value, json};

/// The port of each broker; its host is its id.
const PORT: i32 = 9092;

/// Writes messages in the order in which a client sends and receives them: the model names topics by their ids where
/// Kafka does by their names.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    names: BTreeMap<Uuid, Rc<str>>,
    /// Open, with the answer to ApiVersions due.
    checking: BTreeMap<ConnectToken, Connection>,
}

impl Messages {
    /// A connection is open, but not ready.
    pub fn checking(&mut self, token: ConnectToken, connection: Connection) {
        self.checking.insert(token, connection);
    }

    /// ApiVersions was answered.
    pub fn checked(&mut self, token: ConnectToken) -> Option<Connection> {
        self.checking.remove(&token)
    }

    /// Name, version and body of a request.
    pub fn request(&self, request: &Request) -> (&'static str, i16, Value) {
        let Request::Data(request) = request else { return (request.name(), -1, Value::Null) };
        match request {
            DataRequest::Metadata(request) => {
                let topic = |name: &Rc<str>| json!({"topicId": Uuid::ZERO.to_string(), "name": &**name});
                let topics = request.topics.as_ref().map(|names| names.iter().map(topic).collect::<Vec<_>>());
                let body = json!({
                    "topics": topics, "allowAutoTopicCreation": true, "includeTopicAuthorizedOperations": false,
                });
                ("METADATA", 13, body)
            }
            DataRequest::Produce(request) => {
                let partitions = request.partitions.iter().map(|it| {
                    let (index, records) = (it.partition.partition, base64(&it.records));
                    (it.partition, json!({"index": index, "records": records}))
                });
                let topics = self.by_topic(partitions, "topicId", "partitionData");
                let (acks, timeout) = (request.acks, request.timeout_ms);
                let body = json!({"transactionalId": null, "acks": acks, "timeoutMs": timeout, "topicData": topics});
                ("PRODUCE", 13, body)
            }
            DataRequest::Fetch(request) => ("FETCH", 18, self.fetch(request)),
            DataRequest::ListOffsets(request) => {
                let partitions = request.partitions.iter().map(|it| {
                    let (index, epoch, timestamp) = (it.partition.partition, it.current_leader_epoch.0, it.timestamp);
                    let partition =
                        json!({"partitionIndex": index, "currentLeaderEpoch": epoch, "timestamp": timestamp});
                    (it.partition, partition)
                });
                let topics = self.by_topic(partitions, "name", "partitions");
                ("LIST_OFFSETS", 9, json!({"replicaId": request.replica_id.0, "isolationLevel": 0, "topics": topics}))
            }
            DataRequest::OffsetForLeaderEpoch(request) => {
                let partitions = request.partitions.iter().map(|it| {
                    let (index, current) = (it.partition.partition, it.current_leader_epoch.0);
                    let partition = json!({
                        "partition": index, "currentLeaderEpoch": current, "leaderEpoch": it.leader_epoch.0,
                    });
                    (it.partition, partition)
                });
                let topics = self.by_topic(partitions, "topic", "partitions");
                ("OFFSET_FOR_LEADER_EPOCH", 4, json!({"replicaId": request.replica_id.0, "topics": topics}))
            }
            DataRequest::InitProducerId(request) => {
                let (id, epoch) = (request.producer_id.0, request.producer_epoch);
                ("INIT_PRODUCER_ID", 5, json!({"producerId": id, "producerEpoch": epoch}))
            }
        }
    }

    /// Name, version and body of a response.
    pub fn response(&mut self, response: &Response) -> (&'static str, i16, Value) {
        let Response::Data(response) = response else { return (response.name(), -1, Value::Null) };
        match response {
            DataResponse::Metadata(response) => ("METADATA", 13, self.metadata(response)),
            DataResponse::Produce(response) => ("PRODUCE", 13, self.produced(response)),
            DataResponse::Fetch(response) => ("FETCH", 18, self.fetched(response)),
            DataResponse::ListOffsets(response) => {
                let partitions = response.partitions.iter().map(|it| {
                    let partition = json!({
                        "partitionIndex": it.partition.partition,
                        "errorCode": it.error as i16,
                        "timestamp": -1,
                        "offset": it.offset.0,
                        "leaderEpoch": it.leader_epoch.0,
                    });
                    (it.partition, partition)
                });
                let topics = self.by_topic(partitions, "name", "partitions");
                ("LIST_OFFSETS", 9, json!({"throttleTimeMs": 0, "topics": topics}))
            }
            DataResponse::OffsetForLeaderEpoch(response) => {
                let partitions = response.partitions.iter().map(|it| {
                    let partition = json!({
                        "errorCode": it.error as i16,
                        "partition": it.partition.partition,
                        "leaderEpoch": it.leader_epoch.0,
                        "endOffset": it.end_offset.0,
                    });
                    (it.partition, partition)
                });
                let topics = self.by_topic(partitions, "topic", "partitions");
                ("OFFSET_FOR_LEADER_EPOCH", 4, json!({"throttleTimeMs": 0, "topics": topics}))
            }
            DataResponse::InitProducerId(response) => {
                let body = json!({
                    "throttleTimeMs": 0,
                    "errorCode": response.error as i16,
                    "producerId": response.producer_id.0,
                    "producerEpoch": response.producer_epoch,
                });
                ("INIT_PRODUCER_ID", 5, body)
            }
        }
    }

    fn fetch(&self, request: &DataFetchRequest) -> Value {
        let partitions = request.partitions.iter().map(|it| {
            let partition = json!({
                "partition": it.partition.partition,
                "currentLeaderEpoch": it.current_leader_epoch.0,
                "fetchOffset": it.fetch_offset.0,
                "lastFetchedEpoch": it.last_fetched_epoch.0,
                "logStartOffset": it.log_start_offset.0,
                "partitionMaxBytes": it.partition_max_bytes,
            });
            (it.partition, partition)
        });
        json!({
            "maxWaitMs": request.max_wait_ms,
            "minBytes": request.min_bytes,
            "maxBytes": request.max_bytes,
            "topics": self.by_topic(partitions, "topicId", "partitions"),
        })
    }

    fn metadata(&mut self, response: &MetadataResponse) -> Value {
        for topic in response.topics.iter().filter(|topic| topic.topic_id != Uuid::ZERO) {
            self.names.insert(topic.topic_id, Rc::clone(&topic.name));
        }
        let broker = |it: &MetadataBroker| endpoint(it.node_id);
        let partition = |it: &MetadataPartition| {
            json!({
                "errorCode": it.error as i16,
                "partitionIndex": it.partition,
                "leaderId": it.leader_id.0,
                "leaderEpoch": it.leader_epoch.0,
                "replicaNodes": it.replica_nodes.iter().map(|id| id.0).collect::<Vec<_>>(),
                "isrNodes": it.isr_nodes.iter().map(|id| id.0).collect::<Vec<_>>(),
                "offlineReplicas": [],
            })
        };
        let topic = |it: &MetadataTopic| {
            json!({
                "errorCode": it.error as i16,
                "name": &*it.name,
                "topicId": it.topic_id.to_string(),
                "isInternal": false,
                "partitions": it.partitions.iter().map(partition).collect::<Vec<_>>(),
                "topicAuthorizedOperations": i32::MIN,
            })
        };
        json!({
            "throttleTimeMs": 0,
            "brokers": response.brokers.iter().map(broker).collect::<Vec<_>>(),
            "clusterId": "cluster",
            "controllerId": response.controller_id.0,
            "topics": response.topics.iter().map(topic).collect::<Vec<_>>(),
            "errorCode": 0,
        })
    }

    fn produced(&self, response: &ProduceResponse) -> Value {
        let partitions = response.partitions.iter().map(|it| {
            let mut partition = json!({
                "index": it.partition.partition,
                "errorCode": it.error as i16,
                "baseOffset": it.base_offset.0,
                "logAppendTimeMs": -1,
                "logStartOffset": it.log_start_offset.0,
                "recordErrors": [],
                "errorMessage": null,
            });
            add_leader(&mut partition, it.current_leader.as_ref());
            (it.partition, partition)
        });
        let topics = self.by_topic(partitions, "topicId", "partitionResponses");
        let leaders = response.partitions.iter().filter_map(|it| it.current_leader.as_ref());
        json!({"responses": topics, "throttleTimeMs": 0, "nodeEndpoints": endpoints(leaders)})
    }

    fn fetched(&self, response: &DataFetchResponse) -> Value {
        let top = response.error as i16;
        if response.error != ErrorCode::None {
            return json!({"throttleTimeMs": 0, "errorCode": top, "sessionId": 0, "responses": []});
        }
        let partitions = response.partitions.iter().map(|it| {
            let mut partition = json!({
                "partitionIndex": it.partition.partition,
                "errorCode": it.error as i16,
                "highWatermark": it.high_watermark.0,
                "lastStableOffset": -1,
                "logStartOffset": it.log_start_offset.0,
                "abortedTransactions": null,
                "preferredReadReplica": -1,
                "records": base64(&it.records),
            });
            if let Some(end) = it.diverging_epoch {
                partition["divergingEpoch"] = json!({"epoch": end.epoch.0, "endOffset": end.offset.0});
            }
            add_leader(&mut partition, it.current_leader.as_ref());
            (it.partition, partition)
        });
        let topics = self.by_topic(partitions, "topicId", "partitions");
        let leaders = response.partitions.iter().filter_map(|it| it.current_leader.as_ref());
        json!({
            "throttleTimeMs": 0, "errorCode": top, "sessionId": 0, "responses": topics,
            "nodeEndpoints": endpoints(leaders),
        })
    }

    /// Partitions under their topics, one entry for each run of partitions of the same topic, as Kafka groups them.
    fn by_topic(
        &self,
        partitions: impl Iterator<Item = (TopicIdPartition, Value)>,
        key: &str,
        partitions_key: &str,
    ) -> Vec<Value> {
        let mut topics: Vec<(Uuid, Vec<Value>)> = Vec::new();
        for (of, partition) in partitions {
            match topics.last_mut() {
                Some((topic, partitions)) if *topic == of.topic_id => partitions.push(partition),
                _ => topics.push((of.topic_id, vec![partition])),
            }
        }
        let name = |id: &Uuid| match key {
            "topicId" => Value::from(id.to_string()),
            _ => self.names.get(id).map_or(Value::Null, |name| Value::from(&**name)),
        };
        // The id is always there: a later topic may have the name.
        let topic =
            |(id, partitions)| json!({"topicId": Uuid::to_string(&id), key: name(&id), partitions_key: partitions});
        topics.into_iter().map(topic).collect()
    }
}

fn base64(records: &Records) -> String {
    let bytes: Vec<u8> = records.0.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    STANDARD.encode(bytes)
}

/// The tagged field `CurrentLeader`.
fn add_leader(partition: &mut Value, leader: Option<&LeaderIdAndEpoch>) {
    if let Some(leader) = leader {
        partition["currentLeader"] = json!({"leaderId": leader.leader_id.0, "leaderEpoch": leader.leader_epoch.0});
    }
}

/// The tagged field `NodeEndpoints`, which the model leaves out: it has all leaders that are named.
fn endpoints<'a>(leaders: impl Iterator<Item = &'a LeaderIdAndEpoch>) -> Vec<Value> {
    let ids: std::collections::BTreeSet<_> = leaders.filter_map(|leader| leader.leader_id.known()).collect();
    ids.into_iter().map(endpoint).collect()
}

fn endpoint(id: raft::ids::NodeId) -> Value {
    json!({"nodeId": id.0, "host": id.0.to_string(), "port": PORT, "rack": null})
}
