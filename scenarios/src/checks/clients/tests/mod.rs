//! For each rule a good history that passes, and the same with one answer altered that does not.

mod admin;
mod appends;
mod polls;
mod property;
mod retries;
mod validations;

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::client::{AttemptEvent, Outcome, PositionCause, ReadApi, TopicPartition};
use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use raft::log::{Batch, BatchBuilder, BatchProducer};
use raft::message::admin::{CreatableTopic, CreateTopicsRequest};
use raft::message::{AdminRequest, ErrorCode};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{Partition, ProducerIds, RegisterBroker, RemoveTopic, Topic};

use super::ClientHistories;
use super::counts::Remark;
use crate::checks::loss::facts::{Began, Fact};
use crate::checks::replication::committed_log::Change;
use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::Partitions;
use crate::checks::replication::producers;
use crate::checks::server_model::ledger::BatchId;
use crate::report::Linearizability;

/// Topic `t` in its first life.
const T: Uuid = Uuid([1; 16]);
/// The first of its partitions.
const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };
const BROKER: NodeId = NodeId(101);
const CREATE_TOPICS: i16 = 19;

/// What the histories receive.
#[derive(Clone, Debug)]
enum Step {
    /// A client did or learned something.
    Client(usize, AttemptEvent),
    /// What the attempt that a client tells of next requests.
    Operation(AdminRequest),
    /// The next record of the metadata log is committed.
    Metadata(MetadataRecord),
    /// A batch is committed: id of the topic, first value, count, producer.
    Commit(Uuid, u64, u32, Option<BatchProducer>),
    /// One of partition 0 of `t` and of this leader epoch: first value, count.
    CommitOf(i32, u64, u32),
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
    partitions: Partitions,
    verdict: Verdict,
}

impl Played {
    fn broke(&self) -> Option<&str> {
        self.verdict.violation().map(|violation| violation.invariant.as_str())
    }

    fn excused(&self, excuse: Excuse) -> u64 {
        self.verdict.excused().find(|(other, _)| *other == excuse).map_or(0, |(_, count)| count)
    }

    fn remarked(&self, remark: Remark) -> u64 {
        self.histories.counts.remarks.get(&remark).copied().unwrap_or(0)
    }

    fn counts(&self, kind: &str) -> (u64, u64, u64) {
        let counts = self.histories.counts.operations().find(|(other, _)| *other == kind);
        counts.map_or((0, 0, 0), |(_, counts)| (counts.ok, counts.fail, counts.unknown))
    }
}

/// Plays a history behind the prelude; the run continues.
fn so_far(steps: &[Step]) -> Played {
    let histories = ClientHistories::new(&["t".into()], 1, &[BROKER]);
    let mut played =
        Played { histories, partitions: Partitions::new([NodeId(1)].into()), verdict: Verdict::new(false) };
    let (mut metadata, mut requested) = (0, None);
    for step in prelude().iter().chain(steps) {
        played.verdict.now_ns += 1_000_000;
        if played.log_events(step) {
            continue;
        }
        let Played { histories, partitions, verdict } = &mut played;
        match step.clone() {
            Step::Client(client, event) => {
                histories.attempt(client, event, partitions, verdict);
                if let Some(request) = requested.take() {
                    histories.admin_sent(client, &request);
                }
            }
            Step::Operation(request) => requested = Some(request),
            Step::Metadata(record) => {
                histories.metadata_committed(Offset(metadata), &record, verdict);
                if let MetadataRecord::RemoveTopic(RemoveTopic { topic_id }) = record {
                    let index = partitions.index_of(TopicIdPartition { topic_id, partition: 0 });
                    partitions[index].facts.push(Fact::Deleted);
                }
                metadata += 1;
            }
            Step::Forwarded(broker, connection) => histories.forwarded(broker, connection),
            Step::Healed => histories.healed(partitions, verdict),
            _ => unreachable!("it is told of a log"),
        }
    }
    played
}

/// Plays a history behind the prelude, to its end.
fn play(steps: &[Step]) -> Played {
    let mut played = so_far(steps);
    played.finish(true, false);
    let expected = if played.broke().is_some() { Linearizability::Violated } else { Linearizability::Holds };
    assert_eq!(played.histories.linearizability(&played.verdict), expected);
    played
}

impl Played {
    fn finish(&mut self, complete: bool, overdue: bool) {
        self.histories.finish((complete, overdue), &mut self.partitions, &mut self.verdict);
    }

    fn partition(&mut self, topic_id: Uuid) -> &mut PartitionModel {
        let index = self.partitions.index_of(TopicIdPartition { topic_id, partition: 0 });
        &mut self.partitions[index]
    }

    /// The only replica's log, whose leaders begin one after the other.
    fn began(&mut self, deposed: Option<(i32, i64)>) -> Began {
        let at = self.verdict.event;
        let partition = self.partition(T);
        let log = &partition.replicas[0].log;
        let begun = partition.facts.iter().filter(|fact| matches!(fact, Fact::Began(_))).count();
        let (epoch, agreed_end) =
            deposed.unwrap_or((i32::try_from(begun).unwrap() + 2, partition.end_of(log.count()).0));
        Began {
            at,
            epoch: LeaderEpoch(epoch),
            server: 0,
            log: log.prefix(log.count()),
            agreed_end: Offset(agreed_end),
            others: Default::default(),
            deposed: deposed.is_some(),
            if_lost: Excuse::AckedLostWithLastGuard,
        }
    }

    fn with_partition(&mut self, topic_id: Uuid, does: impl FnOnce(&mut PartitionModel, &mut Verdict)) {
        self.verdict.event += 1;
        let index = self.partitions.index_of(TopicIdPartition { topic_id, partition: 0 });
        does(&mut self.partitions[index], &mut self.verdict);
        for (partition, change) in std::mem::take(&mut self.verdict.log_changes) {
            self.histories.log_changed(partition, &change, &mut self.partitions, &mut self.verdict);
            if let (Change::Grown { place, .. }, Some(index)) = (&change, self.partitions.find(partition)) {
                producers::follows(&self.partitions[index], *place, &mut self.verdict);
            }
        }
    }

    fn begins(&mut self) {
        let began = self.began(None);
        self.with_partition(T, |partition, verdict| {
            let (place, agreed) = (partition.facts.len(), partition.replicas[0].log.agreed);
            partition.facts.push(Fact::Began(began));
            let lacked = partition.committed.get(agreed);
            let cause = lacked.map(|lacked| partition.losses().may_begin_without(place, *lacked));
            assert_ne!(cause, Some(None), "with a cause");
            if cause.is_some() || partition.losses().is_cut(place) {
                partition.cut(agreed, verdict);
            }
        });
    }

    /// A batch behind what the replica holds below `base`: somebody has written it.
    fn writes(&mut self, base: i64, value: u64) -> BatchId {
        let batch = BatchBuilder::new(Offset(base), LeaderEpoch(1), 0).value(value).build();
        let header = Batch::peek_header(&batch.bytes).unwrap();
        let partition = self.partition(T);
        let replica = &partition.replicas[0];
        let before = replica.log.prefix(replica.count_to(Offset(base), &partition.ledger).unwrap_or(0));
        partition.ledger.record(&header, before, &batch.bytes, 0).id
    }

    /// What steps say of partitions' logs.
    fn log_events(&mut self, step: &Step) -> bool {
        match *step {
            Step::Commit(topic_id, first, count, producer) => self.commit((topic_id, 1), first, count, producer),
            Step::CommitOf(epoch, first, count) => self.commit((T, epoch), first, count, None),
            Step::Cut(end) => {
                let partition = self.partition(T);
                let count = partition.replicas[0].count_to(Offset(end), &partition.ledger).unwrap_or(0);
                let sizes =
                    (0..count).map(|at| partition.ledger.get(partition.replicas[0].log.get(at).unwrap()).size());
                let bytes = sizes.sum();
                let PartitionModel { ledger, replicas, .. } = partition;
                replicas[0].log.truncate(Offset(0), bytes, ledger);
                replicas[0].log.agreed = count;
                partition.facts.push(Fact::UncleanElection { epoch: LeaderEpoch(2) });
                self.begins();
            }
            Step::Lost(base, value) => {
                let (had, left) = (self.writes(base, value), self.began(None).log);
                let registered = BrokerEpoch(0);
                self.partition(T).facts.push(Fact::Destroyed { server: 0, had, left, registered });
                self.begins();
            }
            Step::Served(base, value) => {
                self.writes(base, value);
                self.partition(T).facts.push(Fact::UncleanElection { epoch: LeaderEpoch(2) });
                self.begins();
            }
            Step::SendsBack(to, epoch) => {
                let began = self.began(Some((epoch, to)));
                let elected = Fact::UncleanElection { epoch: LeaderEpoch(epoch) };
                self.partition(T).facts.extend([elected, Fact::Began(began)]);
            }
            Step::LedUntilNow(epoch) => {
                let at = self.verdict.event;
                self.partition(T).facts.push(Fact::Ended { epoch: LeaderEpoch(epoch), at });
            }
            _ => return false,
        }
        true
    }

    fn commit(&mut self, (topic_id, epoch): (Uuid, i32), first: u64, count: u32, producer: Option<BatchProducer>) {
        let partition = self.partition(topic_id);
        let end = partition.committed_end();
        let mut builder = BatchBuilder::new(end, LeaderEpoch(epoch), 0);
        if let Some(producer) = producer {
            builder.producer(producer);
        }
        for value in first..first + u64::from(count) {
            builder.value(value);
        }
        let batch = builder.build();
        let header = Batch::peek_header(&batch.bytes).unwrap();
        let PartitionModel { ledger, replicas, .. } = partition;
        replicas[0].log.open(Offset(0), false, ledger);
        let (_, fault) = replicas[0].log.append(Offset(0), &header, &batch.bytes, 0, ledger);
        assert_eq!(fault, None);
        self.with_partition(topic_id, |partition, verdict| {
            assert!(partition.extend(0, batch.next_offset(), verdict));
        });
    }
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
