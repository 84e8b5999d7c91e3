//! The RPCs of consensus in the JSON of Kafka's own converters (`VoteRequestDataJsonConverter` and so on), as
//! `RaftUtil` builds them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raft::ids::{NodeId, Offset, OffsetAndEpoch, Uuid};
use raft::log::{CutBatch, Records};
use raft::message::{
    AddRaftVoterRequest, AdminRequest, AdminResponse, CurrentLeader, DescribeQuorumResponse, Endpoint, ErrorCode,
    FetchRequest, FetchResponse, FetchSnapshotRequest, FetchSnapshotResponse, QuorumEpochResponse, QuorumReplica,
    RemoveRaftVoterRequest, Request, Response, UpdateRaftVoterResponse,
};
use serde_json::{Map, Value, json};

const TOPIC: &str = "__cluster_metadata";

/// Name, version and body of a request.
pub fn request(request: &Request) -> (&'static str, i16, Value) {
    match request {
        Request::Vote(vote) => {
            let partition = json!({
                "partitionIndex": 0,
                "replicaEpoch": vote.replica_epoch.0,
                "replicaId": vote.replica_id.0,
                "replicaDirectoryId": uuid(vote.replica_directory_id),
                "voterDirectoryId": uuid(vote.voter_directory_id),
                "lastOffsetEpoch": vote.last_offset_epoch.0,
                "lastOffset": vote.last_offset.0,
                "preVote": vote.pre_vote,
            });
            let (cluster, voter) = (vote.cluster_id.as_deref(), vote.voter_id.0);
            ("VOTE", 2, json!({"clusterId": cluster, "voterId": voter, "topics": topics(partition)}))
        }
        Request::BeginQuorumEpoch(begin) => {
            let partition = json!({
                "partitionIndex": 0,
                "voterDirectoryId": uuid(begin.voter_directory_id),
                "leaderId": begin.leader_id.0,
                "leaderEpoch": begin.leader_epoch.0,
            });
            let body = json!({
                "clusterId": begin.cluster_id.as_deref(),
                "voterId": begin.voter_id.0,
                "topics": topics(partition),
                "leaderEndpoints": endpoints(&begin.leader_endpoints),
            });
            ("BEGIN_QUORUM_EPOCH", 1, body)
        }
        Request::EndQuorumEpoch(end) => {
            let candidates = end.preferred_candidates.iter().map(|candidate| {
                json!({"candidateId": candidate.id.0, "candidateDirectoryId": uuid(candidate.directory_id)})
            });
            let partition = json!({
                "partitionIndex": 0,
                "leaderId": end.leader_id.0,
                "leaderEpoch": end.leader_epoch.0,
                "preferredCandidates": candidates.collect::<Vec<_>>(),
            });
            let cluster = end.cluster_id.as_deref();
            (
                "END_QUORUM_EPOCH",
                1,
                json!({"clusterId": cluster, "topics": topics(partition), "leaderEndpoints": endpoints(&end.leader_endpoints)}),
            )
        }
        Request::Fetch(fetch) => ("FETCH", 18, fetch_request(fetch)),
        Request::FetchSnapshot(fetch) => ("FETCH_SNAPSHOT", 1, fetch_snapshot_request(fetch)),
        Request::UpdateRaftVoter(update) => {
            let body = json!({
                "clusterId": update.cluster_id.as_deref(),
                "currentLeaderEpoch": update.current_leader_epoch.0,
                "voterId": update.voter_id.0,
                "voterDirectoryId": uuid(update.voter_directory_id),
                "listeners": endpoints(&update.listeners),
                "kRaftVersionFeature": {
                    "minSupportedVersion": update.k_raft_version_feature.min_supported_version,
                    "maxSupportedVersion": update.k_raft_version_feature.max_supported_version,
                },
            });
            ("UPDATE_RAFT_VOTER", 0, body)
        }
        Request::AddRaftVoter(add) => ("ADD_RAFT_VOTER", 1, add_raft_voter_request(add)),
        Request::RemoveRaftVoter(remove) => ("REMOVE_RAFT_VOTER", 0, remove_raft_voter_request(remove)),
        // `ControllerApis` gives the raft client what is in it.
        Request::Envelope(AdminRequest::AddRaftVoter(add)) => ("ADD_RAFT_VOTER", 1, add_raft_voter_request(add)),
        Request::Envelope(AdminRequest::RemoveRaftVoter(remove)) => {
            ("REMOVE_RAFT_VOTER", 0, remove_raft_voter_request(remove))
        }
        Request::DescribeQuorum(_) | Request::Envelope(AdminRequest::DescribeQuorum(_)) => {
            ("DESCRIBE_QUORUM", 2, json!({"topics": topics(json!({"partitionIndex": 0}))}))
        }
        // The version of the client's software is that of the release.
        Request::ApiVersions(_) => ("API_VERSIONS", 4, json!({"clientSoftwareName": "apache-kafka-java"})),
        other => (other.name(), -1, Value::Null),
    }
}

/// Name, version and body of a response.
pub fn response(response: &Response) -> (&'static str, i16, Value) {
    match response {
        Response::Vote(vote) => {
            let partition = json!({"voteGranted": vote.vote_granted});
            ("VOTE", 2, quorum_response((vote.top_error, vote.error), &vote.current_leader, partition))
        }
        Response::BeginQuorumEpoch(answer) => ("BEGIN_QUORUM_EPOCH", 1, epoch_response(answer)),
        Response::EndQuorumEpoch(answer) => ("END_QUORUM_EPOCH", 1, epoch_response(answer)),
        Response::Fetch(fetch) => ("FETCH", 18, fetch_response(fetch)),
        Response::FetchSnapshot(fetch) => ("FETCH_SNAPSHOT", 1, fetch_snapshot_response(fetch)),
        Response::UpdateRaftVoter(update) => ("UPDATE_RAFT_VOTER", 0, update_raft_voter_response(update)),
        Response::AddRaftVoter(add) => ("ADD_RAFT_VOTER", 1, voter_change_response(add.error)),
        Response::RemoveRaftVoter(remove) => ("REMOVE_RAFT_VOTER", 0, voter_change_response(remove.error)),
        Response::DescribeQuorum(quorum) => ("DESCRIBE_QUORUM", 2, describe_quorum_response(quorum)),
        Response::ApiVersions(versions) => {
            let range = &versions.supported;
            let (min, max) = (range.min_supported_version, range.max_supported_version);
            let features = json!([{"name": "kraft.version", "minVersion": min, "maxVersion": max}]);
            let error = versions.error as i16;
            let body = json!({"errorCode": error, "apiKeys": [], "throttleTimeMs": 0, "supportedFeatures": features});
            ("API_VERSIONS", 4, body)
        }
        Response::Envelope(envelope) => match &envelope.response {
            Some(AdminResponse::AddRaftVoter(add)) => ("ADD_RAFT_VOTER", 1, voter_change_response(add.error)),
            Some(AdminResponse::RemoveRaftVoter(remove)) => {
                ("REMOVE_RAFT_VOTER", 0, voter_change_response(remove.error))
            }
            Some(AdminResponse::DescribeQuorum(quorum)) => ("DESCRIBE_QUORUM", 2, describe_quorum_response(quorum)),
            // The network server has replaced the raft client's answer (`Request.shouldReturnNotController`).
            None if envelope.error == ErrorCode::NotController => {
                let error = ErrorCode::NotLeaderOrFollower;
                let unknown = DescribeQuorumResponse { error, ..DescribeQuorumResponse::unknown() };
                ("DESCRIBE_QUORUM", 2, describe_quorum_response(&unknown))
            }
            _ => (response.name(), -1, Value::Null),
        },
        other => (other.name(), -1, Value::Null),
    }
}

fn add_raft_voter_request(add: &AddRaftVoterRequest) -> Value {
    json!({
        "clusterId": add.cluster_id.as_deref(),
        "timeoutMs": add.timeout_ms,
        "voterId": add.voter_id.0,
        "voterDirectoryId": uuid(add.voter_directory_id),
        "listeners": endpoints(&add.listeners),
        "ackWhenCommitted": add.ack_when_committed,
    })
}

fn remove_raft_voter_request(remove: &RemoveRaftVoterRequest) -> Value {
    json!({
        "clusterId": remove.cluster_id.as_deref(),
        "voterId": remove.voter_id.0,
        "voterDirectoryId": uuid(remove.voter_directory_id),
    })
}

/// Without the listeners of the voters (`nodes`), which no client of the model reads.
fn describe_quorum_response(quorum: &DescribeQuorumResponse) -> Value {
    let replica = |of: &QuorumReplica| {
        json!({
            "replicaId": of.replica_id.0,
            "replicaDirectoryId": uuid(of.replica_directory_id),
            "logEndOffset": of.log_end_offset.0,
            "lastFetchTimestamp": of.last_fetch_timestamp,
            "lastCaughtUpTimestamp": of.last_caught_up_timestamp,
        })
    };
    let is_error = quorum.error != ErrorCode::None;
    let known = |value: i64| if is_error { 0 } else { value };
    let partition = json!({
        "partitionIndex": 0,
        "errorCode": quorum.error as i16,
        "errorMessage": null,
        "leaderId": known(i64::from(quorum.leader_id.0)),
        "leaderEpoch": known(i64::from(quorum.leader_epoch.0)),
        "highWatermark": known(quorum.high_watermark.0),
        "currentVoters": quorum.current_voters.iter().map(replica).collect::<Vec<_>>(),
        "observers": quorum.observers.iter().map(replica).collect::<Vec<_>>(),
    });
    json!({"errorCode": 0, "errorMessage": null, "topics": topics(partition), "nodes": []})
}

fn endpoints(endpoints: &[Endpoint]) -> Value {
    endpoints.iter().map(|it| json!({"name": &*it.name, "host": &*it.host, "port": it.port})).collect()
}

fn update_raft_voter_response(update: &UpdateRaftVoterResponse) -> Value {
    let current = &update.current_leader;
    let leader = current.leader_id.unwrap_or(NodeId::NONE).0;
    let endpoint = current.endpoints.as_ref().and_then(|endpoints| endpoints.first());
    let (host, port) = endpoint.map_or(("", 0), |endpoint| (&*endpoint.host, endpoint.port));
    json!({
        "throttleTimeMs": 0,
        "errorCode": update.error as i16,
        "currentLeader": {"leaderId": leader, "leaderEpoch": current.leader_epoch.0, "host": host, "port": port},
    })
}

fn voter_change_response(error: ErrorCode) -> Value {
    json!({"throttleTimeMs": 0, "errorCode": error as i16, "errorMessage": null})
}

fn topics(partition: Value) -> Value {
    json!([{"topicName": TOPIC, "partitions": [partition]}])
}

fn epoch_response(answer: &QuorumEpochResponse) -> Value {
    quorum_response((answer.top_error, answer.error), &answer.current_leader, json!({}))
}

/// With the fields of the partition that are not common to all.
fn quorum_response((top, error): (ErrorCode, ErrorCode), current: &CurrentLeader, mut partition: Value) -> Value {
    if top != ErrorCode::None {
        return json!({"errorCode": top as i16, "topics": []});
    }
    partition["partitionIndex"] = 0.into();
    partition["errorCode"] = (error as i16).into();
    partition["leaderId"] = current.leader_id.unwrap_or(NodeId::NONE).0.into();
    partition["leaderEpoch"] = current.leader_epoch.0.into();
    let mut body = json!({"errorCode": 0, "topics": topics(partition)});
    add_endpoints(&mut body, current, json!({}));
    body
}

/// The tagged field `NodeEndpoints`, with the fields of an entry that only Fetch has.
fn add_endpoints(body: &mut Value, current: &CurrentLeader, more: Value) {
    let (Some(leader), Some(endpoints)) = (current.leader_id, &current.endpoints) else { return };
    let Some(endpoint) = endpoints.first() else { return };
    let mut entry = more;
    entry["nodeId"] = leader.0.into();
    entry["host"] = (*endpoint.host).into();
    entry["port"] = endpoint.port.into();
    body["nodeEndpoints"] = json!([entry]);
}

fn fetch_request(fetch: &FetchRequest) -> Value {
    let mut partition = json!({
        "partition": 0,
        "currentLeaderEpoch": fetch.current_leader_epoch.0,
        "fetchOffset": fetch.fetch_offset.0,
        "lastFetchedEpoch": fetch.last_fetched_epoch.0,
        "logStartOffset": -1,
        "partitionMaxBytes": 0,
        "highWatermark": offset(fetch.high_watermark),
    });
    if let Some(directory) = fetch.replica_directory_id {
        partition["replicaDirectoryId"] = directory.to_string().into();
    }
    json!({
        "clusterId": fetch.cluster_id.as_deref(),
        "replicaState": {"replicaId": fetch.replica_id.0, "replicaEpoch": -1},
        "maxWaitMs": fetch.max_wait_ms,
        "minBytes": 0,
        "maxBytes": fetch.max_bytes,
        "isolationLevel": 0,
        "sessionId": 0,
        "sessionEpoch": -1,
        "topics": [{"topicId": fetch.topic_id.to_string(), "partitions": [partition]}],
        "forgottenTopicsData": [],
        "rackId": "",
    })
}

fn fetch_response(fetch: &FetchResponse) -> Value {
    let mut body = json!({"throttleTimeMs": 0, "errorCode": fetch.top_error as i16, "sessionId": 0, "responses": []});
    if fetch.top_error != ErrorCode::None {
        return body;
    }
    let current = &fetch.current_leader;
    let leader = current.leader_id.unwrap_or(NodeId::NONE);
    let mut partition = json!({
        "partitionIndex": 0,
        "errorCode": fetch.error as i16,
        "highWatermark": offset(fetch.high_watermark),
        "lastStableOffset": -1,
        "logStartOffset": fetch.log_start_offset.0,
        "currentLeader": {"leaderId": leader.0, "leaderEpoch": current.leader_epoch.0},
        "abortedTransactions": [],
        "preferredReadReplica": -1,
        "records": slice(&fetch.records, fetch.cut_batch.as_deref()),
    });
    if let Some(diverging) = &fetch.diverging_epoch {
        partition["divergingEpoch"] = json!({"epoch": diverging.epoch.0, "endOffset": diverging.offset.0});
    }
    if let Some(id) = &fetch.snapshot_id {
        partition["snapshotId"] = snapshot_id(**id);
    }
    body["responses"] = json!([{"topicId": Uuid::METADATA_TOPIC_ID.to_string(), "partitions": [partition]}]);
    add_endpoints(&mut body, current, json!({"rack": null}));
    body
}

fn fetch_snapshot_request(fetch: &FetchSnapshotRequest) -> Value {
    let mut partition = json!({
        "partition": 0,
        "currentLeaderEpoch": fetch.current_leader_epoch.0,
        "snapshotId": snapshot_id(fetch.snapshot_id),
        "position": fetch.position,
    });
    if let Some(directory) = fetch.replica_directory_id {
        partition["replicaDirectoryId"] = directory.to_string().into();
    }
    json!({
        "clusterId": fetch.cluster_id.as_deref(),
        "replicaId": fetch.replica_id.0,
        "maxBytes": fetch.max_bytes,
        "topics": [{"name": TOPIC, "partitions": [partition]}],
    })
}

fn fetch_snapshot_response(fetch: &FetchSnapshotResponse) -> Value {
    let mut body = json!({"throttleTimeMs": 0, "errorCode": fetch.top_error as i16, "topics": []});
    if fetch.top_error != ErrorCode::None {
        return body;
    }
    let current = &fetch.current_leader;
    let partition = json!({
        "index": 0,
        "errorCode": fetch.error as i16,
        "snapshotId": snapshot_id(fetch.snapshot_id),
        "currentLeader": {
            "leaderId": current.leader_id.unwrap_or(NodeId::NONE).0,
            "leaderEpoch": current.leader_epoch.0,
        },
        "size": fetch.size,
        "position": fetch.position,
        "unalignedRecords": STANDARD.encode(&fetch.unaligned_records.0),
    });
    body["topics"] = json!([{"name": TOPIC, "partitions": [partition]}]);
    add_endpoints(&mut body, current, json!({}));
    body
}

fn snapshot_id(id: OffsetAndEpoch) -> Value {
    json!({"endOffset": id.offset.0, "epoch": id.epoch.0})
}

fn slice(records: &Records, cut: Option<&CutBatch>) -> String {
    let mut bytes: Vec<u8> = records.0.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    bytes.extend(cut.into_iter().flat_map(CutBatch::bytes));
    STANDARD.encode(bytes)
}

fn offset(offset: Option<Offset>) -> i64 {
    offset.map_or(-1, |offset| offset.0)
}

fn uuid(id: Option<Uuid>) -> String {
    id.unwrap_or(Uuid::ZERO).to_string()
}

/// An object with one key.
pub fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
