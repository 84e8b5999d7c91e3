//! What the applications of Kafka clients request, and when.

use std::collections::BTreeSet;
use std::rc::Rc;

use raft::client::{AdminOperation, AttemptEvent, Consumer, ConsumerOperation, ProducerOperation, TopicPartition};
use raft::ids::Uuid;
use raft::message::admin::*;
use raft::message::{AdminRequest, ErrorCode};
use sim::rng::Entropy;
use smallvec::SmallVec;

use super::spec::{Fresh, Topics};
use crate::workload::ClientOperation;

/// Wait before something that failed is requested again, ns.
const RETRY_NS: u64 = 500_000_000;
/// A producer with so many values under way sends no more.
const MAX_OUTSTANDING: usize = 500;
/// ConfigResource.Type.TOPIC and BROKER
const TOPIC_RESOURCE: i8 = 2;
const BROKER_RESOURCE: i8 = 4;
/// IncrementalAlterConfigs: OpType.SET and DELETE
const SET: i8 = 0;
const DELETE: i8 = 1;
/// ElectLeaders: ElectionType.PREFERRED and UNCLEAN
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;
const MIN_ISR: &str = "min.insync.replicas";
const RETENTION: &str = "retention.ms";
const BROKERS_RETENTION: &str = "log.retention.ms";
/// One in so many values goes to a topic that comes and goes, as long as few are under way.
const PASSING_SHARE: u64 = 6;
const MAX_OUTSTANDING_TO_PASSING: usize = 60;
/// Clients write and read the first partitions of such a topic, whether they are there or not.
const PASSING_PARTITIONS: u64 = 2;

/// An application of an admin client: one operation at a time.
#[derive(Clone, Debug)]
pub struct AdminApplication {
    topics: Topics,
    interval_ns: u64,
    /// Only creates its own topic, until that is there.
    is_fresh: bool,
    next_operation: u32,
    in_progress: Option<u32>,
    /// The newest attempt at it.
    attempt: u32,
    /// What has to be created first.
    to_create: Vec<usize>,
    /// Something of the operation in progress failed.
    failed: Vec<u16>,
    next_ns: u64,
}

impl AdminApplication {
    pub fn new(topics: Topics, interval_ns: u64, fresh: Option<&Fresh>, start_ns: u64) -> AdminApplication {
        let is_fresh = fresh.is_some();
        let to_create = match fresh {
            Some(fresh) => fresh.creates.iter().map(|topic| usize::from(*topic)).chain([topics.fresh()]).collect(),
            None => (0..usize::from(topics.lasting)).collect(),
        };
        AdminApplication {
            topics,
            interval_ns,
            is_fresh,
            next_operation: 1,
            in_progress: None,
            attempt: 0,
            to_create,
            failed: Vec::new(),
            next_ns: start_ns,
        }
    }

    /// When it acts next; `None` while it waits for an answer, and when it is done.
    pub fn next_ns(&self) -> Option<u64> {
        let is_done = self.is_fresh && self.to_create.is_empty();
        (self.in_progress.is_none() && !is_done).then_some(self.next_ns)
    }

    /// Learns what came of its operation.
    pub fn on_event(&mut self, event: AttemptEvent, now_ns: u64) {
        match event {
            AttemptEvent::AdminInvoked { attempt, operation, .. } if self.in_progress == Some(operation) => {
                self.attempt = attempt;
                self.failed.clear();
            }
            AttemptEvent::AdminResult { attempt, index, error, .. }
                if attempt == self.attempt && !matches!(error, ErrorCode::None | ErrorCode::TopicAlreadyExists) =>
            {
                self.failed.push(index);
            }
            AttemptEvent::OperationDone { operation, error } if self.in_progress == Some(operation) => {
                self.in_progress = None;
                self.next_ns = now_ns + self.interval_ns;
                if self.to_create.is_empty() {
                    return;
                }
                if error == ErrorCode::None {
                    let failed = std::mem::take(&mut self.failed);
                    let left = failed.iter().filter_map(|index| self.to_create.get(usize::from(*index)).copied());
                    self.to_create = left.collect();
                }
                if !self.to_create.is_empty() {
                    self.next_ns = now_ns + RETRY_NS;
                }
            }
            _ => {}
        }
    }

    /// What it requests next; [`AdminApplication::begin`] it.
    pub fn draw_next(&self, entropy: &mut Entropy) -> ClientOperation {
        if self.to_create.is_empty() {
            return self.draw(entropy);
        }
        ClientOperation::CreateTopics { topics: self.to_create.iter().map(|topic| *topic as u16).collect() }
    }

    /// Its own operation, to whose end it sees.
    pub fn begin(&mut self, requested: &ClientOperation) -> Option<AdminOperation> {
        let operation = self.ask(requested)?;
        self.in_progress = Some(operation.operation);
        Some(operation)
    }

    /// An operation that somebody else requests; `None` if it is none of an admin client.
    pub fn ask(&mut self, requested: &ClientOperation) -> Option<AdminOperation> {
        let request = self.request(requested)?;
        Some(self.number(request))
    }

    /// The number of the next operation.
    pub fn next_operation(&self) -> u32 {
        self.next_operation
    }

    fn number(&mut self, request: AdminRequest) -> AdminOperation {
        let operation = self.next_operation;
        self.next_operation += 1;
        AdminOperation { operation, request }
    }

    fn name(&self, topic: u16) -> Option<Rc<str>> {
        self.topics.names.get(usize::from(topic)).cloned()
    }

    fn create(&self, topics: &[u16]) -> AdminRequest {
        let creatable = |topic: &u16| {
            let is_lasting = *topic < self.topics.lasting;
            let min_isr = self
                .topics
                .min_insync_replicas
                .map(|min_isr| TopicConfig { name: MIN_ISR.into(), value: Some(min_isr.to_string().into()) });
            Some(CreatableTopic {
                name: self.name(*topic)?,
                num_partitions: if is_lasting { self.topics.partitions } else { 1 },
                replication_factor: self.topics.replication_factor,
                assignments: Rc::from([]),
                configs: min_isr.into_iter().collect(),
            })
        };
        AdminRequest::CreateTopics(CreateTopicsRequest {
            topics: topics.iter().filter_map(creatable).collect(),
            timeout_ms: 0,
            validate_only: false,
        })
    }

    fn draw(&self, entropy: &mut Entropy) -> ClientOperation {
        let passing = self.topics.passing();
        let topic = (passing.start + entropy.below(passing.len() as u64) as usize) as u16;
        match entropy.below(if self.topics.elections { 10 } else { 8 }) {
            0 | 1 => ClientOperation::CreateTopics { topics: vec![topic] },
            2 => ClientOperation::DeleteTopic { topic },
            3 => ClientOperation::CreatePartitions { topic, count: 2 + entropy.below(4) as i32 },
            4 | 5 => self.draw_config(entropy),
            6 => ClientOperation::DescribeConfigs { topic: self.any_topic(entropy) },
            7 => self.draw_broker_config(entropy),
            8 => ClientOperation::ElectLeaders {
                unclean: self.topics.unclean_elections && entropy.below(3) == 0,
                of: Some((self.any_topic(entropy), entropy.below(2) as i32)),
            },
            _ => ClientOperation::ElectLeaders { unclean: false, of: None },
        }
    }

    /// Of one broker, or what all have by default; that of `min.insync.replicas` stays within what topics have.
    fn draw_broker_config(&self, entropy: &mut Entropy) -> ClientOperation {
        let (name, value) = match (entropy.below(3), &self.topics.altered_min_insync_replicas) {
            (0, Some(allowed)) => {
                let choices = u64::from(allowed.end() - allowed.start()) + 1;
                (MIN_ISR, Some(u64::from(*allowed.start()) + entropy.below(choices)))
            }
            (1, _) => (BROKERS_RETENTION, None),
            _ => (BROKERS_RETENTION, Some(604_800_000 + entropy.below(1_000_000))),
        };
        let one = entropy.below(2) == 0 && name != MIN_ISR && !self.topics.brokers.is_empty();
        let broker = one.then(|| self.topics.brokers[entropy.below(self.topics.brokers.len() as u64) as usize].0);
        ClientOperation::AlterBrokerConfig { broker, name: name.to_owned(), value: value.map(|it| it.to_string()) }
    }

    fn any_topic(&self, entropy: &mut Entropy) -> u16 {
        entropy.below(self.topics.fresh() as u64) as u16
    }

    fn draw_config(&self, entropy: &mut Entropy) -> ClientOperation {
        let (name, value) = match (entropy.below(4), &self.topics.altered_min_insync_replicas) {
            (0, _) => (RETENTION, None),
            (1, Some(allowed)) => {
                let choices = u64::from(allowed.end() - allowed.start()) + 1;
                (MIN_ISR, Some(u64::from(*allowed.start()) + entropy.below(choices)))
            }
            _ => (RETENTION, Some(604_800_000 + entropy.below(1_000_000))),
        };
        let topic = self.any_topic(entropy);
        ClientOperation::AlterConfig { topic, name: name.to_owned(), value: value.map(|value| value.to_string()) }
    }

    fn request(&self, requested: &ClientOperation) -> Option<AdminRequest> {
        Some(match requested {
            ClientOperation::CreateTopics { topics } => self.create(topics),
            ClientOperation::DeleteTopic { topic } => AdminRequest::DeleteTopics(DeleteTopicsRequest {
                topics: Rc::from([DeleteTopicState { name: Some(self.name(*topic)?), topic_id: Uuid::ZERO }]),
                timeout_ms: 0,
            }),
            ClientOperation::CreatePartitions { topic, count } => {
                AdminRequest::CreatePartitions(CreatePartitionsRequest {
                    topics: Rc::from([CreatePartitionsTopic {
                        name: self.name(*topic)?,
                        count: *count,
                        assignments: Rc::from([]),
                    }]),
                    timeout_ms: 0,
                    validate_only: false,
                })
            }
            ClientOperation::AlterConfig { topic, name, value } => {
                alter_config(TOPIC_RESOURCE, self.name(*topic)?, name, value.as_deref())
            }
            ClientOperation::AlterBrokerConfig { broker, name, value } => {
                let id = broker.map_or_else(|| Rc::from(""), |id| Rc::from(id.to_string()));
                alter_config(BROKER_RESOURCE, id, name, value.as_deref())
            }
            ClientOperation::DescribeConfigs { topic } => AdminRequest::DescribeConfigs(DescribeConfigsRequest {
                resources: Rc::from([DescribeConfigsResource {
                    resource_type: TOPIC_RESOURCE,
                    resource_name: self.name(*topic)?,
                }]),
            }),
            ClientOperation::ElectLeaders { unclean, of } => {
                let one = |(topic, partition): (u16, i32)| {
                    let topic = self.name(topic)?;
                    Some(ElectLeadersTopic { topic, partitions: Rc::from([partition]) })
                };
                AdminRequest::ElectLeaders(ElectLeadersRequest {
                    election_type: if *unclean { UNCLEAN } else { PREFERRED },
                    topic_partitions: of.map(|of| one(of).into_iter().collect()),
                    timeout_ms: 0,
                })
            }
            // Of other clients.
            ClientOperation::Append { .. }
            | ClientOperation::AppendRecords { .. }
            | ClientOperation::ReadFrom { .. }
            | ClientOperation::AddVoter { .. }
            | ClientOperation::RemoveVoter { .. }
            | ClientOperation::DescribeQuorum
            | ClientOperation::UpgradeKraftVersion
            | ClientOperation::Rest
            | ClientOperation::Resume
            | ClientOperation::Send { .. }
            | ClientOperation::Assign { .. }
            | ClientOperation::AssignAll
            | ClientOperation::Subscribe => return None,
        })
    }
}

fn alter_config(resource_type: i8, resource_name: Rc<str>, name: &str, value: Option<&str>) -> AdminRequest {
    let config = AlterableConfig {
        name: name.into(),
        config_operation: if value.is_some() { SET } else { DELETE },
        value: value.map(Rc::from),
    };
    let resource = AlterConfigsResource { resource_type, resource_name, configs: Rc::from([config]) };
    AdminRequest::IncrementalAlterConfigs(IncrementalAlterConfigsRequest {
        resources: Rc::from([resource]),
        validate_only: false,
    })
}

/// What a producer is to send at once; mostly it is one thing.
type Operations = SmallVec<[TopicPartition; 1]>;

/// An application of a producer.
#[derive(Clone, Debug)]
pub struct ProducerApplication {
    topics: Topics,
    interval_ns: u64,
    next_value: u64,
    next_ns: u64,
    /// A fresh producer sends one value to each partition, and again where that failed.
    owed: Option<Vec<TopicPartition>>,
}

impl ProducerApplication {
    pub fn new(topics: Topics, index: u16, interval_ns: u64, is_fresh: bool, start_ns: u64) -> ProducerApplication {
        let owed = is_fresh.then(|| all_partitions(&topics).collect());
        let next_value = u64::from(index + 1) << 40;
        ProducerApplication { topics, interval_ns, next_value, next_ns: start_ns, owed }
    }

    /// When it acts next.
    pub fn next_ns(&self) -> Option<u64> {
        self.owed.as_ref().is_none_or(|owed| !owed.is_empty()).then_some(self.next_ns)
    }

    /// Learns what came of its values.
    pub fn on_event(&mut self, event: AttemptEvent, now_ns: u64) {
        let Some(owed) = &mut self.owed else { return };
        // Whatever failed, all is sent anew: an attempt more does no harm.
        if matches!(event, AttemptEvent::BatchFailed { .. } | AttemptEvent::SendRefused { .. }) {
            owed.clear();
            owed.extend(all_partitions(&self.topics));
            self.next_ns = now_ns + RETRY_NS;
        }
    }

    /// Where it sends its next values.
    pub fn draw_next(&mut self, now_ns: u64, outstanding: usize, entropy: &mut Entropy) -> Operations {
        self.next_ns = now_ns + self.interval_ns;
        if let Some(owed) = &mut self.owed {
            return std::mem::take(owed).into();
        }
        if outstanding >= MAX_OUTSTANDING {
            return Operations::new();
        }
        let passing = self.topics.passing();
        let may_pass = !self.topics.produce_to_lasting_only;
        if may_pass && entropy.below(PASSING_SHARE) == 0 && outstanding < MAX_OUTSTANDING_TO_PASSING {
            let topic = (passing.start + entropy.below(passing.len() as u64) as usize) as u16;
            let partition = entropy.below(PASSING_PARTITIONS) as i32;
            return Operations::from_iter([TopicPartition { topic, partition }]);
        }
        let topic = entropy.below(u64::from(self.topics.lasting)) as u16;
        let partition = entropy.below(self.topics.partitions.unsigned_abs().into()) as i32;
        Operations::from_iter([TopicPartition { topic, partition }])
    }

    /// The next value.
    pub fn next_value(&self) -> u64 {
        self.next_value
    }

    /// Sends the next value there.
    pub fn send(&mut self, partition: TopicPartition) -> ProducerOperation {
        let value = self.next_value;
        self.next_value += 1;
        ProducerOperation::Send { partition, value }
    }
}

/// An application of a consumer: it is assigned all partitions at once, unless it rests.
#[derive(Clone, Debug)]
pub struct ConsumerApplication {
    all: Rc<[TopicPartition]>,
    /// What it may subscribe to.
    passing: Rc<[TopicPartition]>,
    assigned: Vec<TopicPartition>,
    /// The metadata that the assignment was last held against, if it has subscribed.
    subscribed: Option<u64>,
    next_ns: Option<u64>,
}

impl ConsumerApplication {
    pub fn new(topics: &Topics, is_fresh: bool, start_ns: u64) -> ConsumerApplication {
        let all = all_partitions(topics).collect();
        let of = |topic: usize| {
            (0..PASSING_PARTITIONS as i32).map(move |partition| TopicPartition { topic: topic as u16, partition })
        };
        let passing = if is_fresh { Rc::from([]) } else { topics.passing().flat_map(of).collect() };
        ConsumerApplication { all, passing, assigned: Vec::new(), subscribed: None, next_ns: Some(start_ns) }
    }

    /// When it acts next; `None` when it has.
    pub fn next_ns(&self) -> Option<u64> {
        self.next_ns
    }

    /// Reads everything.
    pub fn assign_all(&mut self) -> ConsumerOperation {
        self.next_ns = None;
        self.assigned = self.all.to_vec();
        ConsumerOperation::Assign { partitions: Rc::clone(&self.all) }
    }

    /// Reads topics that come and go, too; `None` if there are none for it.
    pub fn subscribe(&mut self) -> Option<ConsumerOperation> {
        if self.passing.is_empty() {
            return None;
        }
        self.subscribed = Some(0);
        let topics: BTreeSet<u16> = self.passing.iter().map(|of| of.topic).collect();
        Some(ConsumerOperation::Subscribe { topics: topics.into_iter().collect() })
    }

    /// What it reads from now on, if metadata has other partitions of what it has subscribed to than before.
    pub fn rebalance(&mut self, consumer: &Consumer) -> Option<ConsumerOperation> {
        let held_against = self.subscribed.as_mut()?;
        if *held_against == consumer.metadata_version() {
            return None;
        }
        *held_against = consumer.metadata_version();
        let lasting = self.assigned.iter().filter(|of| !self.passing.contains(of));
        let present = self.passing.iter().filter(|of| consumer.has_partition(**of));
        let assigned: Vec<_> = lasting.chain(present).copied().collect();
        let changes = assigned != self.assigned;
        self.assigned = assigned;
        changes.then(|| ConsumerOperation::Assign { partitions: self.assigned.clone().into() })
    }

    /// Reads one more on request.
    pub fn assign(&mut self, partition: TopicPartition) -> ConsumerOperation {
        if !self.assigned.contains(&partition) {
            self.assigned.push(partition);
        }
        ConsumerOperation::Assign { partitions: self.assigned.clone().into() }
    }
}

/// Every partition of every lasting topic.
pub fn all_partitions(topics: &Topics) -> impl Iterator<Item = TopicPartition> {
    let partitions = topics.partitions;
    (0..topics.lasting).flat_map(move |topic| (0..partitions).map(move |partition| TopicPartition { topic, partition }))
}
