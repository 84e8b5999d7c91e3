//! For each rule a good history that passes, and the same with one answer altered that does not.

mod admin;
mod appends;
mod polls;
mod property;

use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::client::{AttemptEvent, Outcome, PositionCause, ReadApi, TopicPartition};
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use raft::log::{BatchBuilder, BatchProducer};
use raft::message::admin::{CreatableTopic, CreateTopicsRequest};
use raft::message::{AdminRequest, ErrorCode};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{Partition, ProducerIds, RegisterBroker, RemoveTopic, Topic};

use super::ClientHistories;
use crate::checks::verdict::{Excuse, Verdict};
use crate::report::Linearizability;

/// Topic `t` in its first life.
const T: Uuid = Uuid([1; 16]);
/// The first of its partitions.
const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };
const BROKER: NodeId = NodeId(101);
const CREATE_TOPICS: i16 = 19;

/// What is told to the room.
#[derive(Clone, Debug)]
enum Step {
    /// A client did or learned something.
    Client(usize, AttemptEvent),
    /// What the attempt that a client tells of next asks for.
    Operation(AdminRequest),
    /// The next record of the metadata log is committed.
    Metadata(MetadataRecord),
    /// A batch is committed: id of the topic, first value, count, producer.
    Commit(Uuid, u64, u32, Option<BatchProducer>),
    /// What partition 0 of `t` holds from there on is destroyed.
    Cut(i64),
    /// A batch of it that was not committed is: where it began, and its value.
    Lost(i64, u64),
    /// A deposed leader serves what never can be committed: where it stands, and its value.
    Served(i64, u64),
    /// A leader of an epoch, which lacks what is behind, sends consumers back there.
    SendsBack(i64, i32),
    /// It leads no more.
    LedUntilNow(i32),
    /// A broker forwards over a connection.
    Forwarded(NodeId, u64),
    /// All faults are over.
    Healed,
}

/// What came of a history.
struct Played {
    histories: ClientHistories,
    verdict: Verdict,
}

impl Played {
    fn broke(&self) -> Option<&str> {
        self.verdict.violation().map(|violation| violation.invariant.as_str())
    }

    fn excused(&self, excuse: Excuse) -> u64 {
        self.verdict.excused().find(|(other, _)| *other == excuse).map_or(0, |(_, count)| count)
    }

    fn remarked(&self, name: &str) -> u64 {
        self.histories.counts().remarks().find(|(other, _)| *other == name).map_or(0, |(_, count)| count)
    }

    fn counts(&self, kind: &str) -> (u64, u64, u64) {
        let counts = self.histories.counts().operations().find(|(other, _)| *other == kind);
        counts.map_or((0, 0, 0), |(_, counts)| (counts.ok, counts.fail, counts.unknown))
    }
}

/// Plays a history behind the prelude; the run goes on.
fn so_far(steps: &[Step]) -> Played {
    let mut played = Played { histories: ClientHistories::new(&["t".into()], &[BROKER]), verdict: Verdict::new(false) };
    let (mut metadata, mut ends, mut asked) = (0, std::collections::BTreeMap::new(), None);
    for step in prelude().iter().chain(steps) {
        let Played { histories, verdict } = &mut played;
        verdict.now_ns += 1_000_000;
        match step.clone() {
            Step::Client(client, event) => {
                histories.attempt(client, event, verdict);
                if let Some(request) = asked.take() {
                    histories.admin_sent(client, &request);
                }
            }
            Step::Operation(request) => asked = Some(request),
            Step::Metadata(record) => {
                histories.metadata_committed(Offset(metadata), &record, verdict);
                metadata += 1;
            }
            Step::Commit(topic_id, first, count, producer) => {
                let end = ends.entry(topic_id).or_insert(0_i64);
                let mut builder = BatchBuilder::new(Offset(*end), LeaderEpoch(1), 0);
                if let Some(producer) = producer {
                    builder.producer(producer);
                }
                for value in first..first + u64::from(count) {
                    builder.value(value);
                }
                *end += i64::from(count);
                let batch = builder.build();
                histories.partition_committed(tag(topic_id), &batch, verdict);
            }
            Step::Cut(end) => {
                ends.insert(T, end);
                histories.partition_cut(tag(T), Offset(end), verdict);
            }
            Step::Lost(base, value) => {
                let batch = BatchBuilder::new(Offset(base), LeaderEpoch(1), 0).value(value).build();
                histories.partition_lost(tag(T), batch.next_offset(), Some(&batch));
            }
            Step::Served(base, value) => {
                let batch = BatchBuilder::new(Offset(base), LeaderEpoch(1), 0).value(value).build();
                histories.partition_served(tag(T), &batch, Offset(base));
            }
            Step::SendsBack(to, epoch) => histories.partition_sends_back(tag(T), Offset(to), LeaderEpoch(epoch)),
            Step::LedUntilNow(epoch) => histories.partition_led_until_now(tag(T), LeaderEpoch(epoch)),
            Step::Forwarded(broker, connection) => histories.forwarded(broker, connection),
            Step::Healed => histories.healed(),
        }
    }
    played
}

/// Plays a history behind the prelude, to its end.
fn play(steps: &[Step]) -> Played {
    let mut played = so_far(steps);
    played.histories.finish(true, false, &mut played.verdict);
    let expected = if played.broke().is_some() { Linearizability::Violated } else { Linearizability::Holds };
    assert_eq!(played.histories.linearizability(&played.verdict), expected);
    played
}

fn tag(topic_id: Uuid) -> PartitionTag {
    PartitionTag::from(TopicIdPartition { topic_id, partition: 0 })
}

/// Broker 101 is registered and has producer ids 0 to 999; client 0 has created topic `t`.
fn prelude() -> Vec<Step> {
    let broker = RegisterBroker {
        broker_id: BROKER,
        is_migrating_zk_broker: false,
        incarnation_id: Uuid([9; 16]),
        broker_epoch: BrokerEpoch(0),
        end_points: Rc::from([]),
        features: Rc::from([]),
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: Rc::from([]),
        cordoned_log_dirs: None,
    };
    let ids = ProducerIds { broker_id: BROKER, broker_epoch: BrokerEpoch(0), next_producer_id: ProducerId(1_000) };
    let mut steps =
        vec![Step::Metadata(MetadataRecord::RegisterBroker(broker)), Step::Metadata(MetadataRecord::ProducerIds(ids))];
    steps.extend(creates("t", T, 1));
    steps
}

/// Client 0 creates a topic of one partition by its attempt and operation of this number.
fn creates(name: &str, id: Uuid, number: u32) -> Vec<Step> {
    vec![
        Step::Operation(create(name)),
        calls(0, number, CREATE_TOPICS),
        topic(name, id),
        partition(id, 0),
        Step::Client(0, AttemptEvent::AdminTopicId { attempt: number, index: 0, topic_id: id }),
        result(0, number, ErrorCode::None, Outcome::Done),
        answered(0, number),
    ]
}

fn create(name: &str) -> AdminRequest {
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        assignments: Rc::from([]),
        configs: Rc::from([]),
    };
    AdminRequest::CreateTopics(CreateTopicsRequest {
        topics: Rc::from([topic]),
        timeout_ms: 1_000,
        validate_only: false,
    })
}

fn topic(name: &str, id: Uuid) -> Step {
    Step::Metadata(MetadataRecord::Topic(Topic { name: name.into(), topic_id: id }))
}

fn remove(id: Uuid) -> Step {
    Step::Metadata(MetadataRecord::RemoveTopic(RemoveTopic { topic_id: id }))
}

fn partition(topic_id: Uuid, partition_id: i32) -> Step {
    Step::Metadata(MetadataRecord::Partition(Partition {
        partition_id,
        topic_id,
        replicas: Rc::from([BROKER]),
        isr: Rc::from([BROKER]),
        removing_replicas: Rc::from([]),
        adding_replicas: Rc::from([]),
        leader: BROKER,
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        directories: Rc::from([]),
        eligible_leader_replicas: None,
        last_known_elr: None,
    }))
}

fn calls(client: usize, number: u32, api_key: i16) -> Step {
    Step::Client(client, AttemptEvent::AdminInvoked { attempt: number, operation: number, api_key, node: BROKER })
}

fn result(client: usize, attempt: u32, error: ErrorCode, outcome: Outcome) -> Step {
    Step::Client(client, AttemptEvent::AdminResult { attempt, index: 0, error, outcome })
}

fn answered(client: usize, attempt: u32) -> Step {
    Step::Client(client, AttemptEvent::AdminAnswered { attempt, error: ErrorCode::None })
}
