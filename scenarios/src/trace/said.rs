//! Observations of nodes, as a name and fields. The names are those of the variants of `Observation`,
//! `BrokerObservation` and `AttemptEvent` in the code, so that a reader finds their place in the code.

use raft::broker::observation::{BrokerObservation as Broker, PartitionTag};
use raft::client::{AttemptEvent as Client, Outcome, PositionCause, ReadApi, TopicPartition};
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, Uuid};
use raft::io::{Observation, Role};
use raft::message::{ErrorCode, Fields, Value};

use super::Trace;
use crate::actor::{AttemptEvent as Model, Said};

/// Named values, in order.
pub type Named = Vec<(String, Value)>;

/// A field of an observation.
trait Shown {
    fn show(&self, name: &str, trace: &Trace, into: &mut Named);
}

macro_rules! by_fields {
    ($($type:ty),+) => {
        $(impl Shown for $type {
            fn show(&self, name: &str, _: &Trace, into: &mut Named) {
                self.put(name, into);
            }
        })+
    };
}

by_fields!(bool, i8, i16, u16, i32, u32, i64, u64, NodeId, LeaderEpoch, PartitionEpoch, BrokerEpoch);
by_fields!(ProducerId, Offset, ErrorCode, Uuid);

impl Shown for u8 {
    fn show(&self, name: &str, trace: &Trace, into: &mut Named) {
        u32::from(*self).show(name, trace, into);
    }
}

/// The variant's name of an enumeration without fields.
macro_rules! by_name {
    ($($type:ty),+) => {
        $(impl Shown for $type {
            fn show(&self, name: &str, _: &Trace, into: &mut Named) {
                into.push((name.to_owned(), Value::Text(format!("{self:?}"))));
            }
        })+
    };
}

by_name!(Role, raft::io::Probe, ReadApi, PositionCause, Outcome);

impl Shown for PartitionTag {
    fn show(&self, _: &str, trace: &Trace, into: &mut Named) {
        into.push(("partition".to_owned(), Value::Text(trace.topics.partition(*self))));
    }
}

impl Shown for TopicPartition {
    fn show(&self, _: &str, trace: &Trace, into: &mut Named) {
        let name = trace.client_topics.get(usize::from(self.topic)).map_or("?", String::as_str);
        into.push(("partition".to_owned(), Value::Text(format!("{name}-{}", self.partition))));
    }
}

macro_rules! named {
    ($said:expr, $trace:expr, $($enum:ident { $($variant:ident { $($field:ident),* })+ })+) => {
        match $said {
            $($($enum::$variant { $($field),* } => {
                let mut fields = Named::new();
                $($field.show(stringify!($field), $trace, &mut fields);)*
                (stringify!($variant), fields)
            })+)+
        }
    };
}

/// An observation with its name.
pub fn of(said: &Said, trace: &Trace) -> (&'static str, Named) {
    match said {
        Said::Server(said) => server(said, trace),
        Said::Client(said) => model(said, trace),
        Said::Attempt(said) => client(said, trace),
    }
}

fn server(said: &Observation, trace: &Trace) -> (&'static str, Named) {
    macro_rules! one {
        ($variant:ident, $($field:ident),*) => {{
            let mut fields = Named::new();
            $($field.show(stringify!($field), trace, &mut fields);)*
            (stringify!($variant), fields)
        }};
    }
    match said {
        Observation::RoleChanged { role, epoch, leader } => one!(RoleChanged, role, epoch, leader),
        Observation::HighWatermark { offset, epoch, leading } => one!(HighWatermark, offset, epoch, leading),
        Observation::LeadershipAnnounced { epoch } => one!(LeadershipAnnounced, epoch),
        Observation::LeadershipRenounced { epoch } => one!(LeadershipRenounced, epoch),
        Observation::Applied { end } => one!(Applied, end),
        Observation::Truncated { end } => one!(Truncated, end),
        Observation::SnapshotGenerated { end } => one!(SnapshotGenerated, end),
        Observation::SnapshotInstalled { end } => one!(SnapshotInstalled, end),
        Observation::SnapshotLoaded { end } => one!(SnapshotLoaded, end),
        Observation::Probe(probe) => one!(Probe, probe),
        Observation::Published { offset, digest: _ } => one!(Published, offset),
        Observation::Broker(said) => broker(said, trace),
    }
}

fn broker(said: &Broker, trace: &Trace) -> (&'static str, Named) {
    if let Broker::Lifecycle { state, epoch } = said {
        let state = match state {
            1 => "STARTING",
            2 => "RECOVERY",
            3 => "RUNNING",
            6 => "PENDING_CONTROLLED_SHUTDOWN",
            7 => "SHUTTING_DOWN",
            _ => "NOT_RUNNING",
        };
        let mut fields = vec![("state".to_owned(), Value::Text(state.to_owned()))];
        epoch.show("broker_epoch", trace, &mut fields);
        return ("Lifecycle", fields);
    }
    named!(said, trace, Broker {
        BecameLeader { of, epoch, start }
        BecameFollower { of, epoch, end }
        LeaderHighWatermark { of, epoch, offset }
        FollowerHighWatermark { of, epoch, offset }
        IsrState { of, partition_epoch, maximal, effective, in_flight }
        Truncated { of, epoch, end }
        Lifecycle { state, epoch }
    })
}

fn model(said: &Model, trace: &Trace) -> (&'static str, Named) {
    named!(said, trace, Model {
        AppendInvoked { attempt, first_value, count }
        AppendOk { attempt, base_offset }
        AppendFailed { attempt }
        AppendUnknown { attempt }
        ReadInvoked { attempt, from, at_most }
        ReadRecord { attempt, offset, value }
        ReadOk { attempt, applied_end }
        ReadUnknown { attempt }
    })
}

fn client(said: &Client, trace: &Trace) -> (&'static str, Named) {
    named!(said, trace, Client {
        ProduceInvoked { attempt, batch, partition, acks, count, leader_epoch }
        ProduceSequence { attempt, producer_id, producer_epoch, base_sequence }
        ProduceValues { attempt, first_value, count }
        ProduceOk { attempt, base_offset }
        ProduceFailed { attempt, error }
        ProduceUnknown { attempt, error }
        BatchAcked { batch, base_offset }
        BatchFailed { batch, error }
        BatchValues { batch, first_value, count }
        BatchSplit { batch, into }
        SendRefused { partition, value }
        InitProducerIdInvoked { attempt, node }
        InitProducerIdOk { attempt, producer_id, producer_epoch }
        InitProducerIdFailed { attempt, error }
        InitProducerIdUnknown { attempt }
        ProducerFatal { error }
        ReadInvoked { attempt, api, partition, at }
        ReadOk { attempt, partition, number }
        EpochLost { partition, requested, answered }
        ReadFailed { attempt, partition, error }
        ReadStale { attempt, partition, error }
        ReadUnknown { attempt }
        PollRecords { attempt, partition, leader_epoch, count }
        PollRecord { attempt, offset, value }
        PositionSet { partition, offset, cause }
        Unassigned { partition }
        ConsumerError { partition, error }
        AdminInvoked { attempt, operation, api_key, node }
        AdminResult { attempt, index, error, outcome }
        AdminTopicId { attempt, index, topic_id }
        AdminConfig { attempt, index, name_hash, value_hash }
        AdminAnswered { attempt, error }
        AdminUnknown { attempt }
        OperationDone { operation, error }
    })
}
