//! A disk: files as bytes, *written* (page cache) versus *durable*.
//!
//! Content and names are made durable separately, as in POSIX: `fsync` of a file persists its bytes, `fsync_directory`
//! its names and the truncation of bytes that were durable. Until then, such changes are pending, in order, as in a
//! file system's journal: a prefix of them survives a torn power loss. Bytes written after a truncation survive only if
//! it does. With a [`FileSystem`] that has such a journal the `fsync` of a changed file commits it, too.
//!
//! An `fsync` that fails loses what it was to write, as in Linux: the page cache has the bytes, a process that starts
//! again reads them, and a power loss takes them, whatever later fsyncs report.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::fault::{Damage, Tail};
use crate::ids::{DiskError, File};
use crate::rng::{Entropy, scale};
use inode::Inode;
use serde::{Deserialize, Serialize};

mod inode;
mod pieces;

/// What an fsync of a file does for the changes of directories before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// Nothing: POSIX promises no more.
    #[default]
    Posix,
    /// It commits the journal, with all changes before, if the file itself has changed since it was last forced
    /// (`ext4_sync_file` waits for the transaction of the inode).
    Ext4,
    /// The same (`xfs_file_fsync` forces the log up to the last change of the inode).
    Xfs,
}

/// To find the unreferenced files takes a look at every name, and each replaced file leaves one behind.
const SPARE_INODES: usize = 16;

/// One node's disk. A clone shares all content until either of them changes it.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// By number; unreferenced files are freed when there are [`SPARE_INODES`] more than were referred to.
    inodes: Vec<Option<Rc<Inode>>>,
    /// Before there are more inodes than this, the unreferenced ones are freed.
    swept_inodes: usize,
    /// Ascending by file.
    handles: Vec<(File, usize)>,
    /// As processes see them.
    names: BTreeMap<Rc<str>, usize>,
    durable_names: BTreeMap<Rc<str>, usize>,
    /// What the next directory sync makes durable.
    pending: Vec<Change>,
    is_full: bool,
    file_system: FileSystem,
}

/// A change of the directory, or of a file's length, that is not durable yet.
#[derive(Clone, Debug)]
enum Change {
    Created { path: Rc<str>, inode: usize },
    Renamed { from: Rc<str>, to: Rc<str> },
    Unlinked { path: Rc<str> },
    Truncated { inode: usize, len: u64 },
}

/// Operations of a process, and the syncs that make them durable.
impl Disk {
    pub fn new(file_system: FileSystem) -> Disk {
        Disk { file_system, ..Disk::default() }
    }

    /// Opens for appending; creates the file if it is absent. A handle in use is closed first.
    pub fn open(&mut self, file: File, path: &Rc<str>, truncate: bool) {
        let inode = match self.names.get(path) {
            Some(inode) => *inode,
            None => self.create(path),
        };
        match self.handles.binary_search_by_key(&file, |(file, _)| *file) {
            Ok(index) => self.handles[index].1 = inode,
            Err(index) => self.handles.insert(index, (file, inode)),
        }
        if truncate {
            self.truncate(file, 0);
        }
    }

    /// ENOSPC while full.
    #[inline]
    pub fn append(&mut self, file: File, bytes: &Rc<[u8]>) -> Result<(), DiskError> {
        if self.is_full {
            return Err(DiskError::NoSpace);
        }
        let inode = self.opened(file);
        self.inode_mut(inode).append(bytes);
        Ok(())
    }

    /// Cuts to `len` bytes; nothing happens if there are fewer.
    pub fn truncate(&mut self, file: File, len: u64) {
        let inode = self.opened(file);
        if self.inode_mut(inode).truncate(len) {
            self.pending.push(Change::Truncated { inode, len });
        }
    }

    /// Moves a name, replacing a file of the new name.
    pub fn rename(&mut self, from: &str, to: &Rc<str>) {
        let (from, inode) =
            self.names.remove_entry(from).unwrap_or_else(|| panic!("rename of {from:?}, which does not exist"));
        if let Some(replaced) = self.names.insert(Rc::clone(to), inode) {
            self.inode_mut(replaced).path = None;
        }
        self.inode_mut(inode).path = Some(Rc::clone(to));
        self.pending.push(Change::Renamed { from, to: Rc::clone(to) });
    }

    /// Removes a name; nothing happens if it does not exist.
    pub fn unlink(&mut self, path: &str) {
        if let Some((path, inode)) = self.names.remove_entry(path) {
            self.inode_mut(inode).path = None;
            self.pending.push(Change::Unlinked { path });
        }
    }

    /// Completion of the barrier: everything dirty of the file is durable, which is all that was written since an fsync
    /// of it failed. A file system with a journal commits what it knows of the file: its length, its creation, a rename,
    /// and with that all changes before (ext4 waits for the transaction `i_sync_tid`, the last one that changed the inode).
    pub fn fsync(&mut self, file: File) {
        let synced = self.opened(file);
        let cuts = |change: &Change| matches!(change, Change::Truncated { inode, .. } if *inode == synced);
        if self.inode(synced).has_hole() {
            self.make_cuts_durable(synced);
        }
        let is_of_file = |change: &Change| match change {
            Change::Created { inode, .. } | Change::Truncated { inode, .. } => *inode == synced,
            Change::Renamed { to, .. } => self.names.get(to) == Some(&synced),
            Change::Unlinked { .. } => false,
        };
        let commits = || self.inode(synced).is_dirty() || self.pending.iter().any(is_of_file);
        if self.file_system != FileSystem::Posix && commits() {
            self.make_durable(self.pending.len());
        }
        self.inode_mut(synced).write_back();
        self.pending.retain(|change| !cuts(change));
    }

    /// The barrier fails: nothing more is durable, and what was to be is clean, so that no later fsync writes it. It can
    /// still be read. Names and truncations stay pending.
    pub fn fail_fsync(&mut self, file: File) {
        let failed = self.opened(file);
        self.inode_mut(failed).fail_fsync();
    }

    /// Has the next fsync of the file something to write?
    pub fn is_dirty(&self, file: File) -> bool {
        self.inode(self.opened(file)).is_dirty()
    }

    /// Has an fsync of the file failed since all that is written to it was durable?
    pub fn has_failed_fsync(&self, file: File) -> bool {
        self.inode(self.opened(file)).has_failed_fsync()
    }

    /// The truncations of a file are durable.
    fn make_cuts_durable(&mut self, of: usize) {
        for change in &self.pending {
            if let Change::Truncated { inode, len } = change
                && *inode == of
            {
                inode_mut(&mut self.inodes, of).truncate_durable(*len);
            }
        }
    }

    /// Completion of the barrier: all names and truncations are durable.
    pub fn fsync_directory(&mut self) {
        self.make_durable(self.pending.len());
    }
}

/// Events that affect the disk.
impl Disk {
    /// Adds a file that exists from the start: its bytes and its name are durable.
    pub fn install(&mut self, path: &Rc<str>, bytes: &Rc<[u8]>) {
        self.fsync_directory();
        let inode = self.create(path);
        self.inode_mut(inode).append(bytes);
        self.inode_mut(inode).write_back();
        self.fsync_directory();
    }

    /// The process died: handles are closed, the page cache survives.
    pub fn process_died(&mut self) {
        self.handles.clear();
        self.sweep();
    }

    /// Power was lost: what was not durable is lost, kept or torn.
    ///
    /// Torn: first a prefix of the pending changes is drawn, then, in ascending order of the surviving names, the
    /// number of unsynced bytes that each file keeps: of a file system with a journal none, unless all changes survive.
    pub fn power_lost(&mut self, tail: Tail, entropy: &mut Entropy) {
        let survivors = match tail {
            Tail::Lost => 0,
            Tail::Kept => self.pending.len(),
            Tail::Torn => entropy.below(self.pending.len() as u64 + 1) as usize,
        };
        self.make_durable(survivors);
        let lost = std::mem::take(&mut self.pending);
        // The length of a file is a change of the journal, too: what was appended since is not found without the rest.
        let tail = if self.file_system != FileSystem::Posix && !lost.is_empty() { Tail::Lost } else { tail };
        let is_truncation_lost =
            |id: usize| lost.iter().any(|change| matches!(change, Change::Truncated { inode, .. } if *inode == id));

        self.handles.clear();
        self.names = self.durable_names.clone();
        self.sweep();
        for (path, id) in &self.names {
            let inode = inode_mut(&mut self.inodes, *id);
            inode.path = Some(Rc::clone(path));
            match tail {
                Tail::Kept => inode.write_back(),
                Tail::Torn if !is_truncation_lost(*id) => inode.write_back_torn(entropy),
                Tail::Lost | Tail::Torn => {}
            }
            inode.drop_cache();
        }
    }

    /// Replaces the disk with an empty one.
    pub fn replace(&mut self) {
        *self = Disk::new(self.file_system);
    }

    /// Flips a bit (see `What::BitRot`); false if there was nothing to flip.
    ///
    /// Files are ranked by their durable names; files without a durable byte to flip are left out, because a power loss
    /// would remove them entirely. Where a process runs, the page cache keeps the correct byte (`is_cached`); otherwise
    /// the byte is read again.
    pub fn rot(
        &mut self,
        (suffix, newest): (&str, bool),
        file_rank: u32,
        at_ppm: u32,
        spare_bytes: u32,
        is_cached: bool,
        entropy: &mut Entropy,
    ) -> bool {
        let spare = spare_bytes as usize;
        let mut names: Vec<(&str, usize)> = self
            .durable_names
            .iter()
            .map(|(path, id)| (&**path, *id))
            .filter(|(path, _)| path.ends_with(suffix))
            .collect();
        if newest {
            let folder = |path: &str| path.rfind('/');
            let in_one = |a: &str, b: &str| folder(a) == folder(b) && folder(a).is_none_or(|end| a[..end] == b[..end]);
            names.dedup_by(|next, last| {
                let same = in_one(last.0, next.0);
                if same {
                    *last = *next;
                }
                same
            });
        }
        let mut files: Vec<(usize, u64)> =
            names.iter().map(|(_, id)| (*id, self.inode(*id).durable().exposed(spare))).collect();
        files.retain(|(_, exposed)| *exposed > 0);
        if files.is_empty() {
            return false;
        }
        let (id, exposed) = files[file_rank as usize % files.len()];
        let place = u128::from(exposed) * u128::from(at_ppm) / 1_000_000;
        let place = (place as u64).min(exposed - 1);
        let bit = scale(entropy.next_u64(), 8) as u32;
        self.inode_mut(id).rot(place, spare, bit, is_cached);
        true
    }

    /// Damages the `rank`-th (modulo their number) file of this name, or the last one of this extension, that is durable
    /// and holds a byte, at a place in parts per million; false if there is none.
    pub(crate) fn damage(&mut self, (name, rank): (&str, u32), how: (Damage, u32), entropy: &mut Entropy) -> bool {
        let files = self.damageable(name);
        if files.is_empty() {
            return false;
        }
        let (damage, at_ppm) = how;
        self.inode_mut(files[rank as usize % files.len()]).damage(damage, at_ppm, entropy);
        true
    }

    /// Files of this name, in any directory, that are durable and hold a byte; ascending by path. Of an extension, such as
    /// `.checkpoint`, only the last one.
    pub(crate) fn damageable(&self, name: &str) -> Vec<usize> {
        let is_extension = name.starts_with('.');
        let is_called = |path: &str| match path.rsplit('/').next() {
            Some(last) if is_extension => last.ends_with(name),
            last => last == Some(name),
        };
        let files = self.durable_names.iter().filter(|(path, _)| is_called(path)).map(|(_, id)| *id);
        let mut files: Vec<usize> = files.filter(|id| self.inode(*id).durable().len() > 0).collect();
        let left_out = if is_extension { files.len().saturating_sub(1) } else { 0 };
        files.drain(..left_out);
        files
    }

    /// While the disk is full, appends fail.
    pub fn set_full(&mut self, full: bool) {
        self.is_full = full;
    }
}

/// Content of the disk.
impl Disk {
    /// Ascending; what a process sees (the page cache).
    pub fn paths(&self) -> Vec<Rc<str>> {
        self.names.keys().cloned().collect()
    }

    /// What a process sees; `None` if the file is absent or cannot be read.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let inode = self.names.get(path).map(|id| self.inode(*id)).filter(|inode| !inode.is_unreadable());
        inode.map(|inode| inode.written().to_bytes())
    }

    /// What would remain after a power loss now that keeps nothing else; `None` also if the file cannot be read.
    pub fn read_durable(&self, path: &str) -> Option<Vec<u8>> {
        let inode = self.durable_names.get(path).map(|id| self.inode(*id)).filter(|inode| !inode.is_unreadable());
        inode.map(|inode| inode.durable().to_bytes())
    }

    /// Is there a file of this path whose bytes cannot be read?
    pub fn is_unreadable(&self, path: &str) -> bool {
        self.names.get(path).is_some_and(|id| self.inode(*id).is_unreadable())
    }

    /// Ascending; names that are durable.
    pub fn durable_paths(&self) -> Vec<Rc<str>> {
        self.durable_names.keys().cloned().collect()
    }

    /// The present name of an open file; `None` if it is not open or has no name any more.
    pub fn path_of(&self, file: File) -> Option<&Rc<str>> {
        let index = self.handles.binary_search_by_key(&file, |(file, _)| *file).ok()?;
        self.inode(self.handles[index].1).path.as_ref()
    }

    /// How many bytes a process sees in an open file.
    pub fn len(&self, file: File) -> u64 {
        self.inode(self.opened(file)).written().len()
    }

    /// Number of bytes of the file that would remain; 0 if its name is not durable.
    pub fn durable_len(&self, path: &str) -> u64 {
        self.durable_names.get(path).map_or(0, |id| self.inode(*id).durable().len())
    }
}

/// The table of inodes.
impl Disk {
    #[inline]
    fn opened(&self, file: File) -> usize {
        match self.handles.binary_search_by_key(&file, |(file, _)| *file) {
            Ok(index) => self.handles[index].1,
            Err(_) => panic!("{file:?} is used but not open"),
        }
    }

    fn inode(&self, id: usize) -> &Inode {
        self.inodes[id].as_deref().expect("a swept inode is referred to")
    }

    #[inline]
    fn inode_mut(&mut self, id: usize) -> &mut Inode {
        inode_mut(&mut self.inodes, id)
    }

    /// Gives the name to a new, empty file.
    fn create(&mut self, path: &Rc<str>) -> usize {
        let new = Some(Rc::new(Inode::named(path)));
        if self.inodes.len() >= self.swept_inodes && self.inodes.iter().all(Option::is_some) {
            self.sweep();
            self.swept_inodes = self.inodes.iter().flatten().count() + SPARE_INODES;
        }
        let id = match self.inodes.iter().position(Option::is_none) {
            Some(free) => {
                self.inodes[free] = new;
                free
            }
            None => {
                self.inodes.push(new);
                self.inodes.len() - 1
            }
        };
        if let Some(replaced) = self.names.insert(Rc::clone(path), id) {
            self.inode_mut(replaced).path = None;
        }
        self.pending.push(Change::Created { path: Rc::clone(path), inode: id });
        id
    }

    /// The first `count` pending changes become durable.
    fn make_durable(&mut self, count: usize) {
        for change in self.pending.drain(..count) {
            match change {
                Change::Created { path, inode } => {
                    self.durable_names.insert(path, inode);
                }
                Change::Renamed { from, to } => {
                    let inode = self.durable_names.remove(&from);
                    let inode = inode.unwrap_or_else(|| panic!("{from:?} was renamed before it was created"));
                    self.durable_names.insert(to, inode);
                }
                Change::Unlinked { path } => {
                    self.durable_names.remove(&path);
                }
                Change::Truncated { inode, len } => inode_mut(&mut self.inodes, inode).truncate_durable(len),
            }
        }
    }

    /// Frees files that no name, handle or pending change refers to.
    fn sweep(&mut self) {
        let mut is_used = vec![false; self.inodes.len()];
        let named = self.names.values().chain(self.durable_names.values()).copied();
        let opened = self.handles.iter().map(|(_, id)| *id);
        let changed = self.pending.iter().filter_map(|change| match change {
            Change::Created { inode, .. } | Change::Truncated { inode, .. } => Some(*inode),
            Change::Renamed { .. } | Change::Unlinked { .. } => None,
        });
        for id in named.chain(opened).chain(changed) {
            is_used[id] = true;
        }
        for (inode, is_used) in self.inodes.iter_mut().zip(is_used) {
            if !is_used {
                *inode = None;
            }
        }
    }
}

/// Copies the file first if another disk shares it.
#[inline]
fn inode_mut(inodes: &mut [Option<Rc<Inode>>], id: usize) -> &mut Inode {
    Rc::make_mut(inodes[id].as_mut().expect("a swept inode is referred to"))
}
