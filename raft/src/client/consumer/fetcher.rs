//! Fetching records: Kafka's `Fetcher` and `FetchCollector` (controller-broker.md §6.7).
//!
//! One Fetch at a time is sent to each leader, for all partitions with a position there. An error has no backoff of its
//! own: the next Fetch is sent at once, and only the metadata refresh is delayed. While a partition has no leader its
//! position keeps the last one, whose FENCED_LEADER_EPOCH is therefore received once per round trip (KAFKA-15615,
//! open): most reads that fail are these.

use smallvec::SmallVec;

use super::Consumer;
use super::in_flight::{FetchInFlight, InFlight};
use super::subscription_state::{FetchPosition, Fetchable};
use crate::bugs::Bug;
use crate::client::{AttemptEvent, ClientOut, ReadApi, TopicPartition};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset};
use crate::io::Entropy;
use crate::message::data::{DataFetchRequest, DataFetchResponse, FetchPartition, FetchablePartition};
use crate::message::{DataRequest, ErrorCode, MeantFor};

const NONE: LeaderEpoch = LeaderEpoch(-1);

impl Consumer {
    /// Sends a Fetch to each leader that has none of ours in flight.
    pub(super) fn send_fetches(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        // `AbstractFetch.nodesWithPendingFetchRequests`
        let fetched = |in_flight: &InFlight| match in_flight {
            InFlight::Fetch(fetch) => Some(fetch.node),
            InFlight::List(_) | InFlight::Validation(_) => None,
        };
        let prepared = self.unsent.iter().map(|unsent| &unsent.in_flight);
        let busy: SmallVec<[NodeId; 8]> = self.in_flight.values().chain(prepared).filter_map(fetched).collect();
        let mut requested: SmallVec<[(NodeId, TopicPartition, FetchPosition); 16]> = SmallVec::new();
        let never = self.config.client.bugs.has(Bug::PartitionNeverRead);
        let is_available = |at: &FetchPosition| at.current_leader.leader.is_none_or(|node| !busy.contains(&node));
        for Fetchable { partition, position, .. } in self.subscriptions.fetchable(is_available) {
            if never && partition.partition == 1 {
                continue;
            }
            match position.current_leader.leader {
                Some(node) => requested.push((node, partition, position)),
                None => self.network.metadata.request_update(false),
            }
        }
        requested.sort_by_key(|(node, ..)| *node);
        for partitions in requested.chunk_by(|a, b| a.0 == b.0) {
            let node = partitions[0].0;
            if self.network.ready(now_ms, node, entropy, out) || !self.network.is_failed(node) {
                self.send_fetch(now_ms, node, partitions, (entropy, out));
            }
        }
    }

    fn send_fetch(
        &mut self,
        now_ms: i64,
        node: NodeId,
        partitions: &[(NodeId, TopicPartition, FetchPosition)],
        (entropy, out): (&mut dyn Entropy, &mut ClientOut),
    ) {
        let attempt = self.network.next_attempt();
        for (_, partition, position) in partitions {
            let (partition, at) = (*partition, position.offset.0);
            out.observe(AttemptEvent::ReadInvoked { attempt, api: ReadApi::Fetch, partition, at });
        }
        let metadata = &self.network.metadata;
        let requested = |(_, partition, position): &(NodeId, TopicPartition, FetchPosition)| {
            (*partition, metadata.id_of(*partition), position.offset, position.current_leader)
        };
        let requested = self.requested.share(partitions.iter().map(requested));
        let question = |(_, partition, position): &(NodeId, TopicPartition, FetchPosition)| FetchPartition {
            partition: metadata.id_of(*partition),
            current_leader_epoch: position.current_leader.epoch.unwrap_or(NONE),
            fetch_offset: position.offset,
            last_fetched_epoch: NONE,
            log_start_offset: Offset(-1),
            partition_max_bytes: self.config.max_partition_fetch_bytes,
        };
        let questions = self.questions.share(partitions.iter().map(question));
        let request = DataFetchRequest {
            replica_id: NodeId::NONE,
            replica_epoch: BrokerEpoch::UNKNOWN,
            max_wait_ms: self.config.fetch_max_wait_ms,
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            meant_for: MeantFor::ANY,
            partitions: questions,
        };
        let in_flight = InFlight::Fetch(FetchInFlight { node, attempt, requested });
        self.send_when_connected(now_ms, node, DataRequest::Fetch(request), in_flight, (entropy, out));
    }

    /// Processes a response to a Fetch.
    pub(super) fn on_fetched(&mut self, fetch: FetchInFlight, answer: &DataFetchResponse, out: &mut ClientOut) {
        let attempt = fetch.attempt;
        self.follow_leader_hints(&fetch, answer);
        for &(partition, id, offset, leader) in fetch.requested.iter() {
            let reported = answer.partitions.iter().find(|reported| reported.partition == id);
            let error = match reported {
                Some(reported) if answer.error == ErrorCode::None => reported.error,
                Some(_) | None if answer.error != ErrorCode::None => answer.error,
                _ => ErrorCode::UnknownTopicId,
            };
            let is_of_the_log = matches!(error, ErrorCode::None | ErrorCode::OffsetOutOfRange);
            if is_of_the_log && !self.subscriptions.is_fetching_from(partition, offset, leader) {
                out.observe(AttemptEvent::ReadStale { attempt, partition, error });
                continue;
            }
            let is_empty = reported.is_some_and(|reported| reported.records.0.is_empty());
            if error != ErrorCode::None || !is_empty {
                self.subscriptions.move_to_end(partition);
            }
            match reported {
                Some(reported) if error == ErrorCode::None => self.collect(attempt, partition, offset, reported, out),
                _ => {
                    out.observe(AttemptEvent::ReadFailed { attempt, partition, error });
                    // As in Kafka an error is ignored if the position is being validated or reset.
                    if self.subscriptions.is_fetching(partition) {
                        self.on_fetch_error(partition, error, out);
                    }
                }
            }
        }
    }

    /// KIP-951: an error may name the new leader; the position is checked against it at once, before anything else of the
    /// response is processed.
    fn follow_leader_hints(&mut self, fetch: &FetchInFlight, answer: &DataFetchResponse) {
        for &(partition, id, ..) in fetch.requested.iter() {
            let reported = answer.partitions.iter().find(|reported| reported.partition == id);
            let moved = |it: &&FetchablePartition| {
                matches!(it.error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch)
            };
            let hint = reported.filter(moved).and_then(|reported| reported.current_leader.as_ref());
            if hint.is_some_and(|hint| self.network.metadata.update_partition_leadership(partition, hint)) {
                let leader = self.network.metadata.current_leader(partition);
                self.subscriptions.maybe_validate(partition, leader);
            }
        }
    }

    /// `poll` returns the fetched records from the position on; batches are received whole.
    fn collect(
        &mut self,
        attempt: u32,
        partition: TopicPartition,
        position: Offset,
        reported: &FetchablePartition,
        out: &mut ClientOut,
    ) {
        let (batches, bugs) = (&reported.records.0, self.config.client.bugs);
        let left_out = bugs.has(Bug::PollLeavesBatchOut) && batches.len() > 2;
        let shown_twice = usize::from(bugs.has(Bug::PollShowsBatchTwice) && batches.len() > 1);
        let again = batches.iter().take(shown_twice);
        // Offsets are outside of a batch's CRC: rot may let them go back (`CompletedFetch.nextFetchedRecord`).
        let mut shown_from = position;
        for (at, batch) in again.chain(batches).enumerate() {
            if left_out && at == 1 {
                continue;
            }
            // `check.crcs`: `poll` throws. The application seeks to where it is, and polls again.
            if !batch.is_intact() {
                break;
            }
            let records: SmallVec<[(Offset, u64); 8]> =
                batch.values().filter(|(offset, _)| *offset >= shown_from).collect();
            if !records.is_empty() {
                let count = u32::try_from(records.len()).expect("batches are at most 8 MiB");
                out.observe(AttemptEvent::PollRecords { attempt, partition, leader_epoch: batch.epoch, count });
            }
            for (offset, value) in records {
                out.observe(AttemptEvent::PollRecord { attempt, offset, value });
                if !bugs.has(Bug::PollShowsBatchTwice) {
                    shown_from = Offset(offset.0 + 1);
                }
            }
            let mut next = batch.next_offset();
            if bugs.has(Bug::ReadsGoBack) && attempt.is_multiple_of(2) {
                next.0 /= 2;
            }
            self.subscriptions.advance(partition, next, batch.epoch);
        }
        out.observe(AttemptEvent::ReadOk { attempt, partition, number: reported.high_watermark.0 });
    }

    fn on_fetch_error(&mut self, partition: TopicPartition, error: ErrorCode, out: &mut ClientOut) {
        match error {
            ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::OffsetNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId => self.network.metadata.request_update(false),
            ErrorCode::OffsetOutOfRange => {
                if !self.subscriptions.request_offset_reset(partition) {
                    self.throw(partition, error, out);
                }
            }
            // The partition is fetched again without further action.
            ErrorCode::UnknownLeaderEpoch | ErrorCode::UnknownServerError => {}
            error => self.throw(partition, error, out),
        }
    }
}
