//! Records what the clients of a run did: their attempts as they report them, and the admin requests that they send. It
//! receives nothing from servers.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use raft::client::{AttemptEvent as Attempt, Outcome, ReadApi, TopicPartition, text_hash};
use raft::ids::Uuid;
use raft::message::admin::{AlterConfigsResource, AlterableConfig};
use raft::message::{AdminRequest, ErrorCode};

use super::admin::{AdminAction, AdminOp, Answered, Change};
use super::log::LogOp;
use super::{History, Op};
use crate::actor::AttemptEvent;
use crate::wgl::Operation;

/// An admin attempt: by its client and number.
#[derive(Clone, Debug, Default)]
struct AdminAttempt {
    /// Places of the entries' operations, once the request is sent.
    entries: Option<Vec<Option<usize>>>,
    /// What the response says of an entry before its result: the topic's id.
    ids: BTreeMap<u16, Uuid>,
    configs: BTreeMap<u16, Vec<(u64, u64)>>,
}

/// An attempt of a client that is not an admin client; one attempt reads several partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Produce(usize, u32),
    Read(usize, u32, TopicPartition),
    ProducerId(usize, u32),
    Append(usize, u32),
    QuorumRead(usize, u32),
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    topics: Vec<Rc<str>>,
    history: History,
    open: BTreeMap<Key, usize>,
    admins: BTreeMap<(usize, u32), AdminAttempt>,
    /// Produced with less than `acks=all`, by client and attempt.
    of_leader_only: BTreeSet<(usize, u32)>,
    /// The partition of the records that are being reported, by client and attempt.
    polling: BTreeMap<(usize, u32), TopicPartition>,
    /// Config values that were sent, by hash: descriptions report hashes.
    texts: BTreeMap<u64, Rc<str>>,
    /// Topics whose deletion was requested: the name may stand for several logs.
    deleted: BTreeSet<String>,
    /// Free processes of each client, and how many it has had: a process has one attempt at a time, and none after an
    /// attempt without a response.
    processes: BTreeMap<usize, (Vec<u64>, u64)>,
}

/// `acks=all`
const ALL: i8 = -1;
/// The first process number of a client is its index times this.
const PROCESSES_OF_A_CLIENT: u64 = 1_000_000;

impl Recorder {
    /// `topics` is the list of names that Kafka clients were configured with.
    pub fn new(topics: &[Rc<str>]) -> Recorder {
        Recorder { topics: topics.to_vec(), ..Recorder::default() }
    }

    /// The history, at the end of the run. Reads without a response, and partitions of topics that were deleted, are
    /// left out.
    pub fn into_history(mut self) -> History {
        let is_notified = |operation: &Operation<Op>| match &operation.op {
            Op::Log { name, op } => {
                let is_kept = name.rsplit_once('-').is_none_or(|(topic, _)| !self.deleted.contains(topic));
                is_kept && !(operation.returned.is_none() && matches!(op, LogOp::Read { .. }))
            }
            Op::Topic { op: AdminOp { requested: AdminAction::Describe, .. }, .. }
            | Op::Broker { op: AdminOp { requested: AdminAction::Describe, .. }, .. } => operation.returned.is_some(),
            _ => true,
        };
        self.history.operations.retain(is_notified);
        self.history.close_gaps();
        self.history
    }

    /// A Kafka client reported an event of an attempt.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: Attempt) {
        match event {
            Attempt::ProduceInvoked { attempt, partition, acks, .. } => {
                if acks != ALL {
                    self.of_leader_only.insert((client, attempt));
                }
                let op = LogOp::Append { values: Vec::new(), offset: None };
                self.called(at_ns, client, Key::Produce(client, attempt), self.log(partition, op));
            }
            Attempt::ProduceValues { attempt, first_value, count } => {
                if let Some(LogOp::Append { values, .. }) = self.log_op(Key::Produce(client, attempt)) {
                    values.extend(first_value..first_value + u64::from(count));
                }
            }
            // With `acks=1` or `acks=0` the record may be on the leader only: nothing is promised.
            Attempt::ProduceOk { attempt, .. } if self.of_leader_only.contains(&(client, attempt)) => {
                self.lost(Key::Produce(client, attempt));
            }
            Attempt::ProduceOk { attempt, base_offset } => {
                let key = Key::Produce(client, attempt);
                if let Some(LogOp::Append { offset, .. }) = self.log_op(key) {
                    *offset = (base_offset.0 >= 0).then_some(base_offset.0);
                }
                self.returned(at_ns, client, key);
            }
            Attempt::ProduceFailed { attempt, .. } => self.refused(at_ns, client, Key::Produce(client, attempt)),
            Attempt::ProduceUnknown { attempt, .. } => self.lost(Key::Produce(client, attempt)),
            Attempt::ReadInvoked { attempt, api: ReadApi::Fetch, partition, .. } => {
                let op = self.log(partition, LogOp::Read { records: Vec::new() });
                self.called(at_ns, client, Key::Read(client, attempt, partition), op);
            }
            Attempt::PollRecords { attempt, partition, .. } => {
                self.polling.insert((client, attempt), partition);
            }
            Attempt::PollRecord { attempt, offset, value } => {
                let Some(partition) = self.polling.get(&(client, attempt)) else { return };
                if let Some(LogOp::Read { records }) = self.log_op(Key::Read(client, attempt, *partition)) {
                    records.push((offset.0, value));
                }
            }
            Attempt::ReadOk { attempt, partition, .. } => {
                self.returned(at_ns, client, Key::Read(client, attempt, partition));
            }
            Attempt::InitProducerIdInvoked { attempt, .. } => {
                self.called(at_ns, client, Key::ProducerId(client, attempt), Op::ProducerId { given: None });
            }
            Attempt::InitProducerIdOk { attempt, producer_id, .. } => {
                let key = Key::ProducerId(client, attempt);
                if let Some(Op::ProducerId { given }) = self.op(key) {
                    *given = Some(producer_id.0);
                }
                self.returned(at_ns, client, key);
            }
            Attempt::InitProducerIdFailed { attempt, .. } => {
                self.returned(at_ns, client, Key::ProducerId(client, attempt));
            }
            Attempt::InitProducerIdUnknown { attempt } => self.lost(Key::ProducerId(client, attempt)),
            _ => self.administered(at_ns, client, event),
        }
    }

    fn administered(&mut self, at_ns: u64, client: usize, event: Attempt) {
        match event {
            Attempt::AdminInvoked { attempt, .. } => {
                self.admins.insert((client, attempt), AdminAttempt::default());
            }
            Attempt::AdminTopicId { attempt, index, topic_id } => {
                if let Some(attempt) = self.admins.get_mut(&(client, attempt)) {
                    attempt.ids.insert(index, topic_id);
                }
            }
            Attempt::AdminConfig { attempt, index, name_hash, value_hash } => {
                if let Some(attempt) = self.admins.get_mut(&(client, attempt))
                    && value_hash != 0
                {
                    attempt.configs.entry(index).or_default().push((name_hash, value_hash));
                }
            }
            Attempt::AdminResult { attempt, index, error, outcome } => {
                self.entry_answered(at_ns, client, attempt, index, (error, outcome));
            }
            Attempt::AdminAnswered { attempt, .. } | Attempt::AdminUnknown { attempt } => {
                self.admins.remove(&(client, attempt));
            }
            _ => {}
        }
    }

    /// A client sends the request of its newest admin attempt.
    pub fn sent(&mut self, at_ns: u64, client: usize, request: &AdminRequest) {
        let newest = self.admins.range_mut((client, 0)..=(client, u32::MAX)).next_back();
        let Some(((_, number), attempt)) = newest.filter(|(_, attempt)| attempt.entries.is_none()) else { return };
        let number = *number;
        attempt.entries = Some(Vec::new());
        let mut entries = Vec::new();
        for requested in self.entries_of(request) {
            entries.push(requested.map(|op| {
                let process = self.process(client);
                self.push(at_ns, process, op)
            }));
        }
        if let Some(attempt) = self.admins.get_mut(&(client, number)) {
            attempt.entries = Some(entries);
        }
    }

    /// The operation of each entry of a request; `None` if it is no operation on an object of the history.
    fn entries_of(&mut self, request: &AdminRequest) -> Vec<Option<Op>> {
        let topic = |name: &Rc<str>, requested: AdminAction| {
            Some(Op::Topic { name: name.to_string(), op: AdminOp { requested, answered: None } })
        };
        match request {
            AdminRequest::CreateTopics(request) if !request.validate_only => {
                for config in request.topics.iter().flat_map(|topic| topic.configs.iter()) {
                    self.learn(&config.name, config.value.as_ref());
                }
                let create = |of: &raft::message::admin::CreatableTopic| {
                    let configs = of.configs.iter().filter_map(|config| Some((&config.name, config.value.as_ref()?)));
                    let configs = configs.map(|(name, value)| (name.to_string(), value.to_string())).collect();
                    let partitions = u32::try_from(of.num_partitions).ok();
                    topic(&of.name, AdminAction::Create { partitions, configs })
                };
                request.topics.iter().map(create).collect()
            }
            AdminRequest::DeleteTopics(request) => {
                let names = request.topics.iter().filter_map(|topic| topic.name.as_ref());
                self.deleted.extend(names.map(|name| name.to_string()));
                let delete =
                    |of: &raft::message::admin::DeleteTopicState| topic(of.name.as_ref()?, AdminAction::Delete);
                request.topics.iter().map(delete).collect()
            }
            AdminRequest::CreatePartitions(request) if !request.validate_only => {
                let grow = |of: &raft::message::admin::CreatePartitionsTopic| {
                    topic(&of.name, AdminAction::Grow { partitions: u32::try_from(of.count).ok()? })
                };
                request.topics.iter().map(grow).collect()
            }
            AdminRequest::IncrementalAlterConfigs(request) if !request.validate_only => {
                for config in request.resources.iter().flat_map(|resource| resource.configs.iter()) {
                    self.learn(&config.name, config.value.as_ref());
                }
                let alter = |of: &AlterConfigsResource| {
                    on_resource(of.resource_type, &of.resource_name, AdminAction::Alter(changes_of(&of.configs)))
                };
                request.resources.iter().map(alter).collect()
            }
            AdminRequest::DescribeConfigs(request) => {
                let describe = |of: &raft::message::admin::DescribeConfigsResource| {
                    on_resource(of.resource_type, &of.resource_name, AdminAction::Describe)
                };
                request.resources.iter().map(describe).collect()
            }
            _ => Vec::new(),
        }
    }

    fn entry_answered(
        &mut self,
        at_ns: u64,
        client: usize,
        number: u32,
        index: u16,
        (error, outcome): (ErrorCode, Outcome),
    ) {
        let Some(attempt) = self.admins.get(&(client, number)) else { return };
        let entry = attempt.entries.as_ref().and_then(|entries| entries.get(usize::from(index)).copied().flatten());
        let Some(place) = entry.filter(|_| outcome != Outcome::Unknown) else { return };
        let text = |hash: &u64| self.texts.get(hash).map_or_else(|| format!("#{hash:016x}"), |text| text.to_string());
        let described = attempt.configs.get(&index).into_iter().flatten();
        let described = described.map(|(name, value)| (text(name), text(value))).collect();
        let id = attempt.ids.get(&index).map(Uuid::to_string);
        if let Op::Topic { op, .. } | Op::Broker { op, .. } = &mut self.history.operations[place].op {
            op.answered = Some(match (outcome, &op.requested) {
                (Outcome::Done, AdminAction::Describe) => Answered::Described(described),
                (Outcome::Done, _) => Answered::Done { id },
                (Outcome::Failed | Outcome::Unknown, _) => Answered::Refused { error: format!("{error:?}") },
            });
        }
        self.end(at_ns, client, place);
    }

    /// Keeps the values of a config, by hash.
    fn learn(&mut self, name: &Rc<str>, value: Option<&Rc<str>>) {
        for text in std::iter::once(name).chain(value) {
            self.texts.insert(text_hash(text), Rc::clone(text));
        }
    }

    /// A client of a quorum without brokers reported an event.
    pub fn client(&mut self, at_ns: u64, client: usize, event: AttemptEvent) {
        let log = |op: LogOp| Op::Log { name: "quorum".to_owned(), op };
        match event {
            AttemptEvent::AppendInvoked { attempt, first_value, count } => {
                let values = (first_value..first_value + u64::from(count)).collect();
                let op = log(LogOp::Append { values, offset: None });
                self.called(at_ns, client, Key::Append(client, attempt), op);
            }
            AttemptEvent::AppendOk { attempt, base_offset } => {
                let key = Key::Append(client, attempt);
                if let Some(LogOp::Append { offset, .. }) = self.log_op(key) {
                    *offset = Some(base_offset);
                }
                self.returned(at_ns, client, key);
            }
            AttemptEvent::AppendFailed { attempt } => self.refused(at_ns, client, Key::Append(client, attempt)),
            AttemptEvent::AppendUnknown { attempt } => self.lost(Key::Append(client, attempt)),
            AttemptEvent::ReadInvoked { attempt, .. } => {
                let op = log(LogOp::Read { records: Vec::new() });
                self.called(at_ns, client, Key::QuorumRead(client, attempt), op);
            }
            AttemptEvent::ReadRecord { attempt, offset, value } => {
                if let Some(LogOp::Read { records }) = self.log_op(Key::QuorumRead(client, attempt)) {
                    records.push((offset, value));
                }
            }
            AttemptEvent::ReadOk { attempt, .. } => self.returned(at_ns, client, Key::QuorumRead(client, attempt)),
            AttemptEvent::ReadUnknown { attempt } => self.lost(Key::QuorumRead(client, attempt)),
        }
    }

    fn log(&self, partition: TopicPartition, op: LogOp) -> Op {
        let topic = self.topics.get(usize::from(partition.topic)).map_or("?", |name| name);
        Op::Log { name: [topic, "-", &partition.partition.to_string()].concat(), op }
    }

    fn op(&mut self, key: Key) -> Option<&mut Op> {
        Some(&mut self.history.operations[*self.open.get(&key)?].op)
    }

    fn log_op(&mut self, key: Key) -> Option<&mut LogOp> {
        match self.op(key)? {
            Op::Log { op, .. } => Some(op),
            _ => None,
        }
    }

    fn called(&mut self, at_ns: u64, client: usize, key: Key, op: Op) {
        let process = self.process(client);
        let place = self.push(at_ns, process, op);
        self.open.insert(key, place);
    }

    fn push(&mut self, at_ns: u64, process: u64, op: Op) -> usize {
        let called = self.place(at_ns);
        self.history.operations.push(Operation { process, called, returned: None, op });
        self.history.operations.len() - 1
    }

    /// The next place of a call or a response.
    fn place(&mut self, at_ns: u64) -> u64 {
        self.history.at_ns.push(at_ns);
        self.history.at_ns.len() as u64 - 1
    }

    fn process(&mut self, client: usize) -> u64 {
        let (free, count) = self.processes.entry(client).or_default();
        free.pop().unwrap_or_else(|| {
            *count += 1;
            client as u64 * PROCESSES_OF_A_CLIENT + *count - 1
        })
    }

    fn returned(&mut self, at_ns: u64, client: usize, key: Key) {
        if let Some(place) = self.open.remove(&key) {
            self.end(at_ns, client, place);
        }
    }

    fn end(&mut self, at_ns: u64, client: usize, place: usize) {
        let returned = self.place(at_ns);
        let operation = &mut self.history.operations[place];
        operation.returned = Some(returned);
        let process = operation.process;
        self.processes.entry(client).or_default().0.push(process);
    }

    /// An append was definitely refused.
    fn refused(&mut self, at_ns: u64, client: usize, key: Key) {
        if let Some(op) = self.log_op(key)
            && let LogOp::Append { values, .. } = op
        {
            *op = LogOp::Refused { values: std::mem::take(values) };
        }
        self.returned(at_ns, client, key);
    }

    /// No response will arrive.
    fn lost(&mut self, key: Key) {
        self.open.remove(&key);
    }
}

/// An operation on a topic or a broker.
fn on_resource(resource_type: i8, name: &Rc<str>, requested: AdminAction) -> Option<Op> {
    const TOPIC_RESOURCE: i8 = 2;
    const BROKER_RESOURCE: i8 = 4;
    let (name, op) = (name.to_string(), AdminOp { requested, answered: None });
    match resource_type {
        TOPIC_RESOURCE => Some(Op::Topic { name, op }),
        BROKER_RESOURCE => Some(Op::Broker { name, op }),
        _ => None,
    }
}

/// The last change of each config.
fn changes_of(configs: &[AlterableConfig]) -> BTreeMap<String, Change> {
    let change = |config: &AlterableConfig| {
        let value = config.value.as_ref().map(|value| value.to_string());
        let change = match (config.config_operation, value) {
            (0, Some(value)) => Change::Set(value),
            (1, _) => Change::Delete,
            (2, Some(value)) => Change::Append(value),
            (3, Some(value)) => Change::Subtract(value),
            _ => return None,
        };
        Some((config.name.to_string(), change))
    };
    configs.iter().filter_map(change).collect()
}
