//! The fetch state of one partition: Kafka's PartitionFetchState.

use crate::broker::replica_manager::ReplicaManager;
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, Offset, TopicIdPartition};
use crate::step::Step;

/// The offset to request next after OFFSET_OUT_OF_RANGE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutOfRange {
    /// The end of the leader's log.
    Latest,
    /// The start of the leader's log.
    Earliest,
}

impl OutOfRange {
    /// The timestamp of the ListOffsets request.
    pub fn timestamp(self) -> i64 {
        match self {
            OutOfRange::Latest => -1,
            OutOfRange::Earliest => -2,
        }
    }
}

/// The fetch state of one followed partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchState {
    pub fetch_offset: Offset,
    pub leader_epoch: LeaderEpoch,
    /// Epoch of the last record; `None` in an empty log.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    pub out_of_range: Option<OutOfRange>,
    /// The position in a request: partitions are ordered by ascending turn.
    pub turn: u64,
    /// The leader has answered without an error before: Kafka's `lag` is known.
    pub has_lag: bool,
    /// The last delay, also when it is over. Kafka's record computes when it ends whenever one is made from another.
    delay_ns: Option<u64>,
    delayed_until_ns: Option<u64>,
}

impl FetchState {
    pub fn new(fetch_offset: Offset, leader_epoch: LeaderEpoch, last_fetched_epoch: Option<LeaderEpoch>) -> FetchState {
        FetchState {
            fetch_offset,
            leader_epoch,
            last_fetched_epoch,
            out_of_range: None,
            turn: 0,
            has_lag: false,
            delay_ns: None,
            delayed_until_ns: None,
        }
    }

    /// After an answer without an error the next fetch is from here.
    pub fn fetched(self, fetch_offset: Offset, last_fetched_epoch: Option<LeaderEpoch>) -> FetchState {
        FetchState { has_lag: true, ..FetchState::new(fetch_offset, self.leader_epoch, last_fetched_epoch) }
    }

    /// The log was cut where it diverged from the leader's. A delay that is over begins anew: the new state is made with
    /// the old one's `delay` (`updateFetchOffsetAndMaybeMarkTruncationComplete`), so that a follower that was refused first
    /// waits for `replica.fetch.backoff.ms` twice.
    pub fn truncated(
        self,
        fetch_offset: Offset,
        last_fetched_epoch: Option<LeaderEpoch>,
        step: &Step<'_>,
    ) -> FetchState {
        let delayed_until_ns = self.delay_ns.map(|delay| step.now.mono_ns.saturating_add(delay));
        FetchState { fetch_offset, last_fetched_epoch, delayed_until_ns, ..self }
    }

    /// With this position in a request.
    pub fn at(self, turn: u64) -> FetchState {
        FetchState { turn, ..self }
    }

    /// The leader's `stage` offset is requested next.
    pub fn out_of_range(self, stage: OutOfRange) -> FetchState {
        FetchState { out_of_range: Some(stage), ..self }
    }

    /// Backs off; a longer delay is kept (`delayPartitions` does not change delayed partitions).
    pub fn delay(&mut self, backoff_ms: i64, step: &Step<'_>) {
        if self.is_ready(step.now.mono_ns) {
            let backoff_ns = u64::try_from(backoff_ms).unwrap_or(0).saturating_mul(1_000_000);
            self.delay_ns = Some(backoff_ns);
            self.delayed_until_ns = Some(step.now.mono_ns.saturating_add(backoff_ns));
        }
    }

    pub fn is_ready(&self, now_ns: u64) -> bool {
        self.delayed_until_ns.is_none_or(|until| until <= now_ns)
    }

    pub fn delayed_until_ns(&self) -> Option<u64> {
        self.delayed_until_ns
    }
}

/// The state at a new leader epoch. A log without epochs has no records to compare: it is truncated to its high
/// watermark (Kafka's TRUNCATING).
pub(super) fn initial_state(
    id: TopicIdPartition,
    leader_epoch: LeaderEpoch,
    replicas: &mut ReplicaManager,
    step: &mut Step<'_>,
) -> Option<FetchState> {
    let always = replicas.bugs().has(Bug::Kip101TruncateToHighWatermark);
    let log = replicas.log_mut(id)?;
    if log.latest_epoch().is_none() || always {
        let target = log.high_watermark();
        replicas.truncate(id, target, step);
    }
    let log = replicas.log_mut(id)?;
    Some(FetchState::new(log.end_offset(), leader_epoch, log.latest_epoch()))
}
