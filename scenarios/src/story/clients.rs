//! Operations that a story requests of Kafka's clients. These are the scenario's own clients, which are otherwise idle.
//! The first admin client, the first producer and the first consumer execute them, with the properties that the
//! scenario gives them, and retry as Kafka's do.

use raft::client::TopicPartition;
use raft::ids::Offset;
use raft::message::ErrorCode;
use sim::host::wait_for;
use sim::process::Node;
use sim::world::Condition;

use super::cluster::{Cluster, gave_up, now_ns, with};
use super::error::StoryError;
use crate::actor::{Actor, Said};
use crate::client_answers::{ClientAnswers, OperationOutcome, Record};
use crate::run_observer::RunObserver;
use crate::workload::{ClientOperation, KafkaClient, Topics};

type Ended<T> = Box<dyn Fn(&ClientAnswers) -> Option<OperationOutcome<T>>>;

/// An operation that was requested of a Kafka client.
pub struct Operation<T> {
    cluster: Cluster,
    client: Node,
    what: String,
    ended: Ended<T>,
}

impl<T> std::fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("what", &self.what).finish_non_exhaustive()
    }
}

impl<T> Operation<T> {
    /// How it ended; `None` if it has not.
    pub fn ended(&self) -> Option<OperationOutcome<T>> {
        with(|run| run.watch.answers.as_deref().and_then(&self.ended))
    }

    /// Waits for its end.
    pub async fn outcome(&self) -> Result<OperationOutcome<T>, StoryError> {
        self.cluster.reported(self.client, &format!("the end of {}", self.what), &self.ended).await
    }

    /// Waits for its success.
    async fn done(&self) -> Result<T, StoryError> {
        match self.outcome().await? {
            OperationOutcome::Done(result) => Ok(result),
            OperationOutcome::Refused(error) => Err(StoryError(format!("{} was refused: {error}", self.what))),
            OperationOutcome::Unknown(error) => {
                Err(StoryError(format!("{} ended with {error}; it may or may not have taken effect", self.what)))
            }
        }
    }
}

impl Cluster {
    /// Names of the topics that a story may create, write and read: as many as the scenario's `[clients] topics`. None
    /// exists at the start; the clients create those that the story has not created when it is over.
    pub fn topics(&self) -> Vec<&str> {
        let topics = self.inner.clients.topics.iter();
        topics.flat_map(|topics| topics.names.iter().take(topics.lasting.into())).map(AsRef::as_ref).collect()
    }

    /// Creates a topic with the partitions, replicas and `min.insync.replicas` of `[clients]`, and waits until it
    /// exists. An error if it is refused (TOPIC_ALREADY_EXISTS) or does not end in time; in the latter case it may
    /// still be created.
    pub async fn create_topic(&self, topic: &str) -> Result<(), StoryError> {
        let operation = self.begin_create_topic(topic)?;
        match operation.outcome().await? {
            // An earlier attempt created it: no other client creates topics meanwhile.
            OperationOutcome::Unknown(ErrorCode::TopicAlreadyExists) => Ok(()),
            _ => operation.done().await,
        }
    }

    /// The same, without waiting.
    pub fn begin_create_topic(&self, topic: &str) -> Result<Operation<()>, StoryError> {
        let (_, index) = self.topic(topic)?;
        let client = teller(&self.inner.clients.admins, "admins")?;
        let number = self.kafka_client(client, KafkaClient::next_operation)?;
        self.ask(client, ClientOperation::CreateTopics { topics: vec![index] });
        Ok(Operation {
            cluster: self.clone(),
            client,
            what: format!("CreateTopics of {topic}"),
            ended: Box::new(move |answers| answers.operation(client, number)),
        })
    }

    /// Sends `count` records to a partition and waits until each is acknowledged; returns them in the order sent. An
    /// error if one is refused, or not acknowledged in time.
    pub async fn produce(&self, topic: &str, partition: i32, count: u16) -> Result<Vec<Record>, StoryError> {
        self.begin_produce(topic, partition, count)?.done().await
    }

    /// The same, without waiting. If not all succeed, the outcome is that of the first whose outcome is unknown, or
    /// else of the first that was refused.
    pub fn begin_produce(&self, topic: &str, partition: i32, count: u16) -> Result<Operation<Vec<Record>>, StoryError> {
        let of = self.topic_partition(topic, partition)?;
        let client = teller(&self.inner.clients.producers, "producers")?;
        let first = self.kafka_client(client, KafkaClient::next_value)?;
        self.ask(client, ClientOperation::Send { topic: of.topic, partition: of.partition, count });
        Ok(Operation {
            cluster: self.clone(),
            client,
            what: format!("the sending of {count} records to {topic}-{partition}"),
            ended: Box::new(move |answers| sent(answers, client, first..first + u64::from(count))),
        })
    }

    /// The consumer reads a partition from its start on, if it does not already.
    pub fn assign(&self, topic: &str, partition: i32) -> Result<(), StoryError> {
        let of = self.topic_partition(topic, partition)?;
        let client = teller(&self.inner.clients.consumers, "consumers")?;
        self.ask(client, ClientOperation::Assign { topic: of.topic, partition: of.partition });
        Ok(())
    }

    /// The records of a partition that the consumer's polls have returned, in their order; empty before
    /// [`Cluster::assign`] or [`Cluster::consume`].
    pub fn consumed(&self, topic: &str, partition: i32) -> Result<Vec<Record>, StoryError> {
        let of = self.topic_partition(topic, partition)?;
        let client = teller(&self.inner.clients.consumers, "consumers")?;
        Ok(with(|run| run.watch.answers.as_deref().map_or(Vec::new(), |answers| answers.polled(client, of).to_vec())))
    }

    /// Reads a partition from its start on, and waits until the record at an offset is read. Returns the records that
    /// the polls have returned so far.
    pub async fn consume(&self, topic: &str, partition: i32, to: Offset) -> Result<Vec<Record>, StoryError> {
        self.assign(topic, partition)?;
        let of = self.topic_partition(topic, partition)?;
        let client = teller(&self.inner.clients.consumers, "consumers")?;
        let reached = |answers: &ClientAnswers| {
            let polled = answers.polled(client, of);
            polled.iter().any(|record| record.offset >= to).then(|| polled.to_vec())
        };
        self.reported(client, &format!("a poll of {topic}-{partition} at offset {to}"), &reached).await
    }

    /// Its index among the names.
    fn topic(&self, topic: &str) -> Result<(&Topics, u16), StoryError> {
        let topics = self.inner.clients.topics.as_ref();
        let topics = topics.ok_or_else(|| {
            StoryError("this cluster has no brokers and no topics: its scenario is of controllers alone".to_owned())
        })?;
        let names = self.topics();
        match names.iter().position(|name| *name == topic) {
            Some(place) => Ok((topics, place as u16)),
            None => Err(StoryError(format!(
                "topic {topic:?}: the clients of this scenario know no such name; allowed: {} ([clients] topics says how many)",
                names.join(", ")
            ))),
        }
    }

    fn topic_partition(&self, topic: &str, partition: i32) -> Result<TopicPartition, StoryError> {
        let (topics, index) = self.topic(topic)?;
        if !(0..topics.partitions).contains(&partition) {
            let last = topics.partitions - 1;
            return Err(StoryError(format!(
                "partition {partition} of {topic}; allowed: 0..{last} ([clients] partitions)"
            )));
        }
        Ok(TopicPartition { topic: index, partition })
    }

    fn kafka_client<T>(&self, client: Node, of: fn(&KafkaClient) -> Option<T>) -> Result<T, StoryError> {
        let found = with(|run| match run.world.process(client) {
            Some(Actor::Kafka(client)) => of(client),
            _ => None,
        });
        found.ok_or_else(|| StoryError(format!("the client at place {} is down, or of another kind", client.0)))
    }

    /// Waits until the recorded answers contain one for a client.
    async fn reported<T>(
        &self,
        client: Node,
        what: &str,
        known: &impl Fn(&ClientAnswers) -> Option<T>,
    ) -> Result<T, StoryError> {
        fn spoke(node: Node, said: &Said, client: u64) -> bool {
            u64::from(node.0) == client && matches!(said, Said::Attempt(event) if ClientAnswers::is_news(*event))
        }
        let deadline = self.deadline();
        loop {
            if let Some(known) = with(|run| run.watch.answers.as_deref().and_then(known)) {
                return Ok(known);
            }
            let condition = Condition { matches: spoke, argument: client.0.into() };
            if now_ns() >= deadline || wait_for::<Actor, RunObserver>(condition, deadline).await.is_none() {
                return Err(gave_up(what));
            }
        }
    }
}

/// The first client of a kind, which executes what a story requests.
fn teller(places: &[Node], kind: &str) -> Result<Node, StoryError> {
    let none = || StoryError(format!("this scenario has no such client: [clients] {kind} = 0"));
    places.first().copied().ok_or_else(none)
}

/// The outcome of sending all of these values; `None` until the last has ended.
fn sent(answers: &ClientAnswers, client: Node, values: std::ops::Range<u64>) -> Option<OperationOutcome<Vec<Record>>> {
    let (mut records, mut refused, mut in_doubt) = (Vec::new(), None, None);
    for value in values {
        match answers.send(client, value)? {
            OperationOutcome::Done(offset) => records.push(Record { offset, value }),
            OperationOutcome::Refused(error) => refused = refused.or(Some(error)),
            OperationOutcome::Unknown(error) => in_doubt = in_doubt.or(Some(error)),
        }
    }
    Some(match (in_doubt, refused) {
        (Some(error), _) => OperationOutcome::Unknown(error),
        (None, Some(error)) => OperationOutcome::Refused(error),
        (None, None) => OperationOutcome::Done(records),
    })
}
