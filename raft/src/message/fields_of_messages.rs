//! The fields of requests, responses, batches and records.

use super::apis::{AdminRequest, ClusterRequest, DataRequest};
use super::fields::{Fields, Value, fields, named, of};
use super::model_only::{AppendRecordsRequest, AppendRecordsResponse, ReadRecordsRequest, ReadRecordsResponse};
use super::quorum::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest, FetchResponse, QuorumEpochResponse, VoteRequest,
    VoteResponse,
};
use super::request::{Request, Response};
use crate::ids::{Offset, OffsetAndEpoch, ReplicaKey};
use crate::log::{Batch, ControlRecord, CutBatch, LeaderChange, Records};
use crate::metadata::MetadataRecord;
use crate::voter_set::{Endpoint, KRaftVersionFeature, VoterNode};

fields! {
    Endpoint { name, host, port }
    KRaftVersionFeature { min_supported_version, max_supported_version }
    VoterNode { id as "voter_id", directory_id as "voter_directory_id", endpoints, supported as "k_raft_version_feature" }
    ReplicaKey { id as "candidate_id", directory_id as "candidate_directory_id" }
    OffsetAndEpoch { epoch, offset as "end_offset" }
    VoteRequest {
        cluster_id, voter_id, voter_directory_id, replica_epoch, replica_id, replica_directory_id, last_offset_epoch,
        last_offset, pre_vote,
    }
    VoteResponse { top_error as "error", error as "partition_error_code", current_leader, vote_granted }
    BeginQuorumEpochRequest { cluster_id, voter_id, voter_directory_id, leader_id, leader_epoch, leader_endpoints }
    QuorumEpochResponse { top_error as "error", error as "partition_error_code", current_leader }
    FetchRequest {
        cluster_id, replica_id, replica_directory_id, topic_id, max_wait_ms, max_bytes, current_leader_epoch,
        fetch_offset, last_fetched_epoch, high_watermark,
    }
    FetchResponse {
        top_error as "error", error as "partition_error_code", current_leader, high_watermark, log_start_offset,
        diverging_epoch, snapshot_id, records, cut_batch,
    }
    AppendRecordsRequest { values }
    AppendRecordsResponse { error, accepted, base_offset, leader_id, leader_epoch }
    ReadRecordsRequest { from, max_records }
    LeaderChange { leader_id, voters, granting_voters }
}

impl Fields for EndQuorumEpochRequest {
    fn value(&self) -> Value {
        let EndQuorumEpochRequest { cluster_id, leader_id, leader_epoch, preferred_candidates, leader_endpoints } =
            self;
        let mut fields = Vec::new();
        cluster_id.put("cluster_id", &mut fields);
        leader_id.put("leader_id", &mut fields);
        leader_epoch.put("leader_epoch", &mut fields);
        preferred_candidates.put("preferred_candidates", &mut fields);
        if !leader_endpoints.is_empty() {
            leader_endpoints.put("leader_endpoints", &mut fields);
        }
        Value::Struct(fields)
    }
}

impl Fields for ReadRecordsResponse {
    fn value(&self) -> Value {
        let ReadRecordsResponse { error, records, applied_end } = self;
        let mut fields = Vec::new();
        error.put("error", &mut fields);
        applied_end.put("applied_end", &mut fields);
        let record = |(offset, value): &(Offset, u64)| of([("offset", offset.value()), ("value", value.value())]);
        fields.push(("records".to_owned(), Value::List(records.iter().map(record).collect())));
        Value::Struct(fields)
    }
}

impl Fields for Records {
    fn value(&self) -> Value {
        Value::List(self.0.iter().map(|batch| batch.value()).collect())
    }
}

impl Fields for CutBatch {
    fn value(&self) -> Value {
        of([("base_offset", self.batch.base_offset.value()), ("sizeInBytes", Value::Number(self.len_bytes as i64))])
    }
}

impl Fields for Batch {
    fn value(&self) -> Value {
        let mut fields = Vec::new();
        self.base_offset.put("base_offset", &mut fields);
        self.last_offset.put("last_offset", &mut fields);
        self.epoch.put("partition_leader_epoch", &mut fields);
        fields.push(("sizeInBytes".to_owned(), Value::Number(self.len_bytes() as i64)));
        if let Some(producer) = self.producer() {
            producer.id.put("producer_id", &mut fields);
            producer.epoch.put("producer_epoch", &mut fields);
            producer.base_sequence.put("base_sequence", &mut fields);
        }
        fields.push(("records".to_owned(), Value::List(records_of(self))));
        Value::Struct(fields)
    }
}

/// Control records, metadata records, or the values of a producer.
fn records_of(batch: &Batch) -> Vec<Value> {
    if batch.control {
        let Ok(records) = batch.control_records() else { return Vec::new() };
        return records.iter().map(control_record).collect();
    }
    // A value is stored in the frame of a NoOpRecord.
    let values: Vec<Value> = batch.values().map(|(_, value)| value.value()).collect();
    match batch.metadata_records() {
        Ok(records) if values.is_empty() => records.map(|(_, record)| named(record.name(), record.value())).collect(),
        _ => values,
    }
}

fn control_record(record: &ControlRecord) -> Value {
    match record {
        ControlRecord::LeaderChange(change) => named("LeaderChange", change.value()),
        ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms: at } => {
            let at = ("lastContainedLogTimestamp".to_owned(), Value::Number(*at));
            named("SnapshotHeader", Value::Struct(vec![at]))
        }
        ControlRecord::SnapshotFooter => named("SnapshotFooter", Value::Struct(Vec::new())),
        ControlRecord::KRaftVersion(level) => {
            let level = ("kRaftVersion".to_owned(), Value::Number((*level).into()));
            named("KRaftVersion", Value::Struct(vec![level]))
        }
        ControlRecord::KRaftVoters(voters) => {
            let voters = Value::List(voters.nodes().iter().map(Fields::value).collect());
            named("KRaftVoters", Value::Struct(vec![("voters".to_owned(), voters)]))
        }
    }
}

/// The content of a batch of the metadata log or of a partition.
pub fn of_batch(bytes: &[u8]) -> Option<Value> {
    Batch::parse(bytes).ok().map(|(batch, _)| batch.value())
}

impl Fields for MetadataRecord {
    fn value(&self) -> Value {
        self.fields()
    }
}

impl Fields for Request {
    fn value(&self) -> Value {
        match self {
            Request::Vote(request) => request.value(),
            Request::BeginQuorumEpoch(request) => request.value(),
            Request::EndQuorumEpoch(request) => request.value(),
            Request::Fetch(request) => request.value(),
            Request::FetchSnapshot(request) => request.value(),
            Request::UpdateRaftVoter(request) => request.value(),
            Request::AddRaftVoter(request) => request.value(),
            Request::RemoveRaftVoter(request) => request.value(),
            Request::DescribeQuorum(request) => request.value(),
            Request::ApiVersions(request) => request.value(),
            Request::DiscoverVersions(_) => of([]),
            Request::AppendRecords(request) => request.value(),
            Request::ReadRecords(request) => request.value(),
            Request::Data(request) => request.value(),
            Request::Cluster(request) => request.value(),
            Request::Admin(request) => request.value(),
            Request::Envelope(request) => of([("requestData", named(request.name(), request.value()))]),
        }
    }
}

impl Fields for Response {
    fn value(&self) -> Value {
        match self {
            Response::Vote(response) => response.value(),
            Response::BeginQuorumEpoch(response) | Response::EndQuorumEpoch(response) => response.value(),
            Response::Fetch(response) => response.value(),
            Response::FetchSnapshot(response) => response.value(),
            Response::UpdateRaftVoter(response) => response.value(),
            Response::AddRaftVoter(response) => response.value(),
            Response::RemoveRaftVoter(response) => response.value(),
            Response::DescribeQuorum(response) => response.value(),
            Response::ApiVersions(response) => response.value(),
            Response::DiscoverVersions => of([("errorCode", super::ErrorCode::None.value())]),
            Response::AppendRecords(response) => response.value(),
            Response::ReadRecords(response) => response.value(),
            Response::Data(response) => response.value(),
            Response::Cluster(response) => response.value(),
            Response::Admin(response) => response.value(),
            Response::Envelope(response) => response.value(),
        }
    }
}

/// The names of all APIs; a Vote with `preVote` is a Vote.
pub fn api_names() -> Vec<&'static str> {
    let quorum = [
        "Vote",
        "BeginQuorumEpoch",
        "EndQuorumEpoch",
        "Fetch",
        "FetchSnapshot",
        "UpdateRaftVoter",
        "AddRaftVoter",
        "RemoveRaftVoter",
        "ApiVersions",
        "Envelope",
    ];
    let model_only = ["AppendRecords", "ReadRecords"];
    let groups = [DataRequest::NAMES, ClusterRequest::NAMES, AdminRequest::NAMES];
    let mut names: Vec<&str> =
        quorum.into_iter().chain(model_only).chain(groups.into_iter().flatten().copied()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ErrorCode;

    #[test]
    fn responses_show_kafkas_names() {
        assert_eq!(ErrorCode::NotLeaderOrFollower.to_string(), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(ErrorCode::None.to_string(), "NONE");
        let response = Response::Vote(VoteResponse { error: ErrorCode::FencedLeaderEpoch, ..VoteResponse::default() });
        let Value::Struct(fields) = response.value() else { panic!("a struct") };
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["errorCode", "partitionErrorCode", "leaderId", "leaderEpoch", "nodeEndpoints", "voteGranted"];
        assert_eq!(names, expected);
        assert_eq!(response.value().get("partitionErrorCode"), Some(&Value::Text("FENCED_LEADER_EPOCH".to_owned())));
    }
}
