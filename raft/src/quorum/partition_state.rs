//! Kafka's `KRaftControlRecordStateMachine`, its `partitionState`: the voter set and the level of `kraft.version` by the
//! control records of the local log and its snapshot, committed or not (consensus.md §6.1).

use super::log_history::LogHistory;
use crate::bugs::{Bug, Bugs};
use crate::fixes::{Fix, Fixes};
use crate::ids::{Offset, OffsetAndEpoch};
use crate::log::{Batch, ControlRecord, RaftLog};
use crate::snapshot::{Snapshot, snapshot_path};
use crate::step::{Fatal, throw};
use crate::voter_set::{KRaftVersionFeature, VoterNode, VoterSet};

/// `STARTING_NEXT_OFFSET`: nothing was read.
const STARTING_NEXT_OFFSET: Offset = Offset(-1);

#[derive(Clone, Debug)]
pub struct PartitionState {
    /// Those of `controller.quorum.voters`; empty if the quorum is dynamic.
    static_voters: VoterSet,
    voters: LogHistory<VoterSet>,
    kraft_versions: LogHistory<i16>,
    /// All records below are read. A truncation does not move it back: what replaces the truncated records is not read before
    /// the process starts again, as far as it is below (`truncateNewEntries`).
    next_offset: Offset,
    /// The voters now, and `kraft.version`.
    last: (VoterSet, i16),
    bugs: Bugs,
    fixes: Fixes,
}

impl PartitionState {
    /// Nothing is read.
    pub fn new(static_voters: VoterSet, bugs: Bugs, fixes: Fixes) -> PartitionState {
        PartitionState {
            last: (static_voters.clone(), 0),
            static_voters,
            voters: LogHistory::default(),
            kraft_versions: LogHistory::default(),
            next_offset: STARTING_NEXT_OFFSET,
            bugs,
            fixes,
        }
    }

    /// Reads what is new: the latest snapshot if the log no longer has what comes next, and the log
    /// (`updateState`).
    pub fn update_state(&mut self, log: &RaftLog) -> Result<(), Fatal> {
        let is_new = self.next_offset == STARTING_NEXT_OFFSET;
        if is_new || self.next_offset < log.start_offset() {
            match log.latest_snapshot_id() {
                Some(id) => self.load_snapshot(id, log)?,
                None if is_new => self.next_offset = Offset(0),
                None => {}
            }
        }
        if self.next_offset < log.end_offset() {
            log.batches_from(self.next_offset).try_for_each(|batch| self.handle_batch(batch))?;
        }
        Ok(())
    }

    /// A snapshot has replaced the log (`updateState`). Kafka reads it only if it ends above what was read.
    pub fn on_log_replaced(&mut self, log: &RaftLog) -> Result<(), Fatal> {
        if self.fixes.has(Fix::ReadControlRecordsAfterTruncation) {
            self.next_offset = STARTING_NEXT_OFFSET;
        }
        self.update_state(log)
    }

    fn load_snapshot(&mut self, id: OffsetAndEpoch, log: &RaftLog) -> Result<(), Fatal> {
        self.kraft_versions.clear();
        self.voters.clear();
        let Some(bytes) = log.snapshot(id) else { return Ok(()) };
        match Snapshot::of_control_only(id, bytes, self.bugs) {
            Ok(snapshot) => {
                let at = Offset(id.offset.0 - 1);
                snapshot.control_records().try_for_each(|record| self.handle(at, record))?;
                self.next_offset = id.offset;
                self.set_last();
                Ok(())
            }
            Err(error) => throw!("{}: {error}", snapshot_path(id)),
        }
    }

    fn handle_batch(&mut self, batch: &Batch) -> Result<(), Fatal> {
        if batch.control {
            let records = match batch.control_records() {
                Ok(records) => records,
                Err(error) => throw!("the control batch at offset {}: {error}", batch.base_offset),
            };
            for (offset, record) in (batch.base_offset.0..).zip(records) {
                self.handle(Offset(offset), record)?;
            }
            self.set_last();
        }
        self.next_offset = batch.next_offset();
        Ok(())
    }

    fn handle(&mut self, offset: Offset, record: ControlRecord) -> Result<(), Fatal> {
        let is_added = match record {
            ControlRecord::KRaftVoters(voters) => self.voters.add_at(offset, voters),
            ControlRecord::KRaftVersion(level) if !KRaftVersionFeature::SUPPORTED.contains(level) => {
                throw!("the control record at offset {offset} has the unknown kraft.version {level}")
            }
            ControlRecord::KRaftVersion(level) => self.kraft_versions.add_at(offset, level),
            ControlRecord::LeaderChange(_) | ControlRecord::SnapshotHeader { .. } | ControlRecord::SnapshotFooter => {
                true
            }
        };
        if !is_added {
            throw!("the control record at offset {offset} is not behind the last one of its kind");
        }
        Ok(())
    }

    fn set_last(&mut self) {
        let voters = match self.bugs.has(Bug::Kip853DirectoryIdIgnored) {
            true => by_id(self.last_written_voter_set()),
            false => self.last_written_voter_set().clone(),
        };
        self.last = (voters, self.kraft_versions.last_entry().map_or(0, |(_, level)| *level));
    }

    /// The log was truncated to `end`.
    pub fn truncate_new_entries(&mut self, end: Offset) {
        if self.bugs.has(Bug::VotersKeptAtTruncation) {
            return;
        }
        self.voters.truncate_new_entries(end);
        self.kraft_versions.truncate_new_entries(end);
        self.set_last();
        if self.fixes.has(Fix::ReadControlRecordsAfterTruncation) {
            self.next_offset = self.next_offset.min(end);
        }
    }

    /// There is a snapshot up to `start`.
    pub fn truncate_old_entries(&mut self, start: Offset) {
        self.voters.truncate_old_entries(start);
        self.kraft_versions.truncate_old_entries(start);
    }

    /// The voters now: by what it says of them a replica is known.
    pub fn last_voter_set(&self) -> &VoterSet {
        &self.last.0
    }

    /// The voters now, as the last record has them. (Another value than [`PartitionState::last_voter_set`] only with the bug
    /// `Kip853DirectoryIdIgnored`.)
    pub fn last_written_voter_set(&self) -> &VoterSet {
        self.voters.last_entry().map_or(&self.static_voters, |(_, voters)| voters)
    }

    /// The last voter set of the log or its snapshot, and its offset; `None` if the voters are the static ones.
    pub fn last_voter_set_entry(&self) -> Option<(Offset, &VoterSet)> {
        self.voters.last_entry()
    }

    pub fn last_kraft_version(&self) -> i16 {
        self.last.1
    }

    /// Of a record that was read.
    pub fn voter_set_at(&self, offset: Offset) -> Option<&VoterSet> {
        self.voters.value_at_or_before(offset)
    }

    /// Of a record that was read.
    pub fn kraft_version_at(&self, offset: Offset) -> i16 {
        self.kraft_versions.value_at_or_before(offset).copied().unwrap_or(0)
    }
}

/// R13, before KAFKA-16527: the voters without their directory ids.
fn by_id(voters: &VoterSet) -> VoterSet {
    VoterSet::of(voters.nodes().iter().map(|voter| VoterNode { directory_id: None, ..voter.clone() }).collect())
}
