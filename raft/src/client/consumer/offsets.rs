//! Resets and validation of positions: Kafka's `OffsetFetcher` (controller-broker.md §6.7).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Consumer;
use super::hash_order::sort_as_hash_set;
use super::in_flight::{InFlight, ListInFlight, ValidationInFlight};
use super::subscription_state::{FetchPosition, FetchState, Validated};
use crate::bugs::Bug;
use crate::client::{AttemptEvent, ClientOut, OffsetResetStrategy, PositionCause, ReadApi, TopicPartition};
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, NodeId};
use crate::io::Entropy;
use crate::message::data::{
    EpochEndOffset, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
};
use crate::message::{DataRequest, ErrorCode, MeantFor};

const LATEST_TIMESTAMP: i64 = -1;
const EARLIEST_TIMESTAMP: i64 = -2;
const NO_EPOCH: LeaderEpoch = LeaderEpoch(-1);

impl Consumer {
    /// Checks positions against new metadata, and sends the requests for validation and resets.
    pub(super) fn update_fetch_positions(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        let version = self.network.metadata.update_version();
        if version != self.validated_version {
            self.validated_version = version;
            for partition in self.subscriptions.assigned() {
                let leader = self.network.metadata.current_leader(partition);
                self.subscriptions.maybe_validate(partition, leader);
            }
        }
        for partition in self.subscriptions.reset_initializing() {
            // Kafka throws NoOffsetForPartitionException.
            self.throw(partition, ErrorCode::OffsetOutOfRange, out);
        }
        if !self.subscriptions.any_waiting() {
            return;
        }
        let mut validations: BTreeMap<NodeId, Vec<(TopicPartition, FetchPosition)>> = BTreeMap::new();
        let mut resets: BTreeMap<(NodeId, bool), Vec<TopicPartition>> = BTreeMap::new();
        for partition in self.subscriptions.assigned() {
            let Some(state) = self.subscriptions.get(partition) else { continue };
            if state.failed || state.next_retry_ms > now_ms {
                continue;
            }
            let leader = match state.fetch {
                FetchState::AwaitValidation(position) => position.current_leader.leader,
                FetchState::AwaitReset(_) => self.network.metadata.current_leader(partition).leader,
                FetchState::Initializing | FetchState::Fetching(_) => continue,
            };
            match (leader, state.fetch) {
                // `groupListOffsetRequests`. A position that awaits validation has a leader.
                (None, _) => self.network.metadata.request_update(true),
                (Some(node), FetchState::AwaitValidation(position)) => {
                    validations.entry(node).or_default().push((partition, position));
                }
                (Some(node), fetch) => {
                    let latest = fetch == FetchState::AwaitReset(OffsetResetStrategy::Latest);
                    resets.entry((node, latest)).or_default().push(partition);
                }
            }
        }
        for (node, requested) in validations {
            if self.network.ready(now_ms, node, entropy, out) {
                self.send_validation(now_ms, node, requested, out);
            }
        }
        for ((node, latest), partitions) in resets {
            if !self.network.ready(now_ms, node, entropy, out) && self.network.is_failed(node) {
                // `groupListOffsetRequests`: the leader may be another one when its reconnect backoff ends.
                self.network.metadata.request_update(false);
            } else {
                self.send_list_offsets(now_ms, node, latest, partitions, (entropy, out));
            }
        }
    }

    fn send_validation(
        &mut self,
        now_ms: i64,
        node: NodeId,
        requested: Vec<(TopicPartition, FetchPosition)>,
        out: &mut ClientOut,
    ) {
        let attempt = self.network.next_attempt();
        let mut questions = Vec::new();
        for (partition, position) in &requested {
            let leader_epoch = position.offset_epoch.unwrap_or(NO_EPOCH);
            let (api, at) = (ReadApi::OffsetForLeaderEpoch, i64::from(leader_epoch.0));
            out.observe(AttemptEvent::ReadInvoked { attempt, api, partition: *partition, at });
            questions.push(OffsetForLeaderPartition {
                partition: self.network.metadata.id_of(*partition),
                current_leader_epoch: position.current_leader.epoch.unwrap_or(NO_EPOCH),
                leader_epoch,
            });
        }
        let partitions: Vec<_> = requested.iter().map(|(partition, _)| *partition).collect();
        self.subscriptions.set_next_retry(&partitions, now_ms.saturating_add(self.config.client.request_timeout_ms));
        let request = OffsetForLeaderEpochRequest { replica_id: NodeId::NONE, partitions: Rc::from(questions) };
        let request = DataRequest::OffsetForLeaderEpoch(request);
        self.send(now_ms, node, request, InFlight::Validation(ValidationInFlight { attempt, requested }), out);
    }

    fn send_list_offsets(
        &mut self,
        now_ms: i64,
        node: NodeId,
        latest: bool,
        partitions: Vec<TopicPartition>,
        (entropy, out): (&mut dyn Entropy, &mut ClientOut),
    ) {
        let attempt = self.network.next_attempt();
        let (strategy, timestamp) = match latest {
            true => (OffsetResetStrategy::Latest, LATEST_TIMESTAMP),
            false => (OffsetResetStrategy::Earliest, EARLIEST_TIMESTAMP),
        };
        let mut questions = Vec::new();
        for partition in &partitions {
            let (api, at) = (ReadApi::ListOffsets, timestamp);
            out.observe(AttemptEvent::ReadInvoked { attempt, api, partition: *partition, at });
            questions.push(ListOffsetsPartition {
                partition: self.network.metadata.id_of(*partition),
                current_leader_epoch: self.network.metadata.current_leader(*partition).epoch.unwrap_or(NO_EPOCH),
                timestamp,
            });
        }
        self.subscriptions.set_next_retry(&partitions, now_ms.saturating_add(self.config.client.request_timeout_ms));
        let request =
            ListOffsetsRequest { replica_id: NodeId::NONE, meant_for: MeantFor::ANY, partitions: Rc::from(questions) };
        let in_flight = InFlight::List(ListInFlight { attempt, strategy, partitions });
        self.send_when_connected(now_ms, node, DataRequest::ListOffsets(request), in_flight, (entropy, out));
    }

    /// Processes a response to ListOffsets. Any error is retried after a backoff.
    pub(super) fn on_listed(
        &mut self,
        now_ms: i64,
        list: ListInFlight,
        answer: &ListOffsetsResponse,
        out: &mut ClientOut,
    ) {
        let ListInFlight { attempt, strategy, partitions } = list;
        let mut to_retry = Vec::new();
        for partition in partitions {
            let id = self.network.metadata.id_of(partition);
            let reported = answer.partitions.iter().find(|reported| reported.partition == id);
            let error = reported.map_or(ErrorCode::UnknownTopicId, |reported| reported.error);
            let Some(reported) =
                reported.filter(|reported| reported.error == ErrorCode::None && reported.offset.0 >= 0)
            else {
                out.observe(AttemptEvent::ReadFailed { attempt, partition, error });
                to_retry.push(partition);
                continue;
            };
            out.observe(AttemptEvent::ReadOk { attempt, partition, number: reported.offset.0 });
            if reported.leader_epoch.0 >= 0 {
                self.network.metadata.update_last_seen_epoch_if_newer(partition, reported.leader_epoch);
            }
            let leader = self.network.metadata.current_leader(partition);
            if self.subscriptions.complete_reset(partition, strategy, reported.offset, leader) {
                let (offset, cause) = (reported.offset, PositionCause::Reset);
                out.observe(AttemptEvent::PositionSet { partition, offset, cause });
            }
        }
        if !to_retry.is_empty() {
            self.retry_later(now_ms, &to_retry);
        }
    }

    /// Processes a response to OffsetForLeaderEpoch.
    pub(super) fn on_validated(
        &mut self,
        now_ms: i64,
        validation: ValidationInFlight,
        answer: &OffsetForLeaderEpochResponse,
        out: &mut ClientOut,
    ) {
        let ValidationInFlight { attempt, requested } = validation;
        let mut to_retry = Vec::new();
        let mut answered = Vec::new();
        let number = requested.len();
        for (partition, position) in requested {
            let id = self.network.metadata.id_of(partition);
            let reported = answer.partitions.iter().find(|reported| reported.partition == id);
            match reported.map_or(ErrorCode::UnknownTopicId, |reported| reported.error) {
                ErrorCode::None => answered.extend(reported.map(|reported| (partition, position, reported))),
                error => to_retry.push((partition, error)),
            }
        }
        if !to_retry.is_empty() && !self.retry_validation_later(now_ms, attempt, number, to_retry, out) {
            return;
        }
        for (partition, position, reported) in answered {
            self.complete_validation(attempt, (partition, position), reported, out);
        }
    }

    fn complete_validation(
        &mut self,
        attempt: u32,
        (partition, position): (TopicPartition, FetchPosition),
        reported: &EpochEndOffset,
        out: &mut ClientOut,
    ) {
        let (end_offset, end_epoch) = (reported.end_offset, reported.leader_epoch);
        let validated = self.subscriptions.complete_validation(partition, position, end_offset, end_epoch);
        if validated == Validated::Stale {
            out.observe(AttemptEvent::ReadStale { attempt, partition, error: ErrorCode::None });
            return;
        }
        if let Some(requested) = position.offset_epoch.filter(|_| position.is_of_lost_epoch(end_epoch)) {
            out.observe(AttemptEvent::EpochLost { partition, requested, answered: end_epoch });
        }
        out.observe(AttemptEvent::ReadOk { attempt, partition, number: end_offset.0 });
        match validated {
            Validated::Stale | Validated::Valid | Validated::Reset => {}
            Validated::Truncated(offset) => {
                let cause = PositionCause::Truncation;
                out.observe(AttemptEvent::PositionSet { partition, offset, cause });
            }
            Validated::Throws => self.throw(partition, ErrorCode::OffsetOutOfRange, out),
        }
    }

    /// Processes the errors of an answer to OffsetForLeaderEpoch for so many partitions. Returns false if Kafka throws
    /// here, at a partition that is not assigned any more: nothing else of the answer has an effect, so that the other
    /// partitions wait for `request.timeout.ms` (`SubscriptionState.setNextAllowedRetry`).
    fn retry_validation_later(
        &mut self,
        now_ms: i64,
        attempt: u32,
        requested: usize,
        failed: Vec<(TopicPartition, ErrorCode)>,
        out: &mut ClientOut,
    ) -> bool {
        let bugs = self.config.client.bugs;
        let retry_ms = now_ms.saturating_add(self.config.client.retry_backoff_ms);
        let mut partitions: Vec<_> = failed.iter().map(|(partition, _)| *partition).collect();
        sort_as_hash_set(&mut partitions, requested, &self.config.client.topics);
        for partition in partitions {
            let error =
                failed.iter().find(|(other, _)| *other == partition).map_or(ErrorCode::None, |(_, error)| *error);
            out.observe(AttemptEvent::ReadFailed { attempt, partition, error });
            if self.subscriptions.get(partition).is_none() && !self.config.client.fixes.has(Fix::RetryAssignedOnly) {
                return false;
            }
            self.subscriptions.set_next_retry(&[partition], retry_ms);
        }
        self.network.metadata.request_update(false);
        !bugs.has(Bug::ValidationEndsAtError)
    }

    /// A reset or a validation failed: it is retried after `retry.backoff.ms`, with new metadata.
    pub(super) fn retry_later(&mut self, now_ms: i64, partitions: &[TopicPartition]) {
        self.subscriptions.set_next_retry(partitions, now_ms.saturating_add(self.config.client.retry_backoff_ms));
        self.network.metadata.request_update(false);
    }
}
