//! The small files of one server (everything but segments), as written and as durable.

use std::cell::Cell;
use std::collections::BTreeMap;

use raft::io::DurableFiles;
use raft::log::{LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, QUORUM_STATE};
use sim::watch::Down;

use super::covering::SNAPSHOT_SUFFIX;

/// Neither a segment nor one of the files beside it that nothing is read from.
pub(super) fn is_small_file(path: &str) -> bool {
    ![".log", ".index", ".timeindex", ".snapshot"].iter().any(|suffix| path.ends_with(suffix))
}

#[derive(Clone, Debug, Default)]
struct Inode {
    written: Vec<u8>,
    durable: Option<Vec<u8>>,
    /// Has, or had, the name of a state file.
    is_state: bool,
    /// Has, or had, the name of a complete snapshot.
    is_snapshot: bool,
    /// Whether the written bytes are durable, if nothing has changed since they were compared. Snapshots are large.
    is_durable: Cell<Option<bool>>,
}

/// Is it read by [`ServerModel`](super::ServerModel)?
fn is_state_file(path: &str) -> bool {
    [QUORUM_STATE, LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA].contains(&path)
}

fn is_snapshot(path: &str) -> bool {
    path.ends_with(SNAPSHOT_SUFFIX)
}

pub type InodeIndex = usize;

#[derive(Clone, Copy, Debug, Default)]
struct Name {
    written: Option<InodeIndex>,
    durable: Option<InodeIndex>,
}

/// Names and bytes. Written names and bytes are what a process sees; durable ones are what a
/// power loss must leave.
#[derive(Clone, Debug, Default)]
pub struct SmallFiles {
    inodes: Vec<Inode>,
    names: BTreeMap<String, Name>,
    /// Inodes that lost their name since all names were durable, and that name.
    nameless: Vec<(String, InodeIndex)>,
    /// A state file has changed, as written or as durable, since the last query.
    state_changed: bool,
    /// The same of a snapshot.
    snapshots_changed: bool,
}

impl SmallFiles {
    /// Opens, creates if absent, empties if `truncate` is set.
    pub fn open(&mut self, path: &str, truncate: bool) -> InodeIndex {
        if let Some(index) = self.names.get(path).and_then(|name| name.written) {
            if truncate {
                self.inode(index).written.clear();
            }
            return index;
        }
        let (index, is_state, is_snapshot) = (self.inodes.len(), is_state_file(path), is_snapshot(path));
        self.inodes.push(Inode { is_state, is_snapshot, ..Inode::default() });
        self.names.entry(path.to_owned()).or_default().written = Some(index);
        self.state_changed |= is_state;
        self.snapshots_changed |= is_snapshot;
        index
    }

    pub fn append(&mut self, file: InodeIndex, bytes: &[u8]) {
        self.inode(file).written.extend_from_slice(bytes);
    }

    pub fn truncate(&mut self, file: InodeIndex, len: u64) {
        self.inode(file).written.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        if let Some(index) = self.names.get_mut(from).and_then(|name| name.written.take()) {
            let (is_state, is_snapshot) = (is_state_file(to), is_snapshot(to));
            let inode = &mut self.inodes[index];
            self.state_changed |= is_state || inode.is_state;
            self.snapshots_changed |= is_snapshot || inode.is_snapshot;
            inode.is_state |= is_state;
            inode.is_snapshot |= is_snapshot;
            let replaced = self.names.entry(to.to_owned()).or_default().written.replace(index);
            self.nameless.extend(replaced.map(|replaced| (to.to_owned(), replaced)));
        }
    }

    pub fn unlink(&mut self, path: &str) {
        if let Some(index) = self.names.get_mut(path).and_then(|name| name.written.take()) {
            self.nameless.push((path.to_owned(), index));
            self.state_changed |= is_state_file(path);
            self.snapshots_changed |= is_snapshot(path);
        }
    }

    pub fn synced(&mut self, file: InodeIndex) {
        let inode = self.inode(file);
        inode.durable.get_or_insert_default().clone_from(&inode.written);
    }

    /// All names are durable. Nobody reads inodes without a name any more.
    pub fn names_synced(&mut self) {
        let (state_changed, snapshots_changed) = (&mut self.state_changed, &mut self.snapshots_changed);
        self.names.retain(|path, name| {
            if name.durable != name.written {
                *state_changed |= is_state_file(path);
                *snapshots_changed |= is_snapshot(path);
                name.durable = name.written;
            }
            name.written.is_some()
        });
        for (_, index) in self.nameless.drain(..) {
            self.inodes[index] = Inode::default();
        }
    }

    pub fn take_state_change(&mut self) -> bool {
        std::mem::take(&mut self.state_changed)
    }

    pub fn take_snapshot_change(&mut self) -> bool {
        std::mem::take(&mut self.snapshots_changed)
    }

    fn inode(&mut self, file: InodeIndex) -> &mut Inode {
        let inode = &mut self.inodes[file];
        self.state_changed |= inode.is_state;
        self.snapshots_changed |= inode.is_snapshot;
        inode.is_durable.set(None);
        inode
    }

    pub fn written(&self, path: &str) -> Option<&[u8]> {
        self.names.get(path)?.written.map(|index| self.inodes[index].written.as_slice())
    }

    /// What is left after a power loss that keeps nothing more.
    pub fn durable(&self, path: &str) -> Option<&[u8]> {
        self.names.get(path)?.durable.and_then(|index| self.inodes[index].durable.as_deref())
    }

    /// The written names with this ending, ascending, and whether the name and the bytes are durable.
    pub fn ending_with(&self, suffix: &str) -> impl Iterator<Item = (&str, (bool, bool))> {
        let written = self.names.iter().filter(move |(path, name)| name.written.is_some() && path.ends_with(suffix));
        written.map(|(path, name)| (path.as_str(), (self.bytes_durable(path), name.durable == name.written)))
    }

    fn has_durable_name(&self, path: &str) -> bool {
        self.names.get(path).is_some_and(|name| name.durable.is_some())
    }

    /// Are the bytes under this *written* name durable, whatever of the name?
    pub fn bytes_durable(&self, path: &str) -> bool {
        let inode = self.names.get(path).and_then(|name| name.written).map(|index| &self.inodes[index]);
        inode.is_some_and(|inode| {
            let is_durable = inode.is_durable.get().unwrap_or_else(|| inode.durable.as_ref() == Some(&inode.written));
            inode.is_durable.set(Some(is_durable));
            is_durable
        })
    }

    /// A process finds these; `how` and `damaged` as for [`LogModel::booted`](super::log::LogModel::booted). Gives why they
    /// cannot be what was left behind.
    pub fn booted(&mut self, files: &dyn DurableFiles, how: Option<Down>, damaged: bool) -> Option<String> {
        let mismatch = match how.filter(|_| !damaged) {
            None => None,
            Some(Down::PowerLost) => self
                .impossible_after_power_loss(files)
                .map(|path| format!("{path} after a power loss is neither as it was durable nor as it was written")),
            Some(_) => {
                return self.difference(files).map(|path| format!("{path} is not as it was when the process died"));
            }
        };
        let before = std::mem::replace(
            self,
            SmallFiles { state_changed: true, snapshots_changed: true, ..SmallFiles::default() },
        );
        for path in files.paths().iter().filter(|path| is_small_file(path)) {
            let bytes = files.read(path).unwrap_or_default();
            let file = self.open(path, true);
            self.append(file, &bytes);
            self.synced(file);
        }
        self.names_synced();
        if how.is_some_and(|how| how != Down::PowerLost) {
            // What the page cache has is durable only as far as it was.
            for (path, name) in &mut self.names {
                let was_durable = before.names.get(path).is_some_and(|name| name.durable.is_some());
                name.durable = name.written.filter(|_| was_durable);
                if let Some(index) = name.written {
                    self.inodes[index].durable = before.durable(path).map(<[u8]>::to_vec);
                    self.inodes[index].is_durable.set(None);
                }
            }
        }
        mismatch
    }

    /// A destroying fault left these durable bytes. Gives the paths where they are others than before.
    pub fn spoil(&mut self, left: &dyn DurableFiles) -> Vec<String> {
        let mut others = Vec::new();
        for (path, name) in &mut self.names {
            let Some(index) = name.durable else { continue };
            let left = left.read(path);
            if self.inodes[index].durable != left {
                others.push(path.clone());
            }
            name.durable = left.is_some().then_some(index);
            self.inodes[index].durable = left;
            self.inodes[index].is_durable.set(None);
        }
        self.state_changed = true;
        self.snapshots_changed = true;
        others
    }

    /// The first path on which a process that finds `files` sees something else than was written.
    pub fn difference(&self, files: &dyn DurableFiles) -> Option<String> {
        let paths = files.paths();
        let found = paths.iter().filter(|path| is_small_file(path) && !files.is_unreadable(path));
        let other = found.filter(|path| files.read(path).as_deref() != self.written(path)).map(|path| path.to_string());
        let is_missing = |name: &&String| files.read(name).is_none() && !files.is_unreadable(name);
        let written = self.names.iter().filter(|(_, name)| name.written.is_some()).map(|(path, _)| path);
        other.chain(written.filter(is_missing).cloned()).next()
    }

    /// The first path whose bytes after a power loss are neither the durable ones nor those
    /// written, though nothing unsynced can explain them.
    fn impossible_after_power_loss(&self, files: &dyn DurableFiles) -> Option<String> {
        let possible = |path: &str| {
            let found = files.read(path);
            let found = found.as_deref();
            let unsynced = self.written(path).is_some() && !self.bytes_durable(path);
            let is_known = found == self.durable(path) || found == self.written(path);
            // The name is durable, and nothing of the content.
            let is_empty = found == Some(&[]) && self.durable(path).is_none() && self.has_durable_name(path);
            // Of several changes of this name that are not durable, any number of the first may be.
            let former = self.nameless.iter().filter(|(name, _)| name == path).map(|(_, index)| &self.inodes[*index]);
            let is_between = { former }.any(|inode| found == Some(inode.written.as_slice()));
            is_known || is_empty || is_between || (unsynced && found.is_some()) || files.is_unreadable(path)
        };
        // A temporary file is never read: whatever became of several unsynced ones is fine.
        let is_temporary = |path: &str| [".tmp", ".part"].iter().any(|suffix| path.ends_with(suffix));
        self.names.keys().find(|path| !is_temporary(path) && !possible(path)).cloned()
    }
}

#[cfg(test)]
mod tests;
