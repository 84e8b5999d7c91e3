//! Going down and coming up: what a disk must still hold, and what a fault may have destroyed.

use std::rc::Rc;

use raft::ids::{LeaderEpoch, Offset};
use raft::io::DurableFiles;
use sim::process::File;
use sim::watch::Down;

use super::ServerModel;
use super::ledger::{BatchId, Ledger};
use super::log::{LogModel, ReadLog};
use super::server::{Target, segment_base, snapshots_of};
use super::state_files::first_refused;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Why the disk found cannot be the one left behind.
    pub mismatch: Option<String>,
    /// See [`ReadLog`].
    pub conflict: Option<(BatchId, BatchId)>,
    /// What was forced behind rot, and acknowledged, if it became unreadable only now.
    pub forgot: Option<BatchId>,
}

impl ServerModel {
    /// The process is gone.
    pub fn down(&mut self, how: Down) {
        self.up = false;
        (self.has_snapshot_to_load, self.downloads_snapshot) = (false, false);
        (self.finds_no_server, self.has_connected) = (false, false);
        self.down = Some(how);
        self.role = None;
        self.claimed = None;
        self.high_watermark = None;
        self.answered_high_watermark = None;
        self.shown_applied = Offset(0);
        self.leader_append_pending = false;
        self.ends_before_cuts.clear();
        self.disk_failed = false;
        self.refuses = None;
        self.handles.clear();
    }

    /// A process boots and finds `files`. The caller recounts agreement with the committed log.
    pub fn booted(&mut self, incarnation: u32, files: &dyn DurableFiles, ledger: &mut Ledger) -> Found {
        let found = read_log(files, ledger);
        let (how, damaged) = (self.down.take(), std::mem::take(&mut self.damaged));
        let is_spoilt = how == Some(Down::PowerLost) && self.log.is_spoilt();
        let forgot = if is_spoilt { self.gone(self.log.forced(), &found.log) } else { None };
        let conflict = found.conflict;
        let mismatch = self.log.booted(found, how, damaged);
        let mismatch = mismatch.or(self.small.booted(files, how, damaged));
        self.refuses = if self.altered { first_refused(files) } else { None };
        self.incarnation = incarnation;
        self.up = true;
        self.read_snapshots(ledger);
        self.read_state_files();
        Found { mismatch, conflict, forgot: forgot.map(|(log, _)| log) }
    }

    /// Compares what a process sees with what was written.
    pub fn differs_from_disk(&self, files: &dyn DurableFiles, ledger: &mut Ledger) -> Option<String> {
        let found = read_log(files, ledger);
        let small = self.small.difference(files).map(|path| format!("{path} on disk is not what was written"));
        small.or_else(|| self.log.differs_from(&found))
    }

    /// A fault destroyed durable bytes; `left` is what is left of them, `altered` the paths of small files that are others
    /// now, unless the disk was replaced. Gives the first and the last epoch of which it has forgotten what it did, and
    /// what the log held, if some of that is gone.
    pub fn disk_damaged(
        &mut self,
        left: &dyn DurableFiles,
        altered: Option<&[String]>,
        ledger: &mut Ledger,
    ) -> (Option<(LeaderEpoch, LeaderEpoch)>, Option<BatchId>) {
        let left_log = read_log(left, ledger).log;
        let is_refused = || first_refused(left).is_some();
        self.altered = altered.is_some_and(|paths| self.altered || !paths.is_empty() || is_refused());
        let gone = self.gone(self.log.durable(), &left_log);
        if let Some((_, held)) = gone {
            self.log.spoil(held);
        }
        self.damaged = true;
        self.read_snapshots(ledger);
        let before = self.durable_election;
        self.read_state_files();
        let lost = before.filter(|_| self.durable_election != before);
        if self.durable_election != before {
            self.durable_elections.clear();
            self.durable_elections.extend(self.durable_election);
        }
        // In epochs before a later one that is read there, it does nothing any more.
        let now = self.durable_epoch();
        (lost.map(|election| (now, election.epoch.max(now))), gone.map(|(log, _)| log))
    }

    /// An fsync of a file has failed, now or `before`; `left` is what is durable. False if it is no segment.
    pub fn fsync_failed(&mut self, (file, before): (File, bool), left: &dyn DurableFiles, ledger: &mut Ledger) -> bool {
        let is_segment = matches!(self.handles.get(&file.0), Some(Target::Segment(_)));
        if is_segment {
            self.log.fsync_failed(before, &read_log(left, ledger).log);
        }
        is_segment
    }

    /// Of the first `count` batches, which were durable, only a prefix is `left`: gives them, and its length.
    fn gone(&self, count: usize, left: &LogModel) -> Option<(BatchId, usize)> {
        self.log.left_of(count, left).map(|held| (self.log.prefix(count), held))
    }
}

fn read_log(files: &dyn DurableFiles, ledger: &mut Ledger) -> ReadLog {
    let paths = files.paths();
    let segments = paths.iter().filter_map(|path| Some((segment_base(path)?, Rc::from(files.read(path)?))));
    let snapshots = snapshots_of(paths.iter().map(|path| (&**path, (true, true))));
    LogModel::read(segments.collect(), snapshots, ledger)
}
