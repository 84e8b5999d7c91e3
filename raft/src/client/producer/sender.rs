//! Sending, and processing of responses: Kafka's `Sender` (controller-broker.md §6.6, §6.10).

use smallvec::SmallVec;

use super::accumulator::Drained;
use super::batch::ProducerBatch;
use super::{Producer, Sent};
use crate::bugs::Bug;
use crate::client::connections::{Answer, Completed};
use crate::client::errors::{is_invalid_metadata, is_retriable, produce_outcome};
use crate::client::{AttemptEvent, ClientOut, Outcome};
use crate::ids::{NodeId, Offset};
use crate::io::Entropy;
use crate::log::Records;
use crate::message::data::{PartitionProduceData, PartitionProduceResponse, ProduceRequest};
use crate::message::{DataRequest, DataResponse, ErrorCode, Request, Response};

const UNKNOWN_OFFSET: Offset = Offset(-1);

impl Producer {
    /// One round of the sender thread; returns true if another round may have work to do.
    pub(super) fn run_once(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) -> bool {
        if let Some(error) = self.fatal {
            self.abort_batches(error, out);
            return false;
        }
        if let Some(sequences) = &mut self.sequences {
            sequences.maybe_resolve_sequences();
            sequences.maybe_bump_epoch(&mut self.accumulator.batches);
            if !sequences.has_producer_id() {
                // As in Kafka nothing else is done meanwhile; even the delivery timeout is not checked.
                self.init_producer_id(now_ms, entropy, out);
                return false;
            }
        }
        self.send_producer_data(now_ms, entropy, out)
    }

    fn send_producer_data(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) -> bool {
        let check = self.accumulator.ready(&self.config, now_ms, &self.network.metadata);
        if !check.unknown_leader_topics.is_empty() {
            self.network.metadata.request_update(false);
        }
        let mut requests: SmallVec<[(NodeId, Drained); 2]> = SmallVec::new();
        for node in check.nodes {
            if self.network.ready(now_ms, node, entropy, out) {
                let (metadata, sequences) = (&self.network.metadata, self.sequences.as_mut());
                let drained = self.accumulator.drain(&self.config, now_ms, node, metadata, sequences);
                if !drained.is_empty() {
                    requests.push((node, drained));
                }
            }
        }
        if self.config.max_in_flight == 1 {
            for number in requests.iter().flat_map(|(_, drained)| drained) {
                if let Some(batch) = self.accumulator.batches.get(number) {
                    self.accumulator.mute(batch.partition);
                }
            }
        }
        let mut next_expiry_ms = self.accumulator.next_expiry_ms(&self.config);
        if next_expiry_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.expire_batches(now_ms, out);
            next_expiry_ms = self.accumulator.next_expiry_ms(&self.config);
        }
        for at_ms in [check.next_check_ms, next_expiry_ms].into_iter().flatten() {
            self.network.wake_at(at_ms);
        }
        let any = !requests.is_empty();
        for (node, drained) in requests {
            self.send_produce_request(now_ms, node, drained, out);
        }
        any
    }

    /// Expires batches whose delivery timeout is over, in queues and in flight.
    fn expire_batches(&mut self, now_ms: i64, out: &mut ClientOut) {
        let timeout_ms = self.config.delivery_timeout_ms;
        let late = |batch: &ProducerBatch| batch.on_wire && !batch.done && batch.is_expired(timeout_ms, now_ms);
        let batches = self.accumulator.batches.iter();
        let mut expired: Vec<u32> = batches.filter(|(_, batch)| late(batch)).map(|(number, _)| *number).collect();
        expired.extend(self.accumulator.expired(&self.config, now_ms));
        for number in expired {
            // The batch is processed once more after it has failed, as in Kafka.
            let Some(batch) = self.accumulator.batches.get(&number).cloned() else { continue };
            self.fail_batch(number, ErrorCode::RequestTimedOut, false, out);
            let on_wire = batch.on_wire || !self.config.client.bugs.has(Bug::UnresolvedOnlyOnTheWire);
            if let Some(sequences) = self.sequences.as_mut().filter(|_| batch.in_retry() && on_wire) {
                sequences.mark_sequence_unresolved(&batch);
            }
        }
    }

    fn send_produce_request(&mut self, now_ms: i64, node: NodeId, drained: Drained, out: &mut ClientOut) {
        let acks = self.config.acks;
        let mut sent = SmallVec::new();
        let mut partitions: SmallVec<[PartitionProduceData; 2]> = SmallVec::new();
        for number in drained {
            let attempt = self.network.next_attempt();
            let Some(batch) = self.accumulator.batches.get_mut(&number) else { continue };
            let partition = self.network.metadata.id_of(batch.partition);
            let records = Records([batch.records()].into_iter().collect());
            tell_invocation(attempt, number, batch, acks, out);
            sent.push(Sent { attempt, batch: number, partition });
            partitions.push(PartitionProduceData { partition, records });
        }
        let timeout_ms = self.config.client.request_timeout_ms;
        let wire_timeout_ms = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        let partitions = self.questions.share(partitions.drain(..));
        let request = ProduceRequest { acks, timeout_ms: wire_timeout_ms, partitions };
        let request = Request::Data(DataRequest::Produce(request));
        let correlation_id = self.network.send(now_ms, node, request, timeout_ms, acks != 0, out);
        self.in_flight.insert(correlation_id, sent);
    }

    /// A request has ended.
    pub(super) fn on_completed(
        &mut self,
        now_ms: i64,
        completed: Completed,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let initializing = self.initializing.in_flight.filter(|(id, _)| *id == completed.correlation_id);
        if let Some((_, attempt)) = initializing {
            return self.on_init_producer_id(now_ms, attempt, completed.answer, entropy, out);
        }
        let Some(sent) = self.in_flight.remove(&completed.correlation_id) else { return };
        let (default, answer) = match completed.answer {
            Answer::Response(Response::Data(DataResponse::Produce(answer))) => {
                (ErrorCode::UnknownServerError, Some(answer))
            }
            Answer::Response(_) => (ErrorCode::UnknownServerError, None),
            Answer::Sent => (ErrorCode::None, None),
            Answer::Disconnected => (ErrorCode::NetworkException, None),
        };
        let reported_of =
            |partition| answer.iter().flat_map(|it| &*it.partitions).find(|reported| reported.partition == partition);
        let mut hints = Vec::new();
        for Sent { attempt, batch: number, partition } in sent {
            let reported = reported_of(partition).cloned().unwrap_or(PartitionProduceResponse {
                partition,
                error: default,
                base_offset: UNKNOWN_OFFSET,
                log_start_offset: UNKNOWN_OFFSET,
                current_leader: None,
            });
            let error = reported.error;
            out.observe(match produce_outcome(error) {
                Outcome::Done if reported.base_offset.0 >= 0 => {
                    AttemptEvent::ProduceOk { attempt, base_offset: reported.base_offset }
                }
                Outcome::Done | Outcome::Unknown => AttemptEvent::ProduceUnknown { attempt, error },
                Outcome::Failed => AttemptEvent::ProduceFailed { attempt, error },
            });
            let Some(batch) = self.accumulator.batches.get_mut(&number) else { continue };
            batch.on_wire = false;
            let partition = batch.partition;
            if matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
                hints.extend(reported.current_leader.clone().map(|hint| (partition, hint)));
            }
            self.complete_batch(now_ms, number, &reported, entropy, out);
            self.accumulator.unmute(partition);
        }
        for (partition, hint) in hints {
            self.network.metadata.update_partition_leadership(partition, &hint);
        }
    }

    fn complete_batch(
        &mut self,
        now_ms: i64,
        number: u32,
        reported: &PartitionProduceResponse,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let Some(batch) = self.accumulator.batches.get(&number) else { return };
        let (error, attempts) = (reported.error, batch.attempts);
        if error == ErrorCode::MessageTooLarge && batch.values.len() > 1 && !batch.done {
            let partition = batch.partition;
            let parts = self.accumulator.split_and_reenqueue(&self.config, number);
            for into in &parts {
                out.observe(AttemptEvent::BatchSplit { batch: number, into: *into });
                if let Some(part) = self.accumulator.batches.get_mut(into) {
                    tell_values(*into, part, out);
                }
            }
            if let Some(sequences) = &mut self.sequences {
                sequences.replace_in_flight(number, partition, &parts);
            }
            return;
        }
        if matches!(error, ErrorCode::None | ErrorCode::DuplicateSequenceNumber) {
            // A duplicate that the broker no longer has in its state is success without an offset.
            return self.acknowledge_batch(number, reported.base_offset, out);
        }
        let may_retry =
            !batch.is_expired(self.config.delivery_timeout_ms, now_ms) && attempts < self.config.retries && !batch.done;
        let can_retry = may_retry
            && match &mut self.sequences {
                Some(sequences) => sequences.can_retry(batch, error, reported.log_start_offset),
                None => is_retriable(error),
            };
        if can_retry {
            let backoff_ms = self.config.client.retry_backoff().draw_ms(attempts, entropy);
            let backoff_ms = if self.config.client.bugs.has(Bug::BatchRetriedAtOnce) { 0 } else { backoff_ms };
            self.accumulator.reenqueue(now_ms, backoff_ms, number);
        } else {
            self.fail_batch(number, error, attempts < self.config.retries, out);
        }
        if is_invalid_metadata(error) {
            self.network.metadata.request_update(false);
        }
    }

    fn acknowledge_batch(&mut self, number: u32, base_offset: Offset, out: &mut ClientOut) {
        let Some(batch) = self.accumulator.batches.get_mut(&number) else { return };
        // Also for a batch that has expired: its sequence is now resolved.
        if let Some(sequences) = &mut self.sequences {
            sequences.handle_completed_batch(number, batch);
        }
        if !std::mem::replace(&mut batch.done, true) {
            out.observe(AttemptEvent::BatchAcked { batch: number, base_offset });
        }
        self.accumulator.deallocate(number);
    }

    fn fail_batch(&mut self, number: u32, error: ErrorCode, adjust_sequence_numbers: bool, out: &mut ClientOut) {
        let Some(batch) = self.accumulator.batches.get_mut(&number) else { return };
        if !std::mem::replace(&mut batch.done, true) {
            if let Some(sequences) = &mut self.sequences {
                sequences.handle_failed_batch(number, batch.partition, error, adjust_sequence_numbers);
            }
            tell_values(number, batch, out);
            out.observe(AttemptEvent::BatchFailed { batch: number, error });
        }
        self.accumulator.deallocate(number);
    }

    /// Kafka's `transitionToFatalError`.
    pub(super) fn fail_for_good(&mut self, error: ErrorCode, out: &mut ClientOut) {
        self.fatal = Some(error);
        out.observe(AttemptEvent::ProducerFatal { error });
    }

    fn abort_batches(&mut self, error: ErrorCode, out: &mut ClientOut) {
        for number in self.accumulator.abort() {
            self.fail_batch(number, error, false, out);
        }
    }
}

/// The events that a history needs before an attempt is sent.
fn tell_invocation(attempt: u32, number: u32, batch: &mut ProducerBatch, acks: i16, out: &mut ClientOut) {
    let acks = i8::try_from(acks).expect("acks were checked to be -1, 0 or 1");
    let count = batch.count().unsigned_abs();
    let (partition, leader_epoch) = (batch.partition, batch.leader_epoch.map_or(-1, |epoch| epoch.0 as i16));
    out.observe(AttemptEvent::ProduceInvoked { attempt, batch: number, partition, acks, count, leader_epoch });
    if let Some(state) = batch.state {
        out.observe(AttemptEvent::ProduceSequence {
            attempt,
            producer_id: state.session.id,
            producer_epoch: state.session.epoch,
            base_sequence: state.base_sequence,
        });
    }
    for (first_value, count) in batch.runs() {
        out.observe(AttemptEvent::ProduceValues { attempt, first_value, count });
    }
    batch.reported = true;
}

/// The values of a batch that was never sent under its number.
fn tell_values(number: u32, batch: &mut ProducerBatch, out: &mut ClientOut) {
    if !std::mem::replace(&mut batch.reported, true) {
        for (first_value, count) in batch.runs() {
            out.observe(AttemptEvent::BatchValues { batch: number, first_value, count });
        }
    }
}
