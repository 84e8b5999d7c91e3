//! The consumer with manual assignment: Kafka's `KafkaConsumer` whose application only polls (controller-broker.md
//! §6.7, §6.10).
//!
//! * `subscription_state`: positions; `offsets`: resets (ListOffsets) and validation (OffsetForLeaderEpoch); `fetcher`:
//!   records; `in_flight`: requests in flight
//!
//! Not modelled: groups and committed offsets, fetch sessions (every Fetch is a full one), read_committed, fetching
//! from followers, `max.poll.records` (all records of a Fetch are returned at once), pausing.

mod fetcher;
mod hash_order;
mod in_flight;
mod offsets;
mod subscription_state;
#[cfg(test)]
mod tests;

use in_flight::{FetchInFlight, InFlight, RequestedPartition, Unsent};
use subscription_state::SubscriptionState;

use super::connections::{Answer, Completed};
use super::io::ms;
use super::network_client::NetworkClient;
use super::{AttemptEvent, ClientInput, ClientOut, ClientShown, ConsumerConfig, PositionCause, TopicPartition};
use crate::ids::{NodeId, Offset};
use crate::io::{Entropy, Now};
use crate::message::data::FetchPartition;
use crate::message::{DataRequest, DataResponse, ErrorCode, Request, Response};
use crate::slices::Slices;
use crate::sorted_map::SortedMap;

/// An operation of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerOperation {
    /// Keeps metadata of these topics; the application chooses the partitions to read.
    Subscribe { topics: std::rc::Rc<[u16]> },
    /// Reads these partitions, and no others.
    Assign { partitions: std::rc::Rc<[TopicPartition]> },
    /// Sets the position; ignored for a partition that is not assigned.
    Seek { partition: TopicPartition, offset: Offset },
}

#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    network: NetworkClient,
    subscriptions: SubscriptionState,
    /// The metadata version against which positions were last checked.
    validated_version: u64,
    in_flight: SortedMap<i32, InFlight>,
    unsent: Vec<Unsent>,
    questions: Slices<FetchPartition>,
    requested: Slices<RequestedPartition>,
}

impl Consumer {
    /// Kafka limits a consumer to this number of requests in flight on a connection.
    const MAX_IN_FLIGHT: usize = 100;

    /// A consumer without assigned partitions.
    pub fn new(config: ConsumerConfig) -> Consumer {
        Consumer {
            network: NetworkClient::new(&config.client, Consumer::MAX_IN_FLIGHT),
            subscriptions: SubscriptionState::new(config.auto_offset_reset, config.client.bugs, config.client.fixes),
            config,
            validated_version: 0,
            in_flight: SortedMap::new(),
            unsent: Vec::new(),
            questions: Slices::default(),
            requested: Slices::default(),
        }
    }

    /// Processes one input. The first step (any input, e.g. `Timer`) starts the consumer.
    pub fn step(
        &mut self,
        now: Now,
        input: ClientInput<ConsumerOperation>,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let now_ms = ms(now);
        if let Some(operation) = self.network.receive(now_ms, input, entropy, out) {
            self.operate(operation, out);
        }
        self.network.begin_round();
        while let Some(completed) = self.network.take_completed(now_ms, entropy) {
            self.on_completed(now_ms, completed, out);
        }
        self.send_prepared(now_ms, entropy, out);
        self.update_fetch_positions(now_ms, entropy, out);
        self.send_fetches(now_ms, entropy, out);
        if let Some(retry_ms) = self.subscriptions.next_retry_ms(now_ms) {
            self.network.wake_at(retry_ms);
        }
        self.network.finish(now_ms, entropy, out);
    }

    /// The next offset to be read, if known.
    pub fn position(&self, partition: TopicPartition) -> Option<Offset> {
        self.subscriptions.position(partition).map(|position| position.offset)
    }

    /// Increases with every change of its metadata.
    pub fn metadata_version(&self) -> u64 {
        self.network.metadata.update_version()
    }

    /// Whether its metadata has the partition.
    pub fn has_partition(&self, partition: TopicPartition) -> bool {
        self.network.metadata.has_partition(partition)
    }

    /// Its state, for a dialogue.
    pub fn shown(&self) -> ClientShown {
        ClientShown { positions: self.subscriptions.shown(), ..self.network.shown() }
    }

    fn operate(&mut self, operation: ConsumerOperation, out: &mut ClientOut) {
        match operation {
            ConsumerOperation::Subscribe { topics } => {
                for topic in topics.iter() {
                    self.network.metadata.add_topic(*topic);
                }
            }
            ConsumerOperation::Assign { partitions } => {
                for partition in self.subscriptions.assigned().into_iter().filter(|old| !partitions.contains(old)) {
                    out.observe(AttemptEvent::Unassigned { partition });
                }
                self.subscriptions.assign(&partitions);
                for partition in partitions.iter() {
                    self.network.metadata.add_topic(partition.topic);
                }
            }
            ConsumerOperation::Seek { partition, offset } => {
                let leader = self.network.metadata.current_leader(partition);
                if self.subscriptions.seek(partition, offset, leader) {
                    out.observe(AttemptEvent::PositionSet { partition, offset, cause: PositionCause::Seek });
                }
            }
        }
    }

    fn on_completed(&mut self, now_ms: i64, completed: Completed, out: &mut ClientOut) {
        let Some(in_flight) = self.in_flight.remove(&completed.correlation_id) else { return };
        let answer = match completed.answer {
            Answer::Response(Response::Data(answer)) => Some(answer),
            Answer::Response(_) | Answer::Sent | Answer::Disconnected => None,
        };
        match (in_flight, answer) {
            (InFlight::Fetch(fetch), Some(DataResponse::Fetch(answer))) => self.on_fetched(fetch, &answer, out),
            (InFlight::List(list), Some(DataResponse::ListOffsets(answer))) => {
                self.on_listed(now_ms, list, &answer, out);
            }
            (InFlight::Validation(validation), Some(DataResponse::OffsetForLeaderEpoch(answer))) => {
                self.on_validated(now_ms, validation, &answer, out);
            }
            (in_flight, _) => self.on_unanswered(now_ms, in_flight, out),
        }
    }

    fn on_unanswered(&mut self, now_ms: i64, in_flight: InFlight, out: &mut ClientOut) {
        match in_flight {
            InFlight::Fetch(FetchInFlight { attempt, .. }) => out.observe(AttemptEvent::ReadUnknown { attempt }),
            InFlight::List(list) => {
                out.observe(AttemptEvent::ReadUnknown { attempt: list.attempt });
                self.retry_later(now_ms, &list.partitions);
            }
            InFlight::Validation(validation) => {
                out.observe(AttemptEvent::ReadUnknown { attempt: validation.attempt });
                let partitions: Vec<_> = validation.requested.iter().map(|(partition, _)| *partition).collect();
                self.retry_later(now_ms, &partitions);
            }
        }
    }

    /// `poll` throws.
    fn throw(&mut self, partition: TopicPartition, error: ErrorCode, out: &mut ClientOut) {
        out.observe(AttemptEvent::ConsumerError { partition, error });
    }

    /// Sends requests whose connection has been made since they were prepared, and gives up those whose connection has
    /// failed or takes too long (`ConsumerNetworkClient.trySend`, `checkDisconnects`, `failExpiredRequests`).
    fn send_prepared(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        for prepared in std::mem::take(&mut self.unsent) {
            let expires_ms = prepared.prepared_ms.saturating_add(self.config.client.request_timeout_ms);
            if self.network.is_failed(prepared.node) {
                self.on_never_sent(now_ms, prepared.in_flight, out);
            } else if self.network.ready(now_ms, prepared.node, entropy, out) {
                self.send(now_ms, prepared.node, prepared.request, prepared.in_flight, out);
            } else if now_ms > expires_ms {
                self.on_never_sent(now_ms, prepared.in_flight, out);
            } else {
                self.network.wake_at(expires_ms.saturating_add(1));
                self.unsent.push(prepared);
            }
        }
    }

    fn on_never_sent(&mut self, now_ms: i64, in_flight: InFlight, out: &mut ClientOut) {
        let (attempt, partitions): (u32, Vec<_>) = match &in_flight {
            InFlight::Fetch(fetch) => {
                (fetch.attempt, fetch.requested.iter().map(|(partition, ..)| *partition).collect())
            }
            InFlight::List(list) => (list.attempt, list.partitions.clone()),
            InFlight::Validation(_) => unreachable!("a validation is sent on a connection that is ready"),
        };
        for partition in &partitions {
            let (partition, error) = (*partition, ErrorCode::NetworkException);
            out.observe(AttemptEvent::ReadFailed { attempt, partition, error });
        }
        if matches!(in_flight, InFlight::List(_)) {
            self.retry_later(now_ms, &partitions);
        }
    }

    /// Sends a request, or keeps it until the connection to the node has been made.
    fn send_when_connected(
        &mut self,
        now_ms: i64,
        node: NodeId,
        request: DataRequest,
        in_flight: InFlight,
        (entropy, out): (&mut dyn Entropy, &mut ClientOut),
    ) {
        if self.network.ready(now_ms, node, entropy, out) {
            self.send(now_ms, node, request, in_flight, out);
        } else {
            self.unsent.push(Unsent { node, prepared_ms: now_ms, request, in_flight });
        }
    }

    fn send(&mut self, now_ms: i64, node: NodeId, request: DataRequest, in_flight: InFlight, out: &mut ClientOut) {
        let timeout_ms = self.config.client.request_timeout_ms;
        let correlation_id = self.network.send(now_ms, node, Request::Data(request), timeout_ms, true, out);
        self.in_flight.insert(correlation_id, in_flight);
    }
}
