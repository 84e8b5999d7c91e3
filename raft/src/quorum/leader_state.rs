//! The leader's state: the fetch offset of each voter, the high watermark (consensus.md §4.6), check quorum and the
//! BeginQuorumEpoch heartbeat (§2.2).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::accumulator::BatchAccumulator;
use super::timer::Timer;
use super::voter_set::VoterSet;
use crate::bugs::{Bug, Bugs};
use crate::ids::{NodeId, Offset, ReplicaKey};
use crate::io::{Connection, Effect};
use crate::log::LogOffsetMetadata;
use crate::message::{CurrentLeader, ErrorCode, KRaftVersionFeature, Response, UpdateRaftVoterResponse};

/// The replication state of one voter, itself included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ReplicaState {
    id: NodeId,
    end_offset: Option<LogOffsetMetadata>,
    last_fetch_ms: Option<i64>,
    has_acknowledged_leader: bool,
}

/// The effect of a fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchCredit {
    /// The high watermark moved.
    pub high_watermark_updated: bool,
    /// The previous offset, if the new one is lower.
    pub moved_back_from: Option<Offset>,
}

/// Kafka's `UpdateVoterHandlerState`: an UpdateRaftVoter that is answered when its sender has answered ApiVersions.
#[derive(Clone, Debug)]
pub struct UpdateVoterHandlerState {
    pub voter: NodeId,
    pub supported: KRaftVersionFeature,
    pub connection: Connection,
    pub correlation_id: i32,
    pub timeout: Timer,
}

/// The answer to an UpdateRaftVoter.
pub fn update_voter_response(
    connection: Connection,
    correlation_id: i32,
    error: ErrorCode,
    current_leader: CurrentLeader,
) -> Effect {
    let response = Response::UpdateRaftVoter(UpdateRaftVoterResponse { error, current_leader });
    Effect::SendResponse { connection, correlation_id, response }
}

/// Kafka's `LeaderState`.
#[derive(Clone, Debug)]
pub struct LeaderState {
    local: NodeId,
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
    pub update_voter: Option<UpdateVoterHandlerState>,
    replicas: SmallVec<[ReplicaState; 7]>,
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
        local: NodeId,
        voters: &VoterSet,
        fetch_timeout_ms: i64,
        bugs: Bugs,
        (epoch_start_offset, granting_voters): (Offset, SmallVec<[NodeId; 7]>),
        accumulator: BatchAccumulator,
        now_ms: i64,
    ) -> LeaderState {
        let check_quorum_timeout_ms = fetch_timeout_ms * 3 / 2;
        let replica = |id| ReplicaState { id, end_offset: None, last_fetch_ms: None, has_acknowledged_leader: false };
        LeaderState {
            local,
            epoch_start_offset,
            high_watermark: None,
            granting_voters,
            accumulator,
            resign_requested: false,
            update_voter: None,
            replicas: voters.ids().iter().map(|id| replica(*id)).collect(),
            fetched_voters: SmallVec::new(),
            check_quorum_timeout_ms,
            check_quorum_timer: Timer::new(now_ms, check_quorum_timeout_ms),
            begin_quorum_epoch_interval_ms: fetch_timeout_ms / 2,
            begin_quorum_epoch_timer: Timer::new(now_ms, 0),
            bugs,
        }
    }

    fn is_voter(&self, id: NodeId) -> bool {
        self.replicas.iter().any(|replica| replica.id == id)
    }

    /// The leader's own log end moved; `true` if the high watermark did too.
    pub fn update_local_state(&mut self, end_offset: LogOffsetMetadata) -> bool {
        let local = self.local;
        if let Some(own) = self.replicas.iter_mut().find(|replica| replica.id == local) {
            own.end_offset = Some(end_offset);
        }
        self.maybe_update_high_watermark()
    }

    /// A valid fetch: its offset acknowledges that the voter holds all records below it, durably.
    pub fn update_replica_state(&mut self, id: NodeId, now_ms: i64, fetched: LogOffsetMetadata) -> FetchCredit {
        assert!(id != self.local, "the leader {id} fetched from itself");
        self.update_check_quorum(id, now_ms);
        let Some(replica) = self.replicas.iter_mut().find(|replica| replica.id == id) else {
            return FetchCredit::default();
        };
        let before = replica.end_offset.map(|end| end.offset);
        let moved_back_from = before.filter(|before| *before > fetched.offset);
        if moved_back_from.is_none() || !self.bugs.has(Bug::FetchOffsetNeverGoesBack) {
            replica.end_offset = Some(fetched);
        }
        replica.last_fetch_ms = Some(now_ms.max(replica.last_fetch_ms.unwrap_or(now_ms)));
        replica.has_acknowledged_leader = true;
        FetchCredit { high_watermark_updated: self.maybe_update_high_watermark(), moved_back_from }
    }

    fn maybe_update_high_watermark(&mut self) -> bool {
        let mut replicas = self.by_descending_fetch_offset();
        if self.bugs.has(Bug::LeaderCountedTwice) {
            let own = replicas.iter().position(|replica| replica.id == self.local);
            replicas.extend(own.map(|index| replicas[index]));
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
    pub fn update_check_quorum(&mut self, id: NodeId, now_ms: i64) {
        self.check_quorum_timer.update(now_ms);
        let counts = self.is_voter(id) || self.bugs.has(Bug::ObserverCountsForCheckQuorum);
        if id != self.local && counts && !self.fetched_voters.contains(&id) {
            self.fetched_voters.push(id);
        }
        let leader_is_voter = self.is_voter(self.local);
        let needed = self.replicas.len() / 2 + 1 - usize::from(leader_is_voter);
        if self.fetched_voters.len() >= needed {
            self.fetched_voters.clear();
            self.check_quorum_timer.reset(self.check_quorum_timeout_ms);
        }
    }

    /// 0: a majority has not fetched for 1.5 fetch timeouts. `i64::MAX` with a single voter.
    pub fn time_until_check_quorum_expires_ms(&mut self, now_ms: i64) -> i64 {
        if self.replicas.len() < 2 || self.bugs.has(Bug::Kafka15489NoCheckQuorum) {
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
    pub fn needing_begin_quorum_epoch(&self, now_ms: i64) -> SmallVec<[NodeId; 7]> {
        let stale = |last: Option<i64>| last.is_none_or(|last| now_ms - last >= self.begin_quorum_epoch_interval_ms);
        self.replicas
            .iter()
            .filter(|replica| replica.id != self.local && stale(replica.last_fetch_ms))
            .map(|replica| replica.id)
            .collect()
    }

    /// BeginQuorumEpoch was answered; `false` if not by a voter.
    pub fn add_acknowledgement_from(&mut self, id: NodeId) -> bool {
        let found = self.replicas.iter_mut().find(|replica| replica.id == id);
        found.map(|replica| replica.has_acknowledged_leader = true).is_some()
    }

    /// The other voters, by descending fetch offset, unknown ones last, ties by id.
    pub fn voters_by_descending_fetch_offset(&self) -> Vec<ReplicaKey> {
        let replicas = self.by_descending_fetch_offset();
        let others = replicas.iter().filter(|replica| replica.id != self.local);
        others.map(|replica| ReplicaKey { id: replica.id, directory_id: None }).collect()
    }

    fn by_descending_fetch_offset(&self) -> SmallVec<[ReplicaState; 7]> {
        let mut replicas = self.replicas.clone();
        sort_by_descending_fetch_offset(&mut replicas);
        replicas
    }
}

/// Kafka's `ReplicaState.compareTo`, which is no total order: the same offset in two segments compares as equal.
fn compare(one: &ReplicaState, other: &ReplicaState) -> Ordering {
    match (one.end_offset, other.end_offset) {
        (one_end, other_end) if one_end == other_end => one.id.cmp(&other.id),
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
fn sort_by_descending_fetch_offset(replicas: &mut [ReplicaState]) {
    for end in 1..replicas.len() {
        let before = replicas[..end].iter().rposition(|other| compare(other, &replicas[end]) != Ordering::Greater);
        replicas[before.map_or(0, |index| index + 1)..=end].rotate_right(1);
    }
}
