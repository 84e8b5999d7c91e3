//! The state of a consumer's assigned partitions: Kafka's `SubscriptionState` (controller-broker.md §6.7).

use smallvec::SmallVec;

use crate::bugs::{Bug, Bugs};
use crate::client::metadata::LeaderAndEpoch;
use crate::client::{OffsetResetStrategy, PositionShown, TopicPartition};
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, Offset};
use crate::sorted_map::SortedMap;

/// Kafka's `FetchPosition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchPosition {
    /// The next offset to read.
    pub offset: Offset,
    /// Leader epoch of the record before it; unknown after a seek or a reset. After a truncation it is the epoch in the
    /// response ([`Fix::CompareEpochOfPosition`]: of the record read before it, if one is left).
    pub offset_epoch: Option<LeaderEpoch>,
    /// The leader against which this position was last checked.
    pub current_leader: LeaderAndEpoch,
}

impl FetchPosition {
    /// Whether the epoch in a response to OffsetForLeaderEpoch is older than this position's: the leader has no records
    /// of that.
    pub fn is_of_lost_epoch(&self, answered: LeaderEpoch) -> bool {
        self.offset_epoch.is_some_and(|epoch| (0..epoch.0).contains(&answered.0))
    }
}

/// Kafka's `FetchStates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchState {
    /// There is no position yet.
    Initializing,
    /// Records may be fetched.
    Fetching(FetchPosition),
    /// Waits for ListOffsets.
    AwaitReset(OffsetResetStrategy),
    /// OffsetForLeaderEpoch checks whether the log was truncated below the position.
    AwaitValidation(FetchPosition),
}

/// The state of one partition.
#[derive(Clone, Debug)]
pub(super) struct PartitionState {
    pub fetch: FetchState,
    /// No reset or validation is sent earlier.
    pub next_retry_ms: i64,
    /// `poll` threw; nothing is read until the application seeks.
    pub failed: bool,
    /// When it was last moved to the end of the order in which partitions are fetched; 0 if never.
    moved: u64,
    /// The epochs of the records read since the last seek or reset, and the start of each.
    read: SmallVec<[(LeaderEpoch, Offset); 2]>,
}

impl PartitionState {
    /// Nothing has been read yet.
    fn new(fetch: FetchState) -> PartitionState {
        PartitionState { fetch, next_retry_ms: i64::MIN, failed: false, moved: 0, read: SmallVec::new() }
    }
}

/// A partition that may be fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetchable {
    moved: u64,
    pub partition: TopicPartition,
    pub position: FetchPosition,
}

/// The result of a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validated {
    /// The position has changed since the request.
    Stale,
    /// The position is valid.
    Valid,
    /// The position was set back to the offset where the logs diverge.
    Truncated(Offset),
    /// The position is to be reset.
    Reset,
    /// `poll` throws `LogTruncationException`.
    Throws,
}

#[derive(Clone, Debug)]
pub(super) struct SubscriptionState {
    reset_strategy: OffsetResetStrategy,
    bugs: Bugs,
    fixes: Fixes,
    partitions: SortedMap<TopicPartition, PartitionState>,
    moves: u64,
}

impl SubscriptionState {
    pub fn new(reset_strategy: OffsetResetStrategy, bugs: Bugs, fixes: Fixes) -> SubscriptionState {
        SubscriptionState { reset_strategy, bugs, fixes, partitions: SortedMap::new(), moves: 0 }
    }

    /// The assigned partitions, in order.
    pub fn assigned(&self) -> Vec<TopicPartition> {
        self.partitions.keys().copied().collect()
    }

    pub fn get(&self, partition: TopicPartition) -> Option<&PartitionState> {
        self.partitions.get(&partition)
    }

    /// Kafka's `assignFromUser`: a partition that stays assigned keeps its position.
    pub fn assign(&mut self, partitions: &[TopicPartition]) {
        self.partitions.retain(|partition, _| partitions.contains(partition));
        for partition in partitions {
            self.partitions.get_or_insert_with(*partition, || PartitionState::new(FetchState::Initializing));
        }
    }

    /// The application's `seek`; the new position needs no validation.
    pub fn seek(&mut self, partition: TopicPartition, offset: Offset, current_leader: LeaderAndEpoch) -> bool {
        let Some(state) = self.partitions.get_mut(&partition) else { return false };
        let position = FetchPosition { offset, offset_epoch: None, current_leader };
        *state = PartitionState { moved: state.moved, ..PartitionState::new(FetchState::Fetching(position)) };
        true
    }

    /// Starts the reset of partitions without a position. Returns those that cannot be reset: `auto.offset.reset` is
    /// none.
    pub fn reset_initializing(&mut self) -> Vec<TopicPartition> {
        let initializing = |state: &PartitionState| state.fetch == FetchState::Initializing && !state.failed;
        let partitions: Vec<_> =
            self.partitions.iter().filter(|(_, state)| initializing(state)).map(|(p, _)| *p).collect();
        partitions.into_iter().filter(|partition| !self.request_offset_reset(*partition)).collect()
    }

    /// Requests a reset of the position; returns false if `poll` throws instead.
    pub fn request_offset_reset(&mut self, partition: TopicPartition) -> bool {
        let strategy = self.reset_strategy;
        let Some(state) = self.partitions.get_mut(&partition) else { return true };
        if strategy == OffsetResetStrategy::None {
            state.failed = true;
            return false;
        }
        (state.fetch, state.next_retry_ms) = (FetchState::AwaitReset(strategy), i64::MIN);
        true
    }

    /// Processes a response to ListOffsets; returns true if it is still relevant.
    pub fn complete_reset(
        &mut self,
        partition: TopicPartition,
        strategy: OffsetResetStrategy,
        offset: Offset,
        current_leader: LeaderAndEpoch,
    ) -> bool {
        let state = self.partitions.get_mut(&partition);
        let Some(state) = state.filter(|state| state.fetch == FetchState::AwaitReset(strategy)) else { return false };
        let position = FetchPosition { offset, offset_epoch: None, current_leader };
        (state.fetch, state.next_retry_ms) = (FetchState::Fetching(position), i64::MIN);
        state.read.clear();
        true
    }

    /// Checks the position against the leader now known: another leader or epoch may have another log. Requires that
    /// the epoch of the position is known.
    pub fn maybe_validate(&mut self, partition: TopicPartition, leader: LeaderAndEpoch) {
        let Some(state) = self.partitions.get_mut(&partition) else { return };
        let position = match state.fetch {
            FetchState::Fetching(position) | FetchState::AwaitValidation(position) => position,
            FetchState::Initializing | FetchState::AwaitReset(_) => return,
        };
        if leader.leader.is_none() || position.current_leader == leader {
            return;
        }
        let position = FetchPosition { current_leader: leader, ..position };
        state.next_retry_ms = i64::MIN;
        state.fetch = if self.bugs.has(Bug::ConsumerResetsAtNewLeader) {
            FetchState::AwaitReset(OffsetResetStrategy::Latest)
        } else if position.offset_epoch.is_some()
            && leader.epoch.is_some()
            && !self.bugs.has(Bug::Kafka7747NoPositionValidation)
        {
            FetchState::AwaitValidation(position)
        } else {
            FetchState::Fetching(position)
        };
    }

    /// Processes a response to OffsetForLeaderEpoch for the position at the request; -1 is undefined.
    pub fn complete_validation(
        &mut self,
        partition: TopicPartition,
        requested: FetchPosition,
        end_offset: Offset,
        end_epoch: LeaderEpoch,
    ) -> Validated {
        let has_policy = self.reset_strategy != OffsetResetStrategy::None;
        let state = self.partitions.get_mut(&partition);
        let Some(state) = state.filter(|state| state.fetch == FetchState::AwaitValidation(requested)) else {
            return Validated::Stale;
        };
        let lost_epoch = requested.is_of_lost_epoch(end_epoch) && self.fixes.has(Fix::CompareEpochOfPosition);
        // Records of later epochs are lost, wherever the epoch of the response ends.
        let later = state.read.iter().find(|(epoch, _)| lost_epoch && *epoch > end_epoch).map(|(_, begins)| *begins);
        let end_offset = later.map_or(end_offset, |begins| begins.min(end_offset));
        if end_offset.0 < 0 || end_epoch.0 < 0 || lost_epoch && later.is_none() {
            if self.request_offset_reset(partition) { Validated::Reset } else { Validated::Throws }
        } else if end_offset >= requested.offset {
            state.fetch = FetchState::Fetching(requested);
            Validated::Valid
        } else if has_policy {
            state.read.retain(|(_, begins)| *begins < end_offset);
            let offset_epoch = match self.fixes.has(Fix::CompareEpochOfPosition) {
                // There may be no record of the epoch in the response, and the next log need not have any of it.
                true => state.read.last().map(|(epoch, _)| *epoch),
                false => Some(end_epoch),
            };
            let position = FetchPosition { offset: end_offset, offset_epoch, ..requested };
            // The leader need not have what was read of the epoch that the position has now, either: as a follower does
            // (`AbstractFetcherThread.getOffsetTruncationState`), ask until the epochs are the same.
            state.fetch = match lost_epoch && offset_epoch.is_some() {
                true => FetchState::AwaitValidation(position),
                false => FetchState::Fetching(position),
            };
            state.next_retry_ms = i64::MIN;
            Validated::Truncated(end_offset)
        } else {
            state.failed = true;
            Validated::Throws
        }
    }

    /// Advances the position to one past the returned records.
    pub fn advance(&mut self, partition: TopicPartition, offset: Offset, epoch: LeaderEpoch) {
        let Some(state) = self.partitions.get_mut(&partition) else { return };
        if let FetchState::Fetching(position) = &mut state.fetch {
            if state.read.last().is_none_or(|(last, _)| *last != epoch) {
                state.read.push((epoch, position.offset));
            }
            let of_leader = position.current_leader.epoch.filter(|_| self.bugs.has(Bug::PositionTakesLeaderEpoch));
            (position.offset, position.offset_epoch) = (offset, of_leader.or(Some(epoch)));
        }
    }

    /// No reset or validation of these partitions is sent before `at_ms`.
    pub fn set_next_retry(&mut self, partitions: &[TopicPartition], at_ms: i64) {
        for partition in partitions {
            if let Some(state) = self.partitions.get_mut(partition) {
                state.next_retry_ms = at_ms;
            }
        }
    }

    /// Kafka's `movePartitionToEnd`: records of it were read, or it failed, so that others come first in the next Fetch.
    pub fn move_to_end(&mut self, partition: TopicPartition) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            self.moves += 1;
            state.moved = self.moves;
        }
    }

    /// Kafka's `fetchablePartitions`, and what `AbstractFetch.prepareFetchRequests` leaves out of them: those whose position
    /// `is_available`, in the order in which they are fetched.
    pub fn fetchable(&self, is_available: impl Fn(&FetchPosition) -> bool) -> SmallVec<[Fetchable; 8]> {
        let mut fetchable: SmallVec<[Fetchable; 8]> = SmallVec::new();
        for (partition, state) in self.partitions.iter() {
            match state.fetch {
                FetchState::Fetching(position) if !state.failed && is_available(&position) => {
                    fetchable.push(Fetchable { moved: state.moved, partition: *partition, position });
                }
                _ => {}
            }
        }
        fetchable.sort_by_key(|it| it.moved);
        fetchable
    }

    /// The position of a partition that may be fetched.
    pub fn position(&self, partition: TopicPartition) -> Option<FetchPosition> {
        let state = self.partitions.get(&partition).filter(|state| !state.failed)?;
        match state.fetch {
            FetchState::Fetching(position) => Some(position),
            _ => None,
        }
    }

    /// The state of each assigned partition.
    pub fn shown(&self) -> Vec<PositionShown> {
        let shown = |(partition, state): (&TopicPartition, &PartitionState)| {
            let (name, position) = match state.fetch {
                FetchState::Initializing => ("INITIALIZING", None),
                FetchState::Fetching(position) => ("FETCHING", Some(position)),
                FetchState::AwaitReset(_) => ("AWAIT_RESET", None),
                FetchState::AwaitValidation(position) => ("AWAIT_VALIDATION", Some(position)),
            };
            let position = position.map(|it| (it.offset, it.offset_epoch, it.current_leader.shown(*partition)));
            PositionShown { partition: *partition, state: name, failed: state.failed, position }
        };
        self.partitions.iter().map(shown).collect()
    }

    /// Whether any partition waits for a reset or a validation.
    pub fn any_waiting(&self) -> bool {
        let waits =
            |state: &PartitionState| matches!(state.fetch, FetchState::AwaitReset(_) | FetchState::AwaitValidation(_));
        self.partitions.values().any(waits)
    }

    /// When the next delayed reset or validation may be sent.
    pub fn next_retry_ms(&self, now_ms: i64) -> Option<i64> {
        let waits = |state: &&PartitionState| {
            let asks = matches!(state.fetch, FetchState::AwaitReset(_) | FetchState::AwaitValidation(_));
            asks && !state.failed && state.next_retry_ms > now_ms
        };
        self.partitions.values().filter(waits).map(|state| state.next_retry_ms).min()
    }

    /// Whether it has a position that is neither being validated nor reset.
    pub fn is_fetching(&self, partition: TopicPartition) -> bool {
        self.position(partition).is_some()
    }

    /// Whether the position is still the one of a fetch to this leader. Kafka compares only the offsets.
    pub fn is_fetching_from(&self, partition: TopicPartition, offset: Offset, leader: LeaderAndEpoch) -> bool {
        let any_leader = !self.fixes.has(Fix::CompareEpochOfPosition);
        let position = self.position(partition);
        position.is_some_and(|it| it.offset == offset && (any_leader || it.current_leader == leader))
    }
}
