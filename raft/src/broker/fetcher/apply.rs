//! How a leader's response changes a follower's log: append, truncate, or back off (controller-broker.md §6.5,
//! "Follower handling").

use std::rc::Rc;

use super::partition_state::{FetchState, OutOfRange};
use super::{Fetcher, ReplicaManager};
use crate::broker::log::{AppendRefusal, PartitionLog};
use crate::broker::observation::BrokerObservation;
use crate::broker::view::ClusterView;
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch, TopicIdPartition};
use crate::io::Probe;
use crate::message::ErrorCode;
use crate::message::data::{DataFetchResponse, FetchPartition, FetchablePartition, ListOffsetsResponse};
use crate::step::Step;

/// The next step of a partition after a response.
pub(super) enum NextStep {
    /// Nothing new: fetching continues from here.
    Unmoved(FetchState),
    /// Nothing new in the first answer: other partitions are first in the next request.
    First(FetchState),
    /// Fetching continues from here.
    Continue(FetchState),
    /// The log is another one: other partitions are first in the next request.
    Moved(FetchState),
    /// The fetch is repeated after the backoff.
    BackOff,
    /// No more fetches until the leader epoch increases.
    Failed,
}

impl Fetcher {
    /// Discards responses for partitions whose fetch state has changed since the request.
    pub(super) fn on_fetch(
        &mut self,
        requested: &[FetchPartition],
        answer: &DataFetchResponse,
        backoff_ms: i64,
        replicas: &mut ReplicaManager,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        if answer.error != ErrorCode::None {
            return self.delay_all(backoff_ms, step);
        }
        let any_epoch = replicas.bugs().has(Bug::Kafka18991StaleFetchApplied);
        for found in answer.partitions.iter() {
            let Some(state) = self.partitions.get(&found.partition).copied() else {
                cut_though_removed(requested, found, replicas, step);
                continue;
            };
            let of_this = |requested: &&FetchPartition| {
                requested.partition == found.partition && requested.fetch_offset == state.fetch_offset
            };
            let Some(requested) = requested.iter().find(of_this) else { continue };
            if !state.is_ready(step.now.mono_ns) || state.out_of_range.is_some() {
                continue;
            }
            let stale = requested.current_leader_epoch != state.leader_epoch;
            if stale {
                step.out.probe(Probe::StaleFetchAnswer);
            }
            if stale && !any_epoch {
                continue;
            }
            // `onPartitionFenced` has always compared epochs: an error for an older epoch does not fail the partition.
            let verdict = match found.error {
                ErrorCode::FencedLeaderEpoch if stale => NextStep::BackOff,
                _ => apply(found, state, replicas, step),
            };
            let moved = !matches!(verdict, NextStep::Unmoved(_) | NextStep::First(_));
            self.conclude(found.partition, verdict, backoff_ms, step);
            if moved {
                replicas.follower_moved(found.partition, view, step);
            }
        }
    }

    pub(super) fn conclude(&mut self, id: TopicIdPartition, verdict: NextStep, backoff_ms: i64, step: &Step<'_>) {
        match verdict {
            NextStep::Unmoved(next) | NextStep::Continue(next) => {
                let state = self.partitions.get_or_insert_with(id, || next.at(0));
                *state = next.at(state.turn);
            }
            NextStep::First(next) | NextStep::Moved(next) => {
                let turn = self.last_turn();
                self.partitions.insert(id, next.at(turn));
            }
            NextStep::BackOff => {
                let turn = self.last_turn();
                if let Some(state) = self.partitions.get_mut(&id) {
                    state.delay(backoff_ms, step);
                    state.turn = turn;
                }
            }
            NextStep::Failed => {
                self.partitions.remove(&id);
            }
        }
    }

    /// The leader's end or start offset, after OFFSET_OUT_OF_RANGE.
    pub(super) fn on_list_offsets(
        &mut self,
        stage: OutOfRange,
        requested: &[(TopicIdPartition, LeaderEpoch)],
        answer: &ListOffsetsResponse,
        backoff_ms: i64,
        replicas: &mut ReplicaManager,
        step: &mut Step<'_>,
    ) {
        for found in answer.partitions.iter() {
            let Some(state) = self.partitions.get(&found.partition).copied() else { continue };
            let current = requested.contains(&(found.partition, state.leader_epoch));
            if !current || state.out_of_range != Some(stage) {
                continue;
            }
            let verdict = match found.error {
                ErrorCode::None => back_in_range(found.partition, stage, found.offset, state, replicas, step),
                ErrorCode::FencedLeaderEpoch => NextStep::Failed,
                _ => NextStep::BackOff,
            };
            self.conclude(found.partition, verdict, backoff_ms, step);
        }
    }
}

fn apply(
    found: &FetchablePartition,
    state: FetchState,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) -> NextStep {
    match found.error {
        ErrorCode::None => {}
        ErrorCode::OffsetOutOfRange => {
            return NextStep::Continue(state.out_of_range(OutOfRange::Latest));
        }
        // The partition still has the epoch of the request: only a newer epoch helps.
        ErrorCode::FencedLeaderEpoch => return NextStep::Failed,
        ErrorCode::UnknownLeaderEpoch if replicas.bugs().has(Bug::UnknownEpochStopsFetching) => {
            return NextStep::Failed;
        }
        _ => return NextStep::BackOff,
    }
    match found.diverging_epoch {
        Some(diverging) => truncate(found.partition, diverging, state, replicas, step),
        None => append(found, state, replicas, step),
    }
}

fn append(
    found: &FetchablePartition,
    state: FetchState,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) -> NextStep {
    let id = found.partition;
    let Some(log) = replicas.log_mut(id) else { return NextStep::Failed };
    if log.end_offset() != state.fetch_offset {
        return NextStep::Failed;
    }
    // KAFKA-18723: a response may hold bytes that a later leader wrote over its log.
    let in_epoch = found.records.0.iter().take_while(|batch| batch.epoch <= state.leader_epoch).count();
    if in_epoch < found.records.0.len() {
        step.out.probe(Probe::BatchDropped);
    }
    let batches = &found.records.0[..in_epoch];
    let before = log.high_watermark();
    let result = log.append_as_follower(batches, step.now.wall_ms, step.out);
    if result.is_ok() {
        log.update_high_watermark(found.high_watermark);
    }
    let (end, offset) = (log.end_offset(), log.high_watermark());
    replicas.record_follower_append(found, state.leader_epoch, result, step);
    match result {
        Ok(()) => {}
        Err(AppendRefusal::Corrupt) => return NextStep::BackOff,
        Err(AppendRefusal::UnexpectedOffset) => return NextStep::Failed,
    }
    if offset != before {
        let (of, epoch) = (id.into(), state.leader_epoch);
        replicas.observe(BrokerObservation::FollowerHighWatermark { of, epoch, offset });
    }
    let last_fetched_epoch = batches.last().map(|batch: &Rc<_>| batch.epoch).or(state.last_fetched_epoch);
    let next = state.fetched(end, last_fetched_epoch);
    match batches {
        [] if state.has_lag && offset == before => NextStep::Unmoved(state),
        [] if state.has_lag => NextStep::Continue(state),
        [] if offset == before => NextStep::First(next),
        _ => NextStep::Moved(next),
    }
}

/// Truncates to where the logs may diverge. If the leader's epoch is not in this log, it truncates to the end of the
/// largest epoch below it, and the next fetch compares again.
fn truncate(
    id: TopicIdPartition,
    diverging: OffsetAndEpoch,
    state: FetchState,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) -> NextStep {
    let Some(log) = replicas.log_mut(id) else { return NextStep::Failed };
    let end = log.end_offset();
    let target = match log.end_offset_for(diverging.epoch) {
        None => diverging.offset.min(end),
        Some(local) if local.epoch == diverging.epoch => local.offset.min(diverging.offset).min(end),
        Some(local) => local.offset.min(end),
    };
    step.out.probe(Probe::DivergingFetch);
    if replicas.bugs().has(Bug::Kafka2143RestartFromZero) {
        replicas.truncate_fully_and_start_at(id, Offset(0), step);
    } else {
        replicas.truncate(id, target, step);
    }
    let (end, latest) = end_of_log(id, state, replicas);
    NextStep::Continue(state.truncated(end, latest, step))
}

/// [`Bug::Kafka13207AnswerForRemovedPartition`]
fn cut_though_removed(
    requested: &[FetchPartition],
    found: &FetchablePartition,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) {
    let requested = requested.iter().find(|requested| requested.partition == found.partition);
    if let (true, Some(requested), Some(diverging)) =
        (replicas.bugs().has(Bug::Kafka13207AnswerForRemovedPartition), requested, found.diverging_epoch)
    {
        let state = FetchState::new(requested.fetch_offset, requested.current_leader_epoch, None);
        truncate(found.partition, diverging, state, replicas, step);
    }
}

fn back_in_range(
    id: TopicIdPartition,
    stage: OutOfRange,
    leader: Offset,
    state: FetchState,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) -> NextStep {
    let Some(log) = replicas.log_mut(id) else { return NextStep::Failed };
    let end = log.end_offset();
    match stage {
        OutOfRange::Latest if leader >= end => {
            return NextStep::Continue(state.out_of_range(OutOfRange::Earliest));
        }
        OutOfRange::Latest => replicas.truncate(id, leader, step),
        OutOfRange::Earliest if leader > end => replicas.truncate_fully_and_start_at(id, leader, step),
        OutOfRange::Earliest => {}
    }
    let (end, latest) = end_of_log(id, state, replicas);
    NextStep::Moved(state.fetched(end, latest))
}

/// The end of a log that may have been cut, and the epoch of its last record.
fn end_of_log(id: TopicIdPartition, state: FetchState, replicas: &mut ReplicaManager) -> (Offset, Option<LeaderEpoch>) {
    let Some(log) = replicas.log_mut(id).map(|log: &mut PartitionLog| &*log) else {
        return (state.fetch_offset, state.last_fetched_epoch);
    };
    let (end, latest) = (log.end_offset(), log.latest_epoch());
    if end != state.fetch_offset {
        let (of, epoch) = (id.into(), state.leader_epoch);
        replicas.observe(BrokerObservation::Truncated { of, epoch, end });
    }
    (end, latest)
}
