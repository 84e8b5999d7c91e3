//! The responses that Kafka's clients received, kept for a story that requests operations of them. Only a record of the
//! clients' own histories: no other code depends on it.

use std::collections::BTreeMap;

use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::Offset;
use raft::message::ErrorCode;
use sim::process::Node;

/// A record of a partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// -1 where the response has none (`acks=0`, or a duplicate older than the broker's producer state).
    pub offset: Offset,
    /// Each value is produced once in a run.
    pub value: u64,
}

/// How an operation that was requested of a Kafka client ended at its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationOutcome<T> {
    /// Acknowledged.
    Done(T),
    /// Definitely not done, for this reason.
    Refused(ErrorCode),
    /// Done or not: the application got this error, and some attempt has no response that decides it. As in Kafka, a
    /// retry of CreateTopics that finds the topic of an earlier attempt ends this way, with TOPIC_ALREADY_EXISTS.
    Unknown(ErrorCode),
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct ClientAnswers {
    clients: BTreeMap<Node, Pages>,
}

/// The answers of one client; attempts, batches and operations have its own numbers.
#[derive(Clone, Debug, Default)]
struct Pages {
    operations: BTreeMap<u32, Operation>,
    /// The operation or batch of each attempt.
    attempts: BTreeMap<u32, u32>,
    batches: BTreeMap<u32, Batch>,
    sent: BTreeMap<u64, OperationOutcome<Offset>>,
    /// The partition whose records are being polled.
    polling: Option<TopicPartition>,
    polled: BTreeMap<TopicPartition, Vec<Record>>,
}

#[derive(Clone, Debug, Default)]
struct Operation {
    /// The result of its one entry.
    result: Option<(ErrorCode, Outcome)>,
    /// Some attempt may have executed it.
    in_doubt: bool,
    ended: Option<OperationOutcome<()>>,
}

#[derive(Clone, Debug, Default)]
struct Batch {
    values: Vec<u64>,
    /// Number of attempts that did not definitely fail.
    open: u32,
}

impl ClientAnswers {
    /// A client reported an event of an attempt.
    pub fn note(&mut self, client: Node, event: AttemptEvent) {
        let pages = self.clients.entry(client).or_default();
        match event {
            AttemptEvent::AdminInvoked { .. }
            | AttemptEvent::AdminResult { .. }
            | AttemptEvent::AdminUnknown { .. }
            | AttemptEvent::OperationDone { .. } => pages.administered(event),
            AttemptEvent::PollRecords { partition, .. } => pages.polling = Some(partition),
            AttemptEvent::PollRecord { offset, value, .. } => {
                if let Some(partition) = pages.polling {
                    pages.polled.entry(partition).or_default().push(Record { offset, value });
                }
            }
            _ => pages.produced(event),
        }
    }

    /// Whether the event is one that is recorded here.
    pub fn is_news(event: AttemptEvent) -> bool {
        matches!(
            event,
            AttemptEvent::OperationDone { .. }
                | AttemptEvent::BatchAcked { .. }
                | AttemptEvent::BatchFailed { .. }
                | AttemptEvent::SendRefused { .. }
                | AttemptEvent::PollRecord { .. }
        )
    }

    /// How an admin client's operation ended; `None` before.
    pub fn operation(&self, client: Node, operation: u32) -> Option<OperationOutcome<()>> {
        self.clients.get(&client)?.operations.get(&operation)?.ended.clone()
    }

    /// How a producer's `send` of a value ended; `None` before.
    pub fn send(&self, client: Node, value: u64) -> Option<OperationOutcome<Offset>> {
        self.clients.get(&client)?.sent.get(&value).cloned()
    }

    /// The records of a partition that a consumer's polls returned, in their order.
    pub fn polled(&self, client: Node, partition: TopicPartition) -> &[Record] {
        self.clients.get(&client).and_then(|pages| pages.polled.get(&partition)).map_or(&[], Vec::as_slice)
    }
}

impl Pages {
    fn administered(&mut self, event: AttemptEvent) {
        match event {
            AttemptEvent::AdminInvoked { attempt, operation, .. } => {
                self.attempts.insert(attempt, operation);
                self.operations.entry(operation).or_default().result = None;
            }
            AttemptEvent::AdminResult { attempt, error, outcome, .. } => {
                if let Some(operation) = self.operation_of(attempt) {
                    operation.result = Some((error, outcome));
                    operation.in_doubt |= outcome == Outcome::Unknown;
                }
            }
            AttemptEvent::AdminUnknown { attempt } => {
                if let Some(operation) = self.operation_of(attempt) {
                    operation.in_doubt = true;
                }
            }
            AttemptEvent::OperationDone { operation, error } => {
                let operation = self.operations.entry(operation).or_default();
                operation.ended = Some(match (error, operation.result) {
                    (ErrorCode::None, Some((_, Outcome::Done))) => OperationOutcome::Done(()),
                    (ErrorCode::None, Some((error, Outcome::Failed))) if !operation.in_doubt => {
                        OperationOutcome::Refused(error)
                    }
                    (ErrorCode::None, result) => {
                        OperationOutcome::Unknown(result.map_or(ErrorCode::UnknownServerError, |(error, _)| error))
                    }
                    (error, _) => OperationOutcome::Unknown(error),
                });
            }
            _ => {}
        }
    }

    fn operation_of(&mut self, attempt: u32) -> Option<&mut Operation> {
        self.operations.get_mut(self.attempts.get(&attempt)?)
    }

    fn produced(&mut self, event: AttemptEvent) {
        match event {
            // Each attempt reports its values anew.
            AttemptEvent::ProduceInvoked { attempt, batch, .. } => {
                self.attempts.insert(attempt, batch);
                let batch = self.batches.entry(batch).or_default();
                batch.values.clear();
                batch.open += 1;
            }
            AttemptEvent::ProduceValues { attempt, first_value, count } => {
                if let Some(batch) = self.attempts.get(&attempt).and_then(|batch| self.batches.get_mut(batch)) {
                    batch.values.extend(first_value..first_value + u64::from(count));
                }
            }
            AttemptEvent::BatchValues { batch, first_value, count } => {
                let values = first_value..first_value + u64::from(count);
                self.batches.entry(batch).or_default().values.extend(values);
            }
            AttemptEvent::ProduceFailed { attempt, .. } => {
                if let Some(batch) = self.attempts.get(&attempt).and_then(|batch| self.batches.get_mut(batch)) {
                    batch.open = batch.open.saturating_sub(1);
                }
            }
            AttemptEvent::BatchAcked { batch, base_offset } => {
                let batch = self.batches.remove(&batch).unwrap_or_default();
                for (place, value) in batch.values.iter().enumerate() {
                    let offset = if base_offset.0 < 0 { base_offset } else { Offset(base_offset.0 + place as i64) };
                    self.sent.insert(*value, OperationOutcome::Done(offset));
                }
            }
            AttemptEvent::BatchFailed { batch, error } => {
                let batch = self.batches.remove(&batch).unwrap_or_default();
                let is_refused = batch.open == 0;
                for value in batch.values {
                    let refused = OperationOutcome::Refused(error);
                    let outcome = if is_refused { refused } else { OperationOutcome::Unknown(error) };
                    self.sent.insert(value, outcome);
                }
            }
            // Kafka's `send` throws TimeoutException: the partition did not appear in the metadata.
            AttemptEvent::SendRefused { value, .. } => {
                self.sent.insert(value, OperationOutcome::Refused(ErrorCode::RequestTimedOut));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::NodeId;

    use super::*;

    const CLIENT: Node = Node(7);

    fn answers(events: &[AttemptEvent]) -> ClientAnswers {
        let mut answers = ClientAnswers::default();
        events.iter().for_each(|event| answers.note(CLIENT, *event));
        answers
    }

    #[test]
    fn a_batch_is_refused_only_if_no_attempt_at_it_is_in_doubt() {
        let partition = TopicPartition { topic: 0, partition: 0 };
        let invoked = |attempt| AttemptEvent::ProduceInvoked {
            attempt,
            batch: 1,
            partition,
            acks: -1,
            count: 2,
            leader_epoch: 0,
        };
        let values = |attempt| AttemptEvent::ProduceValues { attempt, first_value: 40, count: 2 };
        let error = ErrorCode::NotEnoughReplicas;
        let failed = |attempt| AttemptEvent::ProduceFailed { attempt, error };
        let given_up = AttemptEvent::BatchFailed { batch: 1, error };
        let refused = answers(&[invoked(1), values(1), failed(1), invoked(2), values(2), failed(2), given_up]);
        assert_eq!(refused.send(CLIENT, 41), Some(OperationOutcome::Refused(error)));
        let unanswered = AttemptEvent::ProduceUnknown { attempt: 1, error: ErrorCode::NetworkException };
        let unknown = answers(&[invoked(1), values(1), unanswered, invoked(2), values(2), failed(2), given_up]);
        assert_eq!(unknown.send(CLIENT, 41), Some(OperationOutcome::Unknown(error)));
        let acked = AttemptEvent::BatchAcked { batch: 1, base_offset: Offset(5) };
        let done = answers(&[invoked(1), values(1), unanswered, invoked(2), values(2), acked]);
        assert_eq!(done.send(CLIENT, 41), Some(OperationOutcome::Done(Offset(6))));
        assert_eq!(done.send(CLIENT, 42), None);
    }

    #[test]
    fn a_retry_that_finds_its_topic_there_leaves_open_who_created_it() {
        let invoked = |attempt| AttemptEvent::AdminInvoked { attempt, operation: 3, api_key: 19, node: NodeId(4) };
        let (error, outcome) = (ErrorCode::TopicAlreadyExists, Outcome::Failed);
        let result = |attempt| AttemptEvent::AdminResult { attempt, index: 0, error, outcome };
        let done = AttemptEvent::OperationDone { operation: 3, error: ErrorCode::None };
        let first = answers(&[invoked(1), result(1), done]);
        assert_eq!(first.operation(CLIENT, 3), Some(OperationOutcome::Refused(error)));
        let retried = answers(&[invoked(1), AttemptEvent::AdminUnknown { attempt: 1 }, invoked(2), result(2), done]);
        assert_eq!(retried.operation(CLIENT, 3), Some(OperationOutcome::Unknown(error)));
        let late = AttemptEvent::OperationDone { operation: 3, error: ErrorCode::RequestTimedOut };
        let timed_out = answers(&[invoked(1), AttemptEvent::AdminUnknown { attempt: 1 }, late]);
        assert_eq!(timed_out.operation(CLIENT, 3), Some(OperationOutcome::Unknown(ErrorCode::RequestTimedOut)));
    }
}
