//! 64-bit identities of the nodes' observations, for the digest: a canonical walk over fixed words.

use raft::broker::observation::{BrokerObservation, PartitionTag};
use raft::client::{AttemptEvent as Attempt, ReadApi, TopicPartition};
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{Observation, Post};
use raft::message::ErrorCode;

use crate::said::{AttemptEvent, Said};
use crate::workload::ClientOperation;

/// Mixes a tag and three words, each word at its own position.
fn mix(tag: u64, a: u64, b: u64, c: u64) -> u64 {
    let mut hash = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in [a, b, c] {
        hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    hash
}

/// The identity of an observation.
pub fn said(said: &Said) -> u64 {
    match *said {
        Said::Server(observation) => server(observation),
        Said::Client(event) => client(event),
        Said::Attempt(event) => attempt(event),
    }
}

fn word(n: i64) -> u64 {
    n as u64
}

fn server(observation: Observation) -> u64 {
    match observation {
        Observation::RoleChanged { role, epoch, leader } => {
            mix(1, role as u64, word(i64::from(epoch.0)), word(i64::from(leader.0)))
        }
        Observation::HighWatermark { offset, epoch, leading } => {
            mix(2, word(offset.0), word(i64::from(epoch.0)), u64::from(leading))
        }
        Observation::LeadershipAnnounced { epoch } => mix(3, word(i64::from(epoch.0)), 0, 0),
        Observation::LeadershipRenounced { epoch } => mix(4, word(i64::from(epoch.0)), 0, 0),
        Observation::Applied { end } => mix(5, word(end.0), 0, 0),
        Observation::Truncated { end } => mix(6, word(end.0), 0, 0),
        Observation::Probe(probe) => mix(7, probe as u64, 0, 0),
        Observation::Published { offset, digest } => mix(8, word(offset.0), digest, 0),
        Observation::Broker(observation) => broker(observation),
        Observation::SnapshotGenerated { end } => mix(16, word(end.0), 0, 0),
        Observation::SnapshotInstalled { end } => mix(17, word(end.0), 0, 0),
        Observation::SnapshotLoaded { end } => mix(18, word(end.0), 0, 0),
    }
}

fn broker(observation: BrokerObservation) -> u64 {
    let at = |tag: u64, of: PartitionTag, epoch: LeaderEpoch, offset: Offset| {
        mix(tag, of.topic, pair(of.partition, epoch.0), word(offset.0))
    };
    match observation {
        BrokerObservation::BecameLeader { of, epoch, start } => at(9, of, epoch, start),
        BrokerObservation::BecameFollower { of, epoch, end } => at(10, of, epoch, end),
        BrokerObservation::LeaderHighWatermark { of, epoch, offset } => at(11, of, epoch, offset),
        BrokerObservation::FollowerHighWatermark { of, epoch, offset } => at(12, of, epoch, offset),
        BrokerObservation::IsrState { of, partition_epoch, maximal, effective, in_flight } => {
            let sizes = u64::from(maximal) << 16 | u64::from(effective) << 8 | u64::from(in_flight);
            mix(13, of.topic, pair(of.partition, partition_epoch.0), sizes)
        }
        BrokerObservation::Truncated { of, epoch, end } => at(14, of, epoch, end),
        BrokerObservation::Lifecycle { state, epoch } => mix(15, state.into(), word(epoch.0), 0),
    }
}

fn place(of: TopicPartition) -> u64 {
    u64::from(of.topic) << 32 | u64::from(of.partition as u32)
}

fn attempt(event: Attempt) -> u64 {
    let two = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let api = |api: ReadApi| api as u64;
    let code = |error: ErrorCode| error as i16 as u64;
    match event {
        Attempt::ProduceInvoked { attempt, batch, partition, acks, count, leader_epoch: _ } => {
            mix(71, two(attempt, batch), place(partition), u64::from(count) << 8 | u64::from(acks as u8))
        }
        Attempt::ProduceSequence { attempt, producer_id, producer_epoch, base_sequence } => {
            mix(72, attempt.into(), word(producer_id.0), pair(producer_epoch.into(), base_sequence))
        }
        Attempt::ProduceValues { attempt, first_value, count } => mix(73, two(attempt, count), first_value, 0),
        Attempt::ProduceOk { attempt, base_offset } => mix(74, attempt.into(), word(base_offset.0), 0),
        Attempt::ProduceFailed { attempt, error } => mix(75, attempt.into(), code(error), 0),
        Attempt::ProduceUnknown { attempt, error } => mix(76, attempt.into(), code(error), 0),
        Attempt::BatchAcked { batch, base_offset } => mix(77, batch.into(), word(base_offset.0), 0),
        Attempt::BatchFailed { batch, error } => mix(78, batch.into(), code(error), 0),
        Attempt::BatchValues { batch, first_value, count } => mix(79, two(batch, count), first_value, 0),
        Attempt::BatchSplit { batch, into } => mix(80, two(batch, into), 0, 0),
        Attempt::SendRefused { partition, value } => mix(81, place(partition), value, 0),
        Attempt::InitProducerIdInvoked { attempt, node } => mix(82, attempt.into(), word(node.0.into()), 0),
        Attempt::InitProducerIdOk { attempt, producer_id, producer_epoch } => {
            mix(83, attempt.into(), word(producer_id.0), word(producer_epoch.into()))
        }
        Attempt::InitProducerIdFailed { attempt, error } => mix(84, attempt.into(), code(error), 0),
        Attempt::InitProducerIdUnknown { attempt } => mix(85, attempt.into(), 0, 0),
        Attempt::ProducerFatal { error } => mix(86, code(error), 0, 0),
        Attempt::ReadInvoked { attempt, api: which, partition, at } => {
            mix(87, u64::from(attempt) << 8 | api(which), place(partition), word(at))
        }
        Attempt::ReadOk { attempt, partition, number } => mix(88, attempt.into(), place(partition), word(number)),
        Attempt::ReadFailed { attempt, partition, error } => mix(89, attempt.into(), place(partition), code(error)),
        Attempt::ReadStale { attempt, partition, error } => mix(90, attempt.into(), place(partition), code(error)),
        Attempt::ReadUnknown { attempt } => mix(91, attempt.into(), 0, 0),
        Attempt::PollRecords { attempt, partition, leader_epoch, count } => {
            mix(92, two(attempt, count), place(partition), word(leader_epoch.0.into()))
        }
        Attempt::PollRecord { attempt, offset, value } => mix(93, attempt.into(), word(offset.0), value),
        Attempt::PositionSet { partition, offset, cause } => mix(94, place(partition), word(offset.0), cause as u64),
        Attempt::ConsumerError { partition, error } => mix(95, place(partition), code(error), 0),
        Attempt::AdminInvoked { attempt, operation, api_key, node } => {
            mix(96, two(attempt, operation), word(api_key.into()), word(node.0.into()))
        }
        Attempt::AdminResult { attempt, index, error, outcome } => {
            mix(97, two(attempt, index.into()), code(error), outcome as u64)
        }
        Attempt::AdminTopicId { attempt, index, topic_id } => {
            let [high, low] = [0, 8].map(|from| u64::from_be_bytes(std::array::from_fn(|i| topic_id.0[from + i])));
            mix(98, two(attempt, index.into()), high, low)
        }
        Attempt::AdminConfig { attempt, index, name_hash, value_hash } => {
            mix(99, two(attempt, index.into()), name_hash, value_hash)
        }
        Attempt::AdminAnswered { attempt, error } => mix(100, attempt.into(), code(error), 0),
        Attempt::AdminUnknown { attempt } => mix(101, attempt.into(), 0, 0),
        Attempt::OperationDone { operation, error } => mix(102, operation.into(), code(error), 0),
        Attempt::Unassigned { partition } => mix(117, place(partition), 0, 0),
        Attempt::EpochLost { partition, requested, answered } => {
            mix(103, place(partition), pair(requested.0, answered.0), 0)
        }
    }
}

/// Two `i32` as one word.
fn pair(high: i32, low: i32) -> u64 {
    u64::from(high as u32) << 32 | u64::from(low as u32)
}

fn client(event: AttemptEvent) -> u64 {
    match event {
        AttemptEvent::AppendInvoked { attempt, first_value, count } => {
            mix(21, u64::from(attempt), first_value, u64::from(count))
        }
        AttemptEvent::AppendOk { attempt, base_offset } => mix(22, u64::from(attempt), word(base_offset), 0),
        AttemptEvent::AppendFailed { attempt } => mix(23, u64::from(attempt), 0, 0),
        AttemptEvent::AppendUnknown { attempt } => mix(24, u64::from(attempt), 0, 0),
        AttemptEvent::ReadInvoked { attempt, from, at_most } => mix(25, u64::from(attempt), word(from), at_most.into()),
        AttemptEvent::ReadRecord { attempt, offset, value } => mix(26, u64::from(attempt), word(offset), value),
        AttemptEvent::ReadOk { attempt, applied_end } => mix(27, u64::from(attempt), word(applied_end), 0),
        AttemptEvent::ReadUnknown { attempt } => mix(28, u64::from(attempt), 0, 0),
    }
}

/// The identity of a post between threads.
pub fn post(post: &Post) -> u64 {
    match post {
        Post::WakeUp => mix(41, 0, 0, 0),
        Post::ListenerEvent => mix(42, 0, 0, 0),
        Post::ShuttingDown => mix(43, 0, 0, 0),
        Post::Start => mix(44, 0, 0, 0),
        Post::Published => mix(45, 0, 0, 0),
        Post::Applied => mix(46, 0, 0, 0),
        Post::Stop => mix(47, 0, 0, 0),
    }
}

/// The identity of an operation submitted from outside.
pub fn operation(operation: &ClientOperation) -> u64 {
    match operation {
        ClientOperation::Append { count } => mix(61, u64::from(*count), 0, 0),
        ClientOperation::AddVoter { node } => mix(116, u64::from(*node as u32), 0, 0),
        ClientOperation::RemoveVoter { node } => mix(117, u64::from(*node as u32), 0, 0),
        ClientOperation::DescribeQuorum => mix(119, 0, 0, 0),
        ClientOperation::UpgradeKraftVersion => mix(118, 0, 0, 0),
        ClientOperation::Rest => mix(62, 0, 0, 0),
        ClientOperation::Resume => mix(63, 0, 0, 0),
        ClientOperation::CreateTopics { topics } => {
            topics.iter().fold(mix(64, topics.len() as u64, 0, 0), |hash, topic| mix(64, hash, u64::from(*topic), 0))
        }
        ClientOperation::Send { topic, partition, count } => {
            mix(65, u64::from(*topic), u64::from(*partition as u32), u64::from(*count))
        }
        ClientOperation::Assign { topic, partition } => mix(66, u64::from(*topic), u64::from(*partition as u32), 0),
        ClientOperation::AppendRecords { records } => mix(67, u64::from(*records), 0, 0),
        ClientOperation::ReadFrom { server } => mix(68, u64::from(*server), 0, 0),
        ClientOperation::DeleteTopic { topic } => mix(69, u64::from(*topic), 0, 0),
        ClientOperation::CreatePartitions { topic, count } => mix(70, u64::from(*topic), u64::from(*count as u32), 0),
        ClientOperation::AlterConfig { topic, name, value } => {
            let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
            mix(111, u64::from(*topic), hash(name), value.as_deref().map_or(0, |value| hash(value) | 1))
        }
        ClientOperation::AlterBrokerConfig { broker, name, value } => {
            let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
            let broker = broker.map_or(0, |id| 1 + u64::from(id as u32));
            mix(115, broker, hash(name), value.as_deref().map_or(0, |value| hash(value) | 1))
        }
        ClientOperation::DescribeConfigs { topic } => mix(112, u64::from(*topic), 0, 0),
        ClientOperation::ElectLeaders { unclean, of } => {
            let of = of.map_or(0, |(topic, partition)| 1 + (u64::from(topic) << 32 | u64::from(partition as u32)));
            mix(113, u64::from(*unclean), of, 0)
        }
        ClientOperation::AssignAll => mix(114, 0, 0, 0),
        ClientOperation::Subscribe => mix(116, 0, 0, 0),
    }
}
