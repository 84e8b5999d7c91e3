//! Going down and coming up: what a disk must still hold, and what a fault may have destroyed.

use raft::ids::{LeaderEpoch, Offset};
use raft::io::DurableFiles;

use super::ServerModel;
use super::how_down::HowDown;
use super::ledger::{BatchId, Ledger};
use super::log::{LogModel, ReadNotes};
use super::state_files::first_refused;

/// What a boot found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Why the disk found cannot be the one left behind.
    pub mismatch: Option<String>,
    /// What reading the log came across.
    pub notes: ReadNotes,
    /// Bytes behind the last whole batch, or segments beyond a gap.
    pub torn_tail: bool,
    /// What was forced behind rot, and acknowledged, if it became unreadable only now.
    pub forgot: Option<BatchId>,
}

/// What a fault destroyed of what was durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed {
    /// The epoch of `quorum-state`, if that is not what it was.
    pub epoch: Option<LeaderEpoch>,
    /// What the log held, if some of that is gone.
    pub log: Option<BatchId>,
}

impl ServerModel {
    /// The process is gone.
    pub fn down(&mut self, how: HowDown) {
        self.up = false;
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
        let (found_log, notes) = LogModel::read(files, ledger);
        let is_spoilt = self.down == Some(HowDown::PowerLost) && self.log.is_spoilt();
        let forgot = if is_spoilt { self.gone_behind(&found_log, self.log.forced()) } else { None };
        let forgot = forgot.map(|_| self.log.prefix(self.log.forced()));
        let mut found = Found { mismatch: None, notes, torn_tail: found_log.has_junk(), forgot };
        match (self.down.take(), self.damaged) {
            // The first boot finds what a format tool may have left; all of it is durable.
            (None, _) | (Some(HowDown::PowerLost), true) => self.take_over(found_log, files),
            (Some(HowDown::PowerLost), false) => {
                found.mismatch = self.impossible_after_power_loss(&found_log, notes, files);
                self.take_over(found_log, files);
            }
            (Some(HowDown::PageCacheKept), false) => {
                found.mismatch = self.changed_by_kill(&found_log, notes, files);
            }
            (Some(HowDown::PageCacheKept), true) => {
                let before = std::mem::replace(&mut self.log, found_log);
                self.log.keep_durability_of(&before);
                self.small.load_written(files);
            }
        }
        self.damaged = false;
        self.refuses = if self.altered { first_refused(files) } else { None };
        self.incarnation = incarnation;
        self.up = true;
        self.read_state_files();
        found
    }

    fn take_over(&mut self, mut found: LogModel, files: &dyn DurableFiles) {
        found.all_durable();
        self.log = found;
        self.small.load(files);
    }

    fn changed_by_kill(&self, found: &LogModel, notes: ReadNotes, files: &dyn DurableFiles) -> Option<String> {
        if let Some(path) = self.small.difference(files) {
            return Some(format!("{path} is not as it was when the process died"));
        }
        let changed = notes.unknown_batches > 0 || !self.log.same_bytes(found);
        changed.then(|| {
            format!("of {} batches written, {} are found after the process died", self.log.count(), found.count())
        })
    }

    /// Durable ⊆ found ⊆ written, up to a torn tail. An unsynced cut may come undone, so batches
    /// beyond the durable ones need only have been written by somebody.
    fn impossible_after_power_loss(
        &self,
        found: &LogModel,
        notes: ReadNotes,
        files: &dyn DurableFiles,
    ) -> Option<String> {
        let durable = self.log.durable();
        if found.count() < durable || found.prefix(durable) != self.log.prefix(durable) {
            return Some(format!("of {durable} durable batches, {} are found after a power loss", found.count()));
        }
        if notes.unknown_batches > 0 {
            return Some(format!("{} batches found after a power loss were never written", notes.unknown_batches));
        }
        let path = self.small.impossible_after_power_loss(files)?;
        Some(format!("{path} after a power loss is neither as it was durable nor as it was written"))
    }

    /// Compares what a process sees with what was written.
    pub fn differs_from_disk(&self, files: &dyn DurableFiles, ledger: &mut Ledger) -> Option<String> {
        let (found, notes) = LogModel::read(files, ledger);
        if let Some(path) = self.small.difference(files) {
            return Some(format!("{path} on disk is not what was written"));
        }
        let differs = notes.unknown_batches > 0 || !self.log.same_bytes(&found);
        differs.then(|| format!("{} batches were written, {} are on disk", self.log.count(), found.count()))
    }

    /// A fault destroyed durable bytes; `left` is what is left of them.
    pub fn disk_damaged(&mut self, left: &dyn DurableFiles, ledger: &mut Ledger) -> Destroyed {
        let (left_log, _) = LogModel::read(left, ledger);
        let election = self.durable_election;
        let is_new = left.paths().is_empty();
        let spoiled = self.small.spoil(left);
        self.altered = (spoiled || self.altered) && !is_new;
        let durable = self.log.durable();
        let held = self.gone_behind(&left_log, durable);
        let log = held.map(|_| self.log.prefix(durable));
        if let Some(held) = held {
            self.log.spoil(held);
        }
        self.damaged = true;
        self.read_state_files();
        let lost_election = self.durable_election != election;
        if lost_election {
            self.durable_votes.clear();
            self.durable_leaderships.clear();
            self.remember_promises();
        }
        Destroyed { epoch: election.filter(|_| lost_election).map(|election| election.epoch), log }
    }

    /// Of the first `count` batches, which were durable, only a prefix is `left`: gives its length.
    fn gone_behind(&self, left: &LogModel, count: usize) -> Option<usize> {
        let held = (0..count).take_while(|at| left.get(*at) == self.log.get(*at)).count();
        (held < count).then_some(held)
    }
}
