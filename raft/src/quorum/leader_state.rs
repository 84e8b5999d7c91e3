//! The leader's state: the fetch offset of each voter, the high watermark (consensus.md §4.6), check quorum and the
//! BeginQuorumEpoch heartbeat (§2.2).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::accumulator::BatchAccumulator;
use super::change_voter::PendingChange;
use super::partition_state::PartitionState;
use super::timer::Timer;
use crate::bugs::{Bug, Bugs};
use crate::ids::{LeaderEpoch, NodeId, Offset, ReplicaKey};
use crate::log::{ControlRecord, LeaderChange, LogOffsetMetadata};
use crate::message::{Fields, Value};
use crate::voter_set::{VoterNode, VoterSet};

/// `OBSERVER_SESSION_TIMEOUT_MS`: an observer that has not fetched for so long is no more described.
const OBSERVER_SESSION_TIMEOUT_MS: i64 = 300_000;
/// `isReplicaCaughtUp`
const CAUGHT_UP_MS: i64 = 3_600_000;

/// The replication state of one voter, itself included, or of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ReplicaState {
    /// With the directory id, but for voters of kraft.version 0.
    key: ReplicaKey,
    end_offset: Option<LogOffsetMetadata>,
    last_fetch_ms: Option<i64>,
    /// The leader's log end at that fetch.
    last_fetch_leader_end: Option<Offset>,
    /// The latest time at which it is known to have had all of the leader's log.
    last_caught_up_ms: Option<i64>,
    has_acknowledged_leader: bool,
}

impl ReplicaState {
    fn new(key: ReplicaKey) -> ReplicaState {
        ReplicaState {
            key,
            end_offset: None,
            last_fetch_ms: None,
            last_fetch_leader_end: None,
            last_caught_up_ms: None,
            has_acknowledged_leader: false,
        }
    }

    fn matches(&self, key: ReplicaKey) -> bool {
        self.key.id == key.id && self.key.directory_id.is_none_or(|directory| key.directory_id == Some(directory))
    }

    /// `updateFollowerState`, without the fetch offset. One that now has what the leader had at the previous fetch was
    /// caught up then.
    fn fetched(&mut self, now_ms: i64, fetched: Offset, leader_end: Option<Offset>) {
        if let Some(leader_end) = leader_end {
            let had_all = self.last_fetch_leader_end.is_some_and(|end| end.0 > 0 && fetched >= end);
            if fetched >= leader_end {
                self.last_caught_up_ms = self.last_caught_up_ms.max(Some(now_ms));
            } else if had_all {
                self.last_caught_up_ms = self.last_caught_up_ms.max(self.last_fetch_ms);
            }
            self.last_fetch_leader_end = Some(leader_end);
        }
        self.last_fetch_ms = self.last_fetch_ms.max(Some(now_ms));
        self.has_acknowledged_leader = true;
    }

    fn info(&self, leader: NodeId, now_ms: i64) -> ReplicaInfo {
        let is_leader = self.key.id == leader;
        let time = |of: Option<i64>| if is_leader { now_ms } else { of.unwrap_or(-1) };
        ReplicaInfo {
            key: self.key,
            log_end_offset: self.end_offset.map_or(Offset(-1), |end| end.offset),
            last_fetch_timestamp: time(self.last_fetch_ms),
            last_caught_up_timestamp: time(self.last_caught_up_ms),
        }
    }
}

/// How far a voter has fetched.
#[derive(Clone, Copy, Debug)]
struct FetchOffset {
    key: ReplicaKey,
    end_offset: Option<LogOffsetMetadata>,
}

/// The answer to DescribeQuorum (55) v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumInfo {
    pub leader_id: NodeId,
    pub leader_epoch: LeaderEpoch,
    /// -1: unknown
    pub high_watermark: Offset,
    /// Ascending by id; observers, too.
    pub voters: Vec<ReplicaInfo>,
    pub observers: Vec<ReplicaInfo>,
}

/// A replica in [`QuorumInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaInfo {
    pub key: ReplicaKey,
    /// -1: unknown
    pub log_end_offset: Offset,
    /// ms of the leader's wall clock; -1: never
    pub last_fetch_timestamp: i64,
    /// ms of the leader's wall clock; -1: never
    pub last_caught_up_timestamp: i64,
}

/// The effect of a fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchCredit {
    /// The high watermark moved.
    pub high_watermark_updated: bool,
    /// The previous offset, if the new one is lower.
    pub moved_back_from: Option<Offset>,
}

/// Kafka's `KRaftVersionUpgrade`: what a leader of kraft.version 0 keeps for an upgrade to 1.
#[derive(Clone, Debug)]
pub enum KRaftVersionUpgrade {
    Empty,
    /// The voters as they have described themselves.
    Voters(VoterSet),
    /// The record of this level is in the accumulator or the log.
    Version(i16),
}

/// Kafka's `LeaderState`.
#[derive(Clone, Debug)]
pub struct LeaderState {
    local: VoterNode,
    /// Log end at the election: the offset of LeaderChange.
    pub epoch_start_offset: Offset,
    /// Unknown until a record of this epoch is on a majority.
    pub high_watermark: Option<LogOffsetMetadata>,
    /// The voters that granted their vote; written into LeaderChange.
    pub granting_voters: SmallVec<[NodeId; 7]>,
    pub accumulator: BatchAccumulator,
    /// `resign(epoch)` was requested; performed at the next poll.
    pub resign_requested: bool,
    /// The voter change that is pending; only one may be.
    pub pending_change: Option<PendingChange>,
    pub kraft_version_upgrade: KRaftVersionUpgrade,
    /// Of the last voter set that this leader has appended to its accumulator.
    pub last_voters_offset: Option<Offset>,
    /// The voters of `replicas`.
    voters: VoterSet,
    /// Their offset in the log, at the election; `None` if they are the static ones.
    offset_of_voters_at_start: Option<Offset>,
    kraft_version_at_start: i16,
    /// The voters, ascending by id.
    replicas: SmallVec<[ReplicaState; 7]>,
    /// Ascending by key.
    observers: Vec<ReplicaState>,
    fetched_voters: SmallVec<[NodeId; 7]>,
    check_quorum_timeout_ms: i64,
    check_quorum_timer: Timer,
    begin_quorum_epoch_interval_ms: i64,
    begin_quorum_epoch_timer: Timer,
    bugs: Bugs,
}

impl LeaderState {
    /// The state at the election; BeginQuorumEpoch is due at once.
    pub fn new(
        local: VoterNode,
        partition_state: &PartitionState,
        fetch_timeout_ms: i64,
        bugs: Bugs,
        (epoch_start_offset, granting_voters): (Offset, SmallVec<[NodeId; 7]>),
        accumulator: BatchAccumulator,
        now_ms: i64,
    ) -> LeaderState {
        let check_quorum_timeout_ms = fetch_timeout_ms * 3 / 2;
        let voters = partition_state.last_voter_set().clone();
        let kraft_version = partition_state.last_kraft_version();
        let with_own = (kraft_version == 0).then(|| voters.update_voter_ignoring_directory_id(local.clone()));
        LeaderState {
            local,
            epoch_start_offset,
            high_watermark: None,
            granting_voters,
            accumulator,
            resign_requested: false,
            pending_change: None,
            kraft_version_upgrade: with_own.flatten().map_or(KRaftVersionUpgrade::Empty, KRaftVersionUpgrade::Voters),
            replicas: voters.nodes().iter().map(|voter| ReplicaState::new(voter.key())).collect(),
            last_voters_offset: None,
            offset_of_voters_at_start: partition_state.last_voter_set_entry().map(|(offset, _)| offset),
            kraft_version_at_start: kraft_version,
            voters,
            observers: Vec::new(),
            fetched_voters: SmallVec::new(),
            check_quorum_timeout_ms,
            check_quorum_timer: Timer::new(now_ms, check_quorum_timeout_ms),
            begin_quorum_epoch_interval_ms: fetch_timeout_ms / 2,
            begin_quorum_epoch_timer: Timer::new(now_ms, 0),
            bugs,
        }
    }

    fn is_voter(&self, key: ReplicaKey) -> bool {
        self.replicas.iter().any(|replica| replica.matches(key))
    }

    /// `appendStartOfEpochControlRecords`: LeaderChange, and the voters if no leader has written them yet or this one has
    /// changed. `voters` is the last set of the log. `None` if there is none although `kraft.version` requires it, which is
    /// fatal.
    pub fn start_of_epoch_records(&self, voters: &VoterSet) -> Option<SmallVec<[ControlRecord; 3]>> {
        let change = ControlRecord::LeaderChange(LeaderChange {
            leader_id: self.local.id,
            voters: self.replicas.iter().map(|replica| replica.key.id).collect(),
            granting_voters: self.granting_voters.clone(),
        });
        let mut records: SmallVec<[ControlRecord; 3]> = smallvec::smallvec![change];
        if self.kraft_version_at_start > 0 {
            let is_of_bootstrap = self.offset_of_voters_at_start? == Offset(-1);
            if is_of_bootstrap || voters.voter_node_needs_update(&self.local) {
                records.push(ControlRecord::KRaftVersion(self.kraft_version_at_start));
                records.push(ControlRecord::KRaftVoters(voters.update_voter(self.local.clone())?));
            }
        }
        Some(records)
    }

    /// The leader's own log end moved, with the voters that the log has now; `true` if the high watermark did too.
    pub fn update_local_state(&mut self, end_offset: LogOffsetMetadata, voters: &VoterSet) -> bool {
        self.replica_mut(self.local.key()).end_offset = Some(end_offset);
        if !self.voters.is_same(voters) {
            self.update_voter_and_observer_states(voters);
        }
        self.maybe_update_high_watermark()
    }

    /// A valid fetch: its offset acknowledges that the voter holds all records below it, durably.
    pub fn update_replica_state(&mut self, key: ReplicaKey, now_ms: i64, fetched: LogOffsetMetadata) -> FetchCredit {
        assert!(key.id != self.local.id, "the leader {} fetched from itself", key.id);
        self.update_check_quorum(key, now_ms);
        let leader_end = self.replica_mut(self.local.key()).end_offset.map(|end| end.offset);
        let (is_voter, never_back) = (self.is_voter(key), self.bugs.has(Bug::FetchOffsetNeverGoesBack));
        let replica = self.replica_mut(key);
        let before = replica.end_offset.map(|end| end.offset);
        let moved_back_from = before.filter(|before| is_voter && *before > fetched.offset);
        if moved_back_from.is_none() || !never_back {
            replica.end_offset = Some(fetched);
        }
        replica.fetched(now_ms, fetched.offset, leader_end);
        if !is_voter {
            return FetchCredit::default();
        }
        FetchCredit { high_watermark_updated: self.maybe_update_high_watermark(), moved_back_from }
    }

    /// `getOrCreateReplicaState`
    fn replica_mut(&mut self, key: ReplicaKey) -> &mut ReplicaState {
        if let Some(place) = self.replicas.iter().position(|replica| replica.matches(key)) {
            return &mut self.replicas[place];
        }
        let place = self.observers.binary_search_by_key(&key, |of| of.key).unwrap_or_else(|place| {
            self.observers.insert(place, ReplicaState::new(key));
            place
        });
        &mut self.observers[place]
    }

    /// Another voter set is in force: observers become voters and voters observers, with all that is known of them.
    fn update_voter_and_observer_states(&mut self, voters: &VoterSet) {
        let mut old = std::mem::take(&mut self.replicas);
        for voter in voters.nodes() {
            let key = voter.key();
            let known = old.iter().find(|state| state.matches(key)).copied();
            let known = known.or_else(|| self.observers.iter().find(|state| state.key == key).copied());
            // Also the state of another directory of this id is dropped.
            old.retain(|state| state.key.id != key.id);
            self.observers.retain(|state| state.key != key);
            let state = known.unwrap_or_else(|| ReplicaState::new(key));
            self.replicas.push(ReplicaState { key, ..state });
        }
        for state in old {
            if let Err(place) = self.observers.binary_search_by_key(&state.key, |of| of.key) {
                self.observers.insert(place, state);
            }
        }
        self.voters = voters.clone();
    }

    /// `isReplicaCaughtUp`, of an observer.
    pub fn is_replica_caught_up(&self, key: ReplicaKey, now_ms: i64) -> bool {
        let positive = |of: Option<i64>| of.filter(|at_ms| *at_ms > 0);
        self.observers.iter().find(|state| state.key == key).is_some_and(|state| {
            positive(state.last_caught_up_ms).is_some()
                && positive(state.last_fetch_ms).is_some_and(|at_ms| at_ms > now_ms - CAUGHT_UP_MS)
        })
    }

    /// The answer to DescribeQuorum. Kafka forgets the observers that it leaves out; here they stay, so that describing
    /// changes nothing.
    pub fn describe(&self, epoch: LeaderEpoch, now_ms: i64) -> QuorumInfo {
        let info = |of: &ReplicaState| of.info(self.local.id, now_ms);
        let is_active = |of: &&ReplicaState| {
            of.key == self.local.key() || now_ms - of.last_fetch_ms.unwrap_or(-1) < OBSERVER_SESSION_TIMEOUT_MS
        };
        QuorumInfo {
            leader_id: self.local.id,
            leader_epoch: epoch,
            high_watermark: self.high_watermark.map_or(Offset(-1), |end| end.offset),
            voters: self.replicas.iter().map(info).collect(),
            observers: self.observers.iter().filter(is_active).map(info).collect(),
        }
    }

    /// Its timers by name, for instruments.
    pub fn timers(&self) -> [(&'static str, &Timer); 2] {
        [("checkQuorum", &self.check_quorum_timer), ("beginQuorumEpoch", &self.begin_quorum_epoch_timer)]
    }

    /// The state, for instruments.
    pub fn described(&self, epoch: LeaderEpoch, now_ms: i64) -> Value {
        let info = self.describe(epoch, now_ms);
        let replica = |of: &ReplicaInfo| {
            Value::of([
                ("id", of.key.id.value()),
                ("logEndOffset", of.log_end_offset.value()),
                ("lastFetchTimestamp", of.last_fetch_timestamp.value()),
                ("lastCaughtUpTimestamp", of.last_caught_up_timestamp.value()),
            ])
        };
        Value::of([
            ("epochStartOffset", self.epoch_start_offset.value()),
            ("voters", Value::List(info.voters.iter().map(replica).collect())),
            ("observers", Value::List(info.observers.iter().map(replica).collect())),
            ("fetchedVoters", Value::List(self.fetched_voters.iter().map(|id| id.value()).collect())),
            ("checkQuorumInMs", self.check_quorum_timer.remaining_at(now_ms).value()),
            ("beginQuorumEpochInMs", self.begin_quorum_epoch_timer.remaining_at(now_ms).value()),
            ("resignRequested", self.resign_requested.value()),
            ("accumulator", self.accumulator.described()),
        ])
    }

    fn maybe_update_high_watermark(&mut self) -> bool {
        let mut replicas = self.by_descending_fetch_offset();
        if self.bugs.has(Bug::LeaderCountedTwice) {
            let own = replicas.iter().position(|replica| replica.key.id == self.local.id);
            replicas.extend(own.map(|index| replicas[index]));
            sort_by_descending_fetch_offset(&mut replicas);
        }
        if self.bugs.has(Bug::Kafka16530LeaderOutsideVotersCounts) && !self.is_voter(self.local.key()) {
            let own = self.observers.iter().find(|state| state.key == self.local.key());
            replicas.extend(own.map(|own| FetchOffset { key: own.key, end_offset: own.end_offset }));
            sort_by_descending_fetch_offset(&mut replicas);
        }
        let Some(candidate) = replicas[self.replicas.len() / 2].end_offset else { return false };
        // Raft §5.4.2: records of older epochs commit only through a record of this epoch.
        if candidate.offset <= self.epoch_start_offset && !self.bugs.has(Bug::CountOldEpochReplicas) {
            return false;
        }
        let moves = match self.high_watermark {
            None => true,
            Some(current) if self.bugs.has(Bug::HighWatermarkGoesBack) => candidate != current,
            // The same offset in another segment counts as an update.
            Some(current) if candidate.offset == current.offset => candidate != current,
            Some(current) => candidate.offset > current.offset,
        };
        if moves {
            self.high_watermark = Some(candidate);
        }
        moves
    }

    /// `updateCheckQuorumForFollowingVoter`
    pub fn update_check_quorum(&mut self, key: ReplicaKey, now_ms: i64) {
        self.check_quorum_timer.update(now_ms);
        let (id, local) = (key.id, self.local.id);
        let counts = self.is_voter(key) || self.bugs.has(Bug::ObserverCountsForCheckQuorum);
        if id != local && counts && !self.fetched_voters.contains(&id) {
            self.fetched_voters.push(id);
        }
        // By the id alone, as in Kafka.
        let leader_is_voter = self.replicas.iter().any(|replica| replica.key.id == local)
            || self.bugs.has(Bug::Kafka16531CheckQuorumCountsLeader);
        let needed = self.replicas.len() / 2 + 1 - usize::from(leader_is_voter);
        if self.fetched_voters.len() >= needed {
            self.fetched_voters.clear();
            self.check_quorum_timer.reset(self.check_quorum_timeout_ms);
        }
    }

    /// 0: a majority has not fetched for 1.5 fetch timeouts. `i64::MAX` with a single voter.
    pub fn time_until_check_quorum_expires_ms(&mut self, now_ms: i64) -> i64 {
        // R08, KAFKA-16144: the wrong code has no exception for an only voter.
        let has_exception = !self.bugs.has(Bug::Kafka16144OnlyVoterChecksQuorum);
        if self.replicas.len() < 2 && has_exception || self.bugs.has(Bug::Kafka15489NoCheckQuorum) {
            return i64::MAX;
        }
        self.check_quorum_timer.update(now_ms);
        self.check_quorum_timer.remaining_ms()
    }

    /// 0: the heartbeat is due.
    pub fn time_until_begin_quorum_epoch_ms(&mut self, now_ms: i64) -> i64 {
        self.begin_quorum_epoch_timer.update(now_ms);
        self.begin_quorum_epoch_timer.remaining_ms()
    }

    /// Restarted when it fires, even if no connection was free to send on.
    pub fn reset_begin_quorum_epoch_timer(&mut self, now_ms: i64) {
        self.begin_quorum_epoch_timer.update(now_ms);
        self.begin_quorum_epoch_timer.reset(self.begin_quorum_epoch_interval_ms);
    }

    /// Voters that have not fetched for half a fetch timeout, without the leader.
    pub fn needing_begin_quorum_epoch(&self, now_ms: i64) -> SmallVec<[ReplicaKey; 7]> {
        let stale = |last: Option<i64>| last.is_none_or(|last| now_ms - last >= self.begin_quorum_epoch_interval_ms);
        self.replicas
            .iter()
            .filter(|replica| replica.key.id != self.local.id && stale(replica.last_fetch_ms))
            .map(|replica| replica.key)
            .collect()
    }

    /// BeginQuorumEpoch was answered; `false` if not by a voter.
    pub fn add_acknowledgement_from(&mut self, id: NodeId) -> bool {
        let found = self.replicas.iter_mut().find(|replica| replica.key.id == id);
        found.map(|replica| replica.has_acknowledged_leader = true).is_some()
    }

    /// The other voters, by descending fetch offset, unknown ones last, ties by id.
    pub fn voters_by_descending_fetch_offset(&self) -> Vec<ReplicaKey> {
        let replicas = self.by_descending_fetch_offset();
        let is_own = |key: ReplicaKey| {
            key.id == self.local.id && (key.directory_id.is_none() || key.directory_id == self.local.directory_id)
        };
        replicas.iter().map(|replica| replica.key).filter(|key| !is_own(*key)).collect()
    }

    fn by_descending_fetch_offset(&self) -> SmallVec<[FetchOffset; 7]> {
        let of = |replica: &ReplicaState| FetchOffset { key: replica.key, end_offset: replica.end_offset };
        let mut replicas: SmallVec<[FetchOffset; 7]> = self.replicas.iter().map(of).collect();
        sort_by_descending_fetch_offset(&mut replicas);
        replicas
    }
}

/// Kafka's `ReplicaState.compareTo`, which is no total order: the same offset in two segments compares as equal.
fn compare(one: &FetchOffset, other: &FetchOffset) -> Ordering {
    match (one.end_offset, other.end_offset) {
        (one_end, other_end) if one_end == other_end => one.key.cmp(&other.key),
        (Some(one_end), Some(other_end)) => other_end.offset.cmp(&one_end.offset),
        (one_end, _) => {
            if one_end.is_none() {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    }
}

/// An insertion sort, as Java's sort of so few elements.
fn sort_by_descending_fetch_offset(replicas: &mut [FetchOffset]) {
    for end in 1..replicas.len() {
        let before = replicas[..end].iter().rposition(|other| compare(other, &replicas[end]) != Ordering::Greater);
        replicas[before.map_or(0, |index| index + 1)..=end].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ControllerConfig, Voter};
    use crate::fixes::Fixes;
    use crate::ids::Uuid;
    use crate::message::Endpoint;

    fn at(offset: i64) -> LogOffsetMetadata {
        LogOffsetMetadata { offset: Offset(offset), segment_base_offset: Offset(0) }
    }

    /// `LeaderStateTest.testLastCaughtUpTimeVoters` and `testLastCaughtUpTimeObserver`
    #[test]
    fn a_replica_is_caught_up_when_it_has_what_the_leader_had_at_its_previous_fetch() {
        let endpoint = Endpoint { name: "CONTROLLER".into(), host: "localhost".into(), port: 9093 };
        let voter = |id| Voter { id: NodeId(id), endpoint: endpoint.clone() };
        let config = ControllerConfig::new(NodeId(0), [0, 1, 2].map(voter).into());
        let partition_state = PartitionState::new(config.static_voters(), Bugs::default(), Fixes::default());
        let local = config.local_voter_node(Uuid([9; 16]));
        let epoch = LeaderEpoch(5);
        let accumulator = BatchAccumulator::new(epoch, Offset(9), 0, 1_024, Bugs::default());
        let election = (Offset(9), SmallVec::new());
        let mut leader = LeaderState::new(local, &partition_state, 1_000, Bugs::default(), election, accumulator, 0);
        let observer = ReplicaKey { id: NodeId(7), directory_id: Some(Uuid([3; 16])) };
        for key in [ReplicaKey { id: NodeId(1), directory_id: Some(Uuid([1; 16])) }, observer] {
            let times = |leader: &LeaderState, now_ms| {
                let info = leader.describe(epoch, now_ms);
                let of = info.voters.iter().chain(&info.observers).find(|of| of.key.id == key.id).copied();
                of.map(|of| (of.log_end_offset.0, of.last_fetch_timestamp, of.last_caught_up_timestamp))
            };
            let voters = config.static_voters();
            leader.update_local_state(at(10), &voters);
            leader.update_replica_state(key, 100, at(5));
            assert_eq!(times(&leader, 100), Some((5, 100, -1)));
            leader.update_replica_state(key, 200, at(10));
            assert_eq!(times(&leader, 200), Some((10, 200, 200)), "it has all");
            leader.update_local_state(at(20), &voters);
            leader.update_replica_state(key, 300, at(10));
            assert_eq!(times(&leader, 300), Some((10, 300, 200)), "it has what the leader had at 200");
            leader.update_local_state(at(30), &voters);
            leader.update_replica_state(key, 400, at(20));
            assert_eq!(times(&leader, 400), Some((20, 400, 300)), "it has what the leader had at 300");
            leader.update_replica_state(key, 350, at(30));
            assert_eq!(times(&leader, 400), Some((30, 400, 350)), "a clock that goes back moves nothing back");
        }
        let info = leader.describe(epoch, 900);
        let own = info.voters[0];
        assert_eq!((own.key.id, own.last_fetch_timestamp, own.last_caught_up_timestamp), (NodeId(0), 900, 900));
        assert_eq!(info.voters[2].last_fetch_timestamp, -1);
        assert_eq!((info.voters[1].key.directory_id, info.observers[0].key), (None, observer));
        assert_eq!(leader.describe(epoch, 400 + OBSERVER_SESSION_TIMEOUT_MS).observers, []);
    }
}
