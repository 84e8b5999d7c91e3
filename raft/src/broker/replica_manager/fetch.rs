//! Fetch by followers and consumers: reads, the update of follower state by the fetch offset, and delayed fetches
//! (controller-broker.md §6.5, §6.7).
//!
//! Fetch sessions are not modelled: each request names all its partitions.

use super::delayed::{DelayedFetch, deadline_ns, respond};
use super::{ReplicaManager, check_topic_id};
use smallvec::SmallVec;

use crate::broker::dialogue::{Fetch, PartitionCall};
use crate::broker::log::PartitionLog;
use crate::broker::partition::{Partition, PartitionRead};
use crate::broker::view::ClusterView;
use crate::bugs::{Bug, Bugs};
use crate::ids::{NodeId, Offset, TopicIdPartition};
use crate::io::Connection;
use crate::log::Records;
use crate::message::data::{DataFetchRequest, DataFetchResponse, FetchPartition, FetchablePartition};
use crate::message::{DataResponse, ErrorCode};
use crate::step::Step;

/// Bytes that a fetch may still read; the first batch is sent whatever its size.
struct Budget {
    bytes: usize,
    at_least_one: bool,
}

impl ReplicaManager {
    /// Responds, or delays the request for at most its `max_wait_ms`.
    pub fn fetch(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        request: DataFetchRequest,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let now_ms = step.now.wall_ms;
        let mut touched: SmallVec<[TopicIdPartition; 8]> = SmallVec::new();
        let mut at_once = request.max_wait_ms <= 0 || request.partitions.is_empty();
        let mut bytes = 0;
        let mut answers = std::mem::take(&mut self.answers);
        let mut budget = Budget::of(&request);
        for requested in request.partitions.iter() {
            let known = check_topic_id(requested.partition, view);
            let limits = budget.limits(requested);
            let mut read = known.and_then(|()| self.read(request.replica_id, requested, &mut budget, view, now_ms));
            if let (Some(follower), Ok(found)) = (request.replica_id.known(), &read)
                && found.diverging_epoch.is_none()
            {
                let end = found.log_end_offset;
                match self.count_follower_fetch(follower, &request, requested, end, view, step) {
                    Ok(true) => touched.push(requested.partition),
                    Ok(false) => {}
                    Err(error) => read = Err(error),
                }
            }
            if known.is_ok() {
                let call = || fetched(&request, requested, limits, true, &read);
                self.record(requested.partition, call, step.out);
            }
            match &read {
                Ok(found) => {
                    bytes += size(&found.records);
                    at_once |= found.diverging_epoch.is_some();
                }
                Err(_) => at_once = true,
            }
            answers.push(self.answer(requested.partition, read, view));
        }
        self.tell(step);
        if at_once || bytes >= min_bytes(&request) {
            self.send(connection, correlation_id, &mut answers, step);
        } else {
            let deadline_ns = deadline_ns(step, i64::from(request.max_wait_ms));
            let segments = self.segments(&request);
            let held = DelayedFetch { connection, correlation_id, deadline_ns, request, segments };
            // `DelayedOperationPurgatory.tryCompleteElseWatch`
            if self.is_ready(&held) {
                answers.clear();
                self.read_again(&held, &mut answers, view, step);
            } else {
                self.fetches.push(held);
            }
        }
        answers.clear();
        self.answers = answers;
        self.complete_delayed(&touched, view, step);
    }

    fn read(
        &mut self,
        replica_id: NodeId,
        requested: &FetchPartition,
        budget: &mut Budget,
        view: &dyn ClusterView,
        now_ms: i64,
    ) -> Result<PartitionRead, ErrorCode> {
        let (follower, bugs) = (replica_id.known(), self.bugs());
        let (partition, _) = self.locate(requested.partition, view, now_ms)?;
        partition.check_access(requested.current_leader_epoch, follower.is_some())?;
        if follower.is_some_and(|follower| partition.remote(follower).is_none()) {
            // This leader has not received the assignment yet.
            return Err(ErrorCode::UnknownLeaderEpoch);
        }
        let diverging_epoch = partition.diverging_epoch(requested.fetch_offset, requested.last_fetched_epoch)?;
        let log = partition.log();
        let mut found = PartitionRead {
            high_watermark: log.high_watermark(),
            log_start_offset: log.start_offset(),
            log_end_offset: log.end_offset(),
            diverging_epoch,
            records: Records::default(),
        };
        if diverging_epoch.is_some() {
            return Ok(found);
        }
        if requested.fetch_offset < found.log_start_offset || requested.fetch_offset > found.log_end_offset {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let ahead = follower.is_none() && requested.fetch_offset > found.high_watermark;
        if ahead && bugs.has(Bug::OutOfRangeAboveHighWatermark) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let bound = bound(partition, follower, bugs);
        if requested.fetch_offset < bound {
            let (max_bytes, _) = budget.limits(requested);
            let records = log.read(requested.fetch_offset, bound, max_bytes);
            if budget.take(size(&records), max_bytes) {
                found.records = records;
            }
        }
        Ok(found)
    }

    /// A follower has everything below its fetch offset. Returns whether other requests may complete.
    fn count_follower_fetch(
        &mut self,
        follower: NodeId,
        request: &DataFetchRequest,
        requested: &FetchPartition,
        leader_log_end: Offset,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) -> Result<bool, ErrorCode> {
        let (partition, mut around) = self.locate(requested.partition, view, step.now.wall_ms)?;
        let moved = partition.update_follower_fetch_state(
            follower,
            request.replica_epoch,
            requested.fetch_offset,
            leader_log_end,
            &mut around,
        )?;
        let proposal = partition.maybe_expand_isr(follower, &mut around);
        let high_watermark_moved = moved && partition.maybe_increment_high_watermark(&mut around);
        if let Some(item) = proposal {
            self.submit_alter_partition(item, view, step);
        }
        Ok(high_watermark_moved)
    }

    fn answer(
        &self,
        partition: TopicIdPartition,
        read: Result<PartitionRead, ErrorCode>,
        view: &dyn ClusterView,
    ) -> FetchablePartition {
        match read {
            Ok(found) => FetchablePartition {
                partition,
                error: ErrorCode::None,
                high_watermark: found.high_watermark,
                log_start_offset: found.log_start_offset,
                diverging_epoch: found.diverging_epoch,
                current_leader: None,
                records: found.records,
            },
            Err(error) => FetchablePartition {
                partition,
                error,
                high_watermark: Offset(-1),
                log_start_offset: Offset(-1),
                diverging_epoch: None,
                current_leader: self.leader_hint(partition, error, view),
                records: Records::default(),
            },
        }
    }

    /// The segments in which a fetch reads.
    fn segments(&self, request: &DataFetchRequest) -> SmallVec<[Offset; 4]> {
        let segment_of = |it: &FetchPartition| {
            let partition = self.partitions.get(&it.partition);
            partition.map_or(Offset(0), |partition| partition.log().segment_base(it.fetch_offset))
        };
        request.partitions.iter().map(segment_of).collect()
    }

    /// Whether a delayed fetch may complete (`DelayedFetch.tryComplete`).
    fn is_ready(&self, held: &DelayedFetch) -> bool {
        let request = &held.request;
        let follower = request.replica_id.known();
        let mut bytes = 0;
        for (requested, segment) in request.partitions.iter().zip(&held.segments) {
            let Some(partition) = self.partitions.get(&requested.partition) else { return true };
            let access = partition.check_access(requested.current_leader_epoch, follower.is_some());
            let diverging = partition.diverging_epoch(requested.fetch_offset, requested.last_fetched_epoch);
            let log = partition.log();
            let bound = bound(partition, follower, self.bugs());
            // Case F: the leader was truncated. A consumer above the high watermark, which a new leader does not know
            // yet, is answered at once, too, and asks again without a wait.
            if access.is_err() || diverging != Ok(None) || requested.fetch_offset > bound {
                return true;
            }
            if requested.fetch_offset < bound {
                // Case F: also a fetch at the end of a segment that has rolled since.
                if *segment < log.segment_base(bound) {
                    return true;
                }
                // Counts the bytes in the log, not those that would be sent: part of a batch that is too large counts.
                let max_bytes = usize::try_from(requested.partition_max_bytes).unwrap_or(0);
                bytes += available(log, requested.fetch_offset, bound, max_bytes);
            }
        }
        bytes >= min_bytes(request)
    }

    /// Completes delayed fetches of these partitions where possible. They are read again; the follower's offset is not
    /// processed a second time.
    pub(super) fn complete_delayed_fetches(
        &mut self,
        touched: &[TopicIdPartition],
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let of_touched = |held: &DelayedFetch| held.request.partitions.iter().any(|p| touched.contains(&p.partition));
        self.release_fetches(|manager, held| of_touched(held) && manager.is_ready(held), view, step);
    }

    /// Completes fetches that have waited for their `max_wait_ms`.
    pub(super) fn expire_fetches(&mut self, view: &dyn ClusterView, step: &mut Step<'_>) {
        let now_ns = step.now.mono_ns;
        self.release_fetches(|_, held| held.deadline_ns <= now_ns, view, step);
    }

    fn release_fetches(
        &mut self,
        ready: impl Fn(&ReplicaManager, &DelayedFetch) -> bool,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut held = std::mem::take(&mut self.fetches);
        held.retain(|fetch| {
            if !ready(self, fetch) {
                return true;
            }
            let mut answers = std::mem::take(&mut self.answers);
            self.read_again(fetch, &mut answers, view, step);
            self.answers = answers;
            false
        });
        self.fetches = held;
    }

    /// `DelayedFetch.onComplete`
    fn read_again(
        &mut self,
        held: &DelayedFetch,
        answers: &mut Vec<FetchablePartition>,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let DelayedFetch { connection, correlation_id, request, .. } = held;
        let mut budget = Budget::of(request);
        for requested in request.partitions.iter() {
            let limits = budget.limits(requested);
            let read = self.read(request.replica_id, requested, &mut budget, view, step.now.wall_ms);
            let call = || fetched(request, requested, limits, false, &read);
            self.record(requested.partition, call, step.out);
            answers.push(self.answer(requested.partition, read, view));
        }
        self.send(*connection, *correlation_id, answers, step);
    }

    /// Empties `answers`; its memory is reused by the next fetch.
    fn send(
        &mut self,
        connection: Connection,
        correlation_id: i32,
        answers: &mut Vec<FetchablePartition>,
        step: &mut Step<'_>,
    ) {
        let partitions = self.fetched.share(answers.drain(..));
        let response = DataFetchResponse { error: ErrorCode::None, partitions };
        respond(connection, correlation_id, DataResponse::Fetch(response), step);
    }

    pub(super) fn next_fetch_deadline_ns(&self) -> Option<u64> {
        self.fetches.iter().map(|held| held.deadline_ns).min()
    }
}

impl Budget {
    fn of(request: &DataFetchRequest) -> Budget {
        Budget { bytes: usize::try_from(request.max_bytes).unwrap_or(0), at_least_one: true }
    }

    /// Of the next read: its `maxBytes` and `minOneMessage`.
    fn limits(&self, requested: &FetchPartition) -> (usize, bool) {
        let max_bytes = usize::try_from(requested.partition_max_bytes).unwrap_or(0).min(self.bytes);
        (max_bytes, self.at_least_one)
    }

    /// Whether `bytes` may be sent, of a partition that is limited to `max_bytes`.
    fn take(&mut self, bytes: usize, max_bytes: usize) -> bool {
        let fits = bytes <= max_bytes || self.at_least_one;
        if fits && bytes > 0 {
            self.at_least_one = false;
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        fits
    }
}

fn fetched(
    request: &DataFetchRequest,
    requested: &FetchPartition,
    (max_bytes, at_least_one): (usize, bool),
    updates_state: bool,
    result: &Result<PartitionRead, ErrorCode>,
) -> PartitionCall {
    let (replica_id, replica_epoch, requested) = (request.replica_id, request.replica_epoch, requested.clone());
    let fetch = Fetch { replica_id, replica_epoch, requested, max_bytes, at_least_one, updates_state };
    PartitionCall::FetchRecords { fetch, result: result.clone() }
}

/// §6.7: the exclusive end of what a reader may see.
fn bound(partition: &Partition, follower: Option<NodeId>, bugs: Bugs) -> Offset {
    let to_end = follower.is_some() || bugs.has(Bug::ReadUncommitted);
    if to_end { partition.log().end_offset() } else { partition.log().high_watermark() }
}

/// The bytes that a fetch waits for; at most the bytes that it may be sent (`KafkaApis.handleFetchRequest`): otherwise
/// a fetch with `max_bytes` below its `min_bytes` would wait for its whole `max_wait_ms` each time.
fn min_bytes(request: &DataFetchRequest) -> usize {
    usize::try_from(request.min_bytes.min(request.max_bytes)).unwrap_or(0)
}

/// Bytes from `from` to `end`, but at most `limit`.
fn available(log: &PartitionLog, from: Offset, end: Offset, limit: usize) -> usize {
    let mut bytes = 0;
    let mut batches = log.batches_between(from, end);
    while let (true, Some(batch)) = (bytes < limit, batches.next()) {
        bytes += batch.len_bytes();
    }
    bytes.min(limit)
}

fn size(records: &Records) -> usize {
    records.0.iter().map(|batch| batch.len_bytes()).sum()
}
