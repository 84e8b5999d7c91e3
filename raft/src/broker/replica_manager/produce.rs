//! Produce: append on the leader, and wait for the ISR if the producer requests it (controller-broker.md §6.6).

use smallvec::SmallVec;

use super::delayed::{DelayedProduce, PartitionStatus, deadline_ns, respond};
use super::{ReplicaManager, check_topic_id, not_hosted};
use crate::broker::dialogue::PartitionCall;
use crate::broker::log::LeaderAppend;
use crate::broker::view::ClusterView;
use crate::bugs::Bug;
use crate::ids::{Offset, TopicIdPartition};
use crate::io::{Connection, Effect, Out};
use crate::message::data::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse};
use crate::message::{DataResponse, ErrorCode};
use crate::slices::Slices;
use crate::step::Step;

impl ReplicaManager {
    /// Responds, at once or later. With acks=0 there is no response, and an error closes the connection.
    pub fn produce(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: &ProduceRequest,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut statuses: SmallVec<[PartitionStatus; 1]> = SmallVec::with_capacity(request.partitions.len());
        let mut appended: SmallVec<[TopicIdPartition; 4]> = SmallVec::new();
        for data in request.partitions.iter() {
            let (status, moved) = self.append(data, request.acks, view, step);
            if moved {
                appended.push(data.partition);
            }
            statuses.push(status);
        }
        if request.acks == 0 {
            let failed = statuses.iter().any(|status| status.response.error != ErrorCode::None);
            self.tell(step);
            step.out.push(if failed { Effect::HangUp { connection } } else { Effect::NoResponse { connection } });
            return self.complete_delayed(&appended, view, step);
        }
        let mut delayed = DelayedProduce {
            connection,
            correlation_id,
            deadline_ns: deadline_ns(step, i64::from(request.timeout_ms)),
            partitions: statuses,
        };
        self.tell(step);
        if self.try_complete_produce(&mut delayed, view, step.out) {
            delayed.respond(&mut self.produced, step);
        } else {
            self.produces.push(delayed);
        }
        // Followers waited for these records, and a lone leader has committed them.
        self.complete_delayed(&appended, view, step);
    }

    /// Appends to one partition; returns the result, and whether anything was written.
    fn append(
        &mut self,
        data: &PartitionProduceData,
        acks: i16,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) -> (PartitionStatus, bool) {
        let id = data.partition;
        let result = if matches!(acks, -1..=1) {
            check_topic_id(id, view).and_then(|()| {
                let (partition, mut around) = self.locate(id, view, step.now.wall_ms)?;
                let result = partition.append_as_leader(&data.records, acks, &mut around, step.out);
                let start = partition.log().start_offset();
                let records = || data.records.clone();
                self.record(id, || PartitionCall::AppendAsLeader { records: records(), acks, result }, step.out);
                Ok((result?, start))
            })
        } else {
            Err(ErrorCode::InvalidRequiredAcks)
        };
        let bugs = self.bugs();
        let (error, mut base_offset, log_start_offset, required, moved) = match result {
            Ok((LeaderAppend::Appended { first, last }, start)) => (ErrorCode::None, first, start, Some(last), true),
            // In Kafka a duplicate waits until its original is committed.
            Ok((LeaderAppend::Duplicate { first, last }, start)) => (ErrorCode::None, first, start, Some(last), false),
            Err(error) => (error, Offset(-1), Offset(-1), None, false),
        };
        if error == ErrorCode::None && bugs.has(Bug::AckWrongOffset) {
            base_offset.0 -= 1;
        }
        let current_leader = self.leader_hint(id, error, view);
        let response = PartitionProduceResponse { partition: id, error, base_offset, log_start_offset, current_leader };
        let past_last = |last: Offset| Offset(last.0 + i64::from(!bugs.has(Bug::AckAtLastOffset)));
        let required = required.filter(|_| acks == -1 && !bugs.has(Bug::AckAtAppend)).map(past_last);
        (PartitionStatus { response, required }, moved)
    }

    /// Decides partitions where possible; returns whether all are decided.
    fn try_complete_produce(&self, delayed: &mut DelayedProduce, view: &dyn ClusterView, out: &mut Out) -> bool {
        for status in &mut delayed.partitions {
            let Some(required) = status.required else { continue };
            let id = status.response.partition;
            let error = match self.partitions.get(&id) {
                Some(partition) => {
                    let result = partition.acknowledgement(required);
                    self.record(id, || PartitionCall::CheckReached { required, result }, out);
                    result
                }
                None => Some(not_hosted(id, view)),
            };
            if let Some(error) = error {
                let hint = self.leader_hint(id, error, view);
                status.decide(error);
                status.response.current_leader = hint;
            }
        }
        delayed.partitions.iter().all(|status| status.required.is_none())
    }

    /// These partitions have a higher high watermark, or have lost their leader.
    pub(super) fn complete_delayed_produces(
        &mut self,
        touched: &[TopicIdPartition],
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut waiting = std::mem::take(&mut self.produces);
        waiting.retain_mut(|delayed| {
            let done = delayed.waits_for(touched) && self.try_complete_produce(delayed, view, step.out);
            if done {
                delayed.respond(&mut self.produced, step);
            }
            !done
        });
        self.produces = waiting;
    }

    /// Completes requests that have waited for their `timeoutMs`: the outcome is unknown.
    pub(super) fn expire_produces(&mut self, step: &mut Step<'_>) {
        let produced = &mut self.produced;
        self.produces.retain_mut(|delayed| {
            let expired = delayed.deadline_ns <= step.now.mono_ns;
            if expired {
                let undecided = delayed.partitions.iter_mut().filter(|status| status.required.is_some());
                undecided.for_each(|status| status.decide(ErrorCode::RequestTimedOut));
                delayed.respond(produced, step);
            }
            !expired
        });
    }

    pub(super) fn next_produce_deadline_ns(&self) -> Option<u64> {
        self.produces.iter().map(|delayed| delayed.deadline_ns).min()
    }
}

impl DelayedProduce {
    fn waits_for(&self, touched: &[TopicIdPartition]) -> bool {
        let undecided = self.partitions.iter().filter(|status| status.required.is_some());
        undecided.map(|status| status.response.partition).any(|id| touched.contains(&id))
    }

    fn respond(&mut self, produced: &mut Slices<PartitionProduceResponse>, step: &mut Step<'_>) {
        let partitions = produced.share(self.partitions.drain(..).map(|status| status.response));
        let response = DataResponse::Produce(ProduceResponse { partitions });
        respond(self.connection, self.correlation_id, response, step);
    }
}

impl PartitionStatus {
    fn decide(&mut self, error: ErrorCode) {
        self.required = None;
        self.response.error = error;
        if error != ErrorCode::None {
            self.response.base_offset = Offset(-1);
            self.response.log_start_offset = Offset(-1);
        }
    }
}
