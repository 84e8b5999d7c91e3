//! What is on the disk of one server, and what it has reported.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use raft::io::Role;
use raft::log::{LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, QUORUM_STATE, parse_segment_path};
use raft::snapshot::SnapshotFile;
use raft::voter_set::VoterSet;
use sim::watch::{Down, Synced, Write};

use super::SnapshotPhase;
use super::covering::{SNAPSHOT_SUFFIX, SnapshotShown};
use super::ledger::Ledger;
use super::log::LogModel;
use super::small_files::{InodeIndex, SmallFiles, is_small_file};
use super::state_files::{Election, parse_epoch_checkpoint, parse_quorum_state};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A segment, by its base offset.
    Segment(Offset),
    Small(InodeIndex),
}

pub(super) fn segment_base(path: &str) -> Option<Offset> {
    parse_segment_path(path).ok().flatten()
}

/// The snapshots among these files, ascending, and whether their bytes are durable, and their names.
pub(super) fn snapshots_of<'a>(files: impl Iterator<Item = (&'a str, (bool, bool))>) -> Vec<SnapshotShown> {
    let shown = files.filter_map(|(path, (has_durable_bytes, has_durable_name))| match SnapshotFile::parse(path)? {
        SnapshotFile::Complete(id) => {
            Some(SnapshotShown { id, has_durable_bytes, is_durable: has_durable_bytes && has_durable_name })
        }
        SnapshotFile::Partial(_) | SnapshotFile::Deleted(_) => None,
    });
    let mut shown: Vec<SnapshotShown> = shown.collect();
    shown.sort_by_key(|shown| shown.id);
    shown
}

#[derive(Clone, Debug)]
pub struct ServerModel {
    pub id: NodeId,
    /// By `meta.properties`.
    pub directory_id: Option<Uuid>,
    /// A snapshot that it downloaded has replaced its log, and its metadata loader has not read that.
    pub has_snapshot_to_load: bool,
    /// Its leader has named a snapshot to it, which it has not installed.
    pub downloads_snapshot: bool,
    /// A lookup of another server has failed since its process booted, and none has led to a connection.
    pub finds_no_server: bool,
    /// Its process has opened a connection.
    pub has_connected: bool,
    /// In the committed voter set.
    pub voter: bool,
    /// Its disk has the cluster id of the others.
    pub belongs: bool,
    /// The segments of its metadata log are smaller than the smallest `metadata.log.segment.bytes`.
    pub has_small_segments: bool,
    /// Life number; grows with each boot.
    pub incarnation: u32,
    pub up: bool,
    pub log: LogModel,
    /// Everything else.
    pub small: SmallFiles,
    /// Open files; not indexes, on which nothing depends.
    pub(super) handles: BTreeMap<u32, Target>,
    /// `quorum-state` as a process reads it.
    pub written_election: Option<Election>,
    /// `quorum-state` as it survives a power loss.
    pub durable_election: Option<Election>,
    /// All that this was, but for what a fault destroyed.
    pub(super) durable_elections: Vec<Election>,
    /// Entries of the durable `leader-epoch-checkpoint`.
    pub durable_epochs: Vec<OffsetAndEpoch>,
    /// Role and epoch it last said it entered, in this life.
    pub role: Option<(Role, LeaderEpoch, NodeId)>,
    /// The newest epoch that its controller has claimed, in this life.
    pub claimed: Option<LeaderEpoch>,
    /// High watermark it last said, in this life.
    pub high_watermark: Option<OffsetAndEpoch>,
    /// High watermark in the newest epoch in which it answered fetches, in this life.
    pub answered_high_watermark: Option<OffsetAndEpoch>,
    /// One past the last offset its state machine has shown, in this life.
    pub shown_applied: Offset,
    /// A leader's append is not yet durable (D9).
    pub leader_append_pending: bool,
    /// Forced log ends before the log was cut, in this life: a request made then may leave later.
    pub ends_before_cuts: Vec<Offset>,
    /// The disk refused something in this life: the process is about to end.
    pub disk_failed: bool,
    /// The file from which its process must not start, if it booted with such a one.
    pub refuses: Option<String>,
    /// A fault has left another content in one of its small files, and the disk was not replaced since.
    pub altered: bool,
    /// How its last process went down, until the next one begins.
    pub down: Option<Down>,
    pub(super) damaged: bool,
}

impl ServerModel {
    pub fn new(id: NodeId, voter: bool) -> ServerModel {
        ServerModel {
            id,
            directory_id: None,
            has_snapshot_to_load: false,
            downloads_snapshot: false,
            finds_no_server: false,
            has_connected: false,
            voter,
            belongs: true,
            has_small_segments: false,
            incarnation: 0,
            up: false,
            log: LogModel::default(),
            small: SmallFiles::default(),
            handles: BTreeMap::new(),
            written_election: None,
            durable_election: None,
            durable_elections: Vec::new(),
            durable_epochs: Vec::new(),
            role: None,
            claimed: None,
            high_watermark: None,
            answered_high_watermark: None,
            shown_applied: Offset(0),
            leader_append_pending: false,
            ends_before_cuts: Vec::new(),
            disk_failed: false,
            refuses: None,
            altered: false,
            down: None,
            damaged: false,
        }
    }

    /// Runs, and can be expected to do what the others do.
    pub fn takes_part(&self) -> bool {
        self.up && self.belongs
    }

    pub fn key(&self) -> ReplicaKey {
        ReplicaKey { id: self.id, directory_id: self.directory_id }
    }

    /// The voters of its log, as it is written.
    pub fn voters<'a>(&self, ledger: &'a Ledger) -> &'a VoterSet {
        ledger.voters(self.log.whole())
    }

    /// Leading batches that are durable and equal the committed log.
    #[inline]
    pub fn durably_agreed(&self) -> usize {
        self.log.agreed.min(self.log.durable())
    }

    /// What a power loss would leave of `quorum-state`, for messages.
    pub fn durable_election_words(&self) -> String {
        self.durable_election.map_or_else(
            || "it has no durable quorum-state".to_owned(),
            |it| format!("its durable quorum-state has {it}"),
        )
    }

    /// The epoch that would survive a power loss.
    #[inline]
    pub fn durable_epoch(&self) -> LeaderEpoch {
        self.durable_election.map_or(LeaderEpoch(0), |election| election.epoch)
    }

    /// The epoch it last said it entered, or else the one on its disk.
    pub fn epoch(&self) -> LeaderEpoch {
        let said = self.role.map(|(_, epoch, _)| epoch);
        said.unwrap_or_else(|| self.written_election.unwrap_or_default().epoch)
    }

    /// Does it lead, by its own word?
    pub fn leads(&self) -> Option<LeaderEpoch> {
        match self.role {
            Some((Role::Leader, epoch, _)) if self.up => Some(epoch),
            _ => None,
        }
    }

    /// What its process is doing with snapshots.
    pub fn snapshot_phases(&self) -> impl Iterator<Item = SnapshotPhase> {
        let is_writing = self.up && self.small.ending_with(".checkpoint.part").next().is_some();
        let writing = if self.downloads_snapshot { SnapshotPhase::Transfer } else { SnapshotPhase::Generation };
        let load = self.has_snapshot_to_load.then_some(SnapshotPhase::Load);
        is_writing.then_some(writing).into_iter().chain(load)
    }

    /// Its disk changes. Gives the bytes that are to be appended to a segment, and which, if there are any.
    pub fn wrote<'a>(&mut self, write: Write<'a>, ledger: &Ledger) -> Option<(Offset, &'a Rc<[u8]>)> {
        match write {
            Write::Open { file, path, truncate } => {
                self.handles.remove(&file.0);
                if let Some(base) = segment_base(path) {
                    self.log.open(base, truncate, ledger);
                    self.handles.insert(file.0, Target::Segment(base));
                } else if is_small_file(path) {
                    self.handles.insert(file.0, Target::Small(self.small.open(path, truncate)));
                }
            }
            Write::Append { file, bytes } | Write::ShortAppend { file, bytes } => {
                match self.handles.get(&file.0).copied() {
                    Some(Target::Segment(base)) => return Some((base, bytes)),
                    Some(Target::Small(inode)) => self.small.append(inode, bytes),
                    None => {}
                }
            }
            Write::Truncate { file, len } => match self.handles.get(&file.0).copied() {
                Some(Target::Segment(base)) => {
                    self.remember_end(ledger);
                    self.log.truncate(base, len, ledger);
                }
                Some(Target::Small(inode)) => self.small.truncate(inode, len),
                None => {}
            },
            Write::Rename { from, to } => match segment_base(to) {
                Some(base) => self.segment_replaced(base, from),
                None => {
                    if self.is_ahead_of_log(to, ledger) {
                        self.remember_end(ledger);
                    }
                    self.small.rename(from, to);
                    self.read_state_files();
                    self.read_changed_snapshots(ledger);
                }
            },
            Write::Unlink { path } => {
                self.remember_end(ledger);
                match segment_base(path) {
                    Some(base) => self.log.unlink(base, ledger),
                    None => {
                        self.small.unlink(path);
                        self.read_changed_snapshots(ledger);
                    }
                }
            }
        }
        None
    }

    /// Does this give the name of a segment to a file with another content?
    pub fn replaces_content(&self, write: Write<'_>, ledger: &Ledger) -> bool {
        let Write::Rename { from, to } = write else { return false };
        segment_base(to)
            .is_some_and(|base| !self.small.written(from).is_some_and(|bytes| self.log.is_segment(base, bytes, ledger)))
    }

    /// A copy of a segment, so far a small file, gets its name.
    fn segment_replaced(&mut self, base: Offset, from: &str) {
        self.log.replaced(base, self.small.bytes_durable(from));
        self.small.unlink(from);
    }

    /// Is this a snapshot that replaces the log?
    fn is_ahead_of_log(&self, path: &str, ledger: &Ledger) -> bool {
        let last = (self.log.last_epoch(ledger), self.log.end(ledger));
        matches!(SnapshotFile::parse(path), Some(SnapshotFile::Complete(id)) if (Some(id.epoch), id.offset) > last)
    }

    /// The log is about to be cut: what it claimed until now was true.
    fn remember_end(&mut self, ledger: &Ledger) {
        let end = ledger.end(self.log.prefix(self.log.forced()));
        if self.ends_before_cuts.last() != Some(&end) {
            self.ends_before_cuts.push(end);
        }
    }

    pub fn synced(&mut self, synced: Synced, ledger: &Ledger) {
        match synced {
            Synced::File(file) => match self.handles.get(&file.0) {
                Some(Target::Segment(base)) => self.log.synced(*base),
                Some(Target::Small(inode)) => self.small.synced(*inode),
                None => {}
            },
            Synced::Directory => {
                self.log.names_synced();
                self.small.names_synced();
                self.read_changed_snapshots(ledger);
            }
        }
        self.read_state_files();
    }

    /// The snapshots, if one has changed, or became durable, or is of a batch that was not in the ledger.
    fn read_changed_snapshots(&mut self, ledger: &Ledger) {
        if self.small.take_snapshot_change() || self.log.has_unknown_snapshot() {
            self.read_snapshots(ledger);
        }
    }

    pub(super) fn read_snapshots(&mut self, ledger: &Ledger) {
        self.log.set_snapshots(snapshots_of(self.small.ending_with(SNAPSHOT_SUFFIX)), ledger);
    }

    /// Reads again what the state files say, if one has changed. Elections are rare; so is this.
    pub(super) fn read_state_files(&mut self) {
        if !self.small.take_state_change() {
            return;
        }
        self.written_election = self.small.written(QUORUM_STATE).and_then(parse_quorum_state);
        let durable = self.small.durable(QUORUM_STATE).and_then(parse_quorum_state);
        if durable != self.durable_election {
            self.durable_election = durable;
            self.durable_elections.extend(durable);
        }
        let checkpoint = self.small.durable(LEADER_EPOCH_CHECKPOINT).unwrap_or_default();
        self.durable_epochs = parse_epoch_checkpoint(checkpoint);
    }

    pub fn is_topic_id_durable(&self) -> bool {
        self.small.bytes_durable(PARTITION_METADATA)
    }

    /// Whether its vote in this epoch for this replica is durable.
    pub fn has_durable_vote(&self, epoch: LeaderEpoch, voted: ReplicaKey) -> bool {
        let election = self.durable_elections.iter().find(|it| it.epoch == epoch && it.voted.is_some());
        let directory = voted.directory_id.unwrap_or(Uuid::ZERO);
        election.is_some_and(|it| it.voted == Some(voted.id) && it.voted_directory.is_none_or(|it| it == directory))
    }

    pub fn was_leader(&self, epoch: LeaderEpoch) -> bool {
        self.durable_elections.iter().any(|election| election.epoch == epoch && election.leader == Some(self.id))
    }
}
