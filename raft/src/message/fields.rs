//! The fields of a message and of a metadata record, by Kafka's names: for traces and logs.
//!
//! Names are those of Kafka's message definitions, as its JSON converters write them (`fetchOffset`). The
//! raft RPCs of this model have the one partition of `__cluster_metadata` only, so its fields stand beside
//! those of the request; `partitionErrorCode` is the `errorCode` of that partition.

use std::rc::Rc;

use smallvec::SmallVec;

use super::apis::{AdminRequest, ClusterRequest, DataRequest};
use super::{
    AppendRecordsRequest, AppendRecordsResponse, BeginQuorumEpochRequest, CurrentLeader, EndQuorumEpochRequest,
    Endpoint, EnvelopeResponse, ErrorCode, FetchRequest, FetchResponse, QuorumEpochResponse, ReadRecordsRequest,
    ReadRecordsResponse, Request, Response, VoteRequest, VoteResponse,
};
use crate::ids::{
    BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, ProducerId, ReplicaKey, TopicIdPartition,
    Uuid,
};
use crate::log::{Batch, ControlRecord, LeaderChange, Records};
use crate::metadata::MetadataRecord;

/// A value to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Absent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text: a name, an id, an error by Kafka's name.
    Text(String),
    /// Several.
    List(Vec<Value>),
    /// Fields by name, in order.
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A field of a struct.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Something with fields, or the value of one.
pub trait Fields {
    /// What it is.
    fn value(&self) -> Value;

    /// Adds it to the fields of a struct, under the name that its Rust field has.
    fn put(&self, name: &str, into: &mut Vec<(String, Value)>) {
        into.push((kafka_name(name), self.value()));
    }
}

/// `fetch_offset` is `fetchOffset` in Kafka.
fn kafka_name(name: &str) -> String {
    match name {
        "error" => return "errorCode".to_owned(),
        "partition" => return "partitionIndex".to_owned(),
        _ => {}
    }
    let mut words = name.split('_');
    let mut kafka = words.next().unwrap_or_default().to_owned();
    for word in words {
        kafka.push_str(&word[..1].to_uppercase());
        kafka.push_str(&word[1..]);
    }
    kafka
}

impl ErrorCode {
    /// The name in Kafka's `Errors`, such as NOT_LEADER_OR_FOLLOWER.
    pub fn kafka_name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        name
    }
}

macro_rules! by_number {
    ($($type:ty: |$value:ident| $number:expr;)+) => {
        $(impl Fields for $type {
            fn value(&self) -> Value {
                let $value = *self;
                Value::Number(i64::from($number))
            }
        })+
    };
}

by_number! {
    i8: |value| value;
    u16: |value| value;
    i16: |value| value;
    i32: |value| value;
    u32: |value| value;
    i64: |value| value;
    NodeId: |value| value.0;
    LeaderEpoch: |value| value.0;
    PartitionEpoch: |value| value.0;
    BrokerEpoch: |value| value.0;
    ProducerId: |value| value.0;
    Offset: |value| value.0;
}

impl Fields for bool {
    fn value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Fields for u64 {
    fn value(&self) -> Value {
        i64::try_from(*self).map_or_else(|_| Value::Text(self.to_string()), Value::Number)
    }
}

impl Fields for Rc<str> {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Fields for Uuid {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Fields for ErrorCode {
    fn value(&self) -> Value {
        Value::Text(self.kafka_name())
    }
}

impl<T: Fields> Fields for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Fields::value)
    }
}

impl<T: Fields> Fields for [T] {
    fn value(&self) -> Value {
        Value::List(self.iter().map(Fields::value).collect())
    }
}

impl<T: Fields> Fields for Rc<[T]> {
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl<T: Fields> Fields for Vec<T> {
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl<T: Fields, const N: usize> Fields for SmallVec<[T; N]>
where
    [T; N]: smallvec::Array<Item = T>,
{
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl Fields for TopicIdPartition {
    fn value(&self) -> Value {
        let mut fields = Vec::new();
        self.put("", &mut fields);
        Value::Struct(fields)
    }

    /// Kafka has both beside the fields of the partition.
    fn put(&self, _name: &str, into: &mut Vec<(String, Value)>) {
        self.topic_id.put("topic_id", into);
        self.partition.put("partition", into);
    }
}

impl Fields for CurrentLeader {
    fn value(&self) -> Value {
        let mut fields = Vec::new();
        self.put("", &mut fields);
        Value::Struct(fields)
    }

    fn put(&self, _name: &str, into: &mut Vec<(String, Value)>) {
        let CurrentLeader { leader_id, leader_epoch, endpoints } = self;
        leader_id.unwrap_or(NodeId::NONE).put("leader_id", into);
        leader_epoch.put("leader_epoch", into);
        endpoints.put("node_endpoints", into);
    }
}

/// Shows a struct of named fields.
macro_rules! fields {
    ($($name:ident { $($field:ident $(as $kafka:literal)?),* $(,)? })+) => {
        $(impl $crate::message::Fields for $name {
            fn value(&self) -> $crate::message::Value {
                let $name { $($field),* } = self;
                #[allow(unused_mut, reason = "a struct may have no fields")]
                let mut fields = Vec::new();
                $($crate::message::Fields::put(
                    $field,
                    $crate::message::fields::name_or!($field $($kafka)?),
                    &mut fields,
                );)*
                $crate::message::Value::Struct(fields)
            }
        })+
    };
}

macro_rules! name_or {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $kafka:literal) => {
        $kafka
    };
}

pub(crate) use {fields, name_or};

fields! {
    Endpoint { name, host, port }
    ReplicaKey { id as "candidate_id", directory_id as "candidate_directory_id" }
    OffsetAndEpoch { epoch, offset as "end_offset" }
    VoteRequest {
        cluster_id, voter_id, voter_directory_id, replica_epoch, replica_id, replica_directory_id, last_offset_epoch,
        last_offset, pre_vote,
    }
    VoteResponse { top_error as "error", error as "partition_error_code", current_leader, vote_granted }
    BeginQuorumEpochRequest { cluster_id, voter_id, voter_directory_id, leader_id, leader_epoch, leader_endpoints }
    QuorumEpochResponse { top_error as "error", error as "partition_error_code", current_leader }
    EndQuorumEpochRequest { cluster_id, leader_id, leader_epoch, preferred_candidates }
    FetchRequest {
        cluster_id, replica_id, replica_directory_id, topic_id, max_wait_ms, max_bytes, current_leader_epoch,
        fetch_offset, last_fetched_epoch, high_watermark,
    }
    FetchResponse {
        top_error as "error", error as "partition_error_code", current_leader, high_watermark, log_start_offset,
        diverging_epoch, records,
    }
    AppendRecordsRequest { values }
    AppendRecordsResponse { error, accepted, base_offset, leader_id, leader_epoch }
    ReadRecordsRequest { from, max_records }
    LeaderChange { leader_id, voters, granting_voters }
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

impl Fields for EnvelopeResponse {
    fn value(&self) -> Value {
        let EnvelopeResponse { error, response } = self;
        let inner = response.as_ref().map_or(Value::Null, |inner| named(inner.name(), inner.value()));
        of([("errorCode", error.value()), ("responseData", inner)])
    }
}

impl Fields for Records {
    fn value(&self) -> Value {
        Value::List(self.0.iter().map(|batch| batch.value()).collect())
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
        return records.iter().map(|ControlRecord::LeaderChange(it)| named("LeaderChange", it.value())).collect();
    }
    // A value stands in the frame of a NoOpRecord.
    let values: Vec<Value> = batch.values().map(|(_, value)| value.value()).collect();
    match batch.metadata_records() {
        Ok(records) if values.is_empty() => records.map(|(_, record)| named(record.name(), record.value())).collect(),
        _ => values,
    }
}

/// What a log or a partition holds there.
pub fn of_batch(bytes: &[u8]) -> Option<Value> {
    Batch::parse(bytes).ok().map(|(batch, _)| batch.value())
}

fn of<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Struct(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A struct with the name of its type in front.
fn named(name: &str, value: Value) -> Value {
    let mut fields = vec![("type".to_owned(), Value::Text(name.to_owned()))];
    if let Value::Struct(rest) = value {
        fields.extend(rest);
    }
    Value::Struct(fields)
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
    let quorum = ["Vote", "BeginQuorumEpoch", "EndQuorumEpoch", "Fetch", "AppendRecords", "ReadRecords", "Envelope"];
    let groups = [DataRequest::NAMES, ClusterRequest::NAMES, AdminRequest::NAMES];
    let mut names: Vec<&str> = quorum.into_iter().chain(groups.into_iter().flatten().copied()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_kafkas_names() {
        assert_eq!(kafka_name("new_isr_with_epochs"), "newIsrWithEpochs");
        assert_eq!(ErrorCode::NotLeaderOrFollower.kafka_name(), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(ErrorCode::None.kafka_name(), "NONE");
        let response = Response::Vote(VoteResponse { error: ErrorCode::FencedLeaderEpoch, ..VoteResponse::default() });
        let Value::Struct(fields) = response.value() else { panic!("a struct") };
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["errorCode", "partitionErrorCode", "leaderId", "leaderEpoch", "nodeEndpoints", "voteGranted"];
        assert_eq!(names, expected);
        assert_eq!(response.value().get("partitionErrorCode"), Some(&Value::Text("FENCED_LEADER_EPOCH".to_owned())));
    }
}
