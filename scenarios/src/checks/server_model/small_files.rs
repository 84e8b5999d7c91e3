//! The small files of one server (everything but segments), as written and as durable.

use std::collections::BTreeMap;

use raft::io::DurableFiles;
use raft::log::{LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, QUORUM_STATE};
use sim::watch::Down;

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
}

/// Is it read by [`ServerModel`](super::ServerModel)?
fn is_state_file(path: &str) -> bool {
    [QUORUM_STATE, LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA].contains(&path)
}

pub type InodeIndex = usize;

/// Names and bytes. Written names and bytes are what a process sees; durable ones are what a
/// power loss must leave.
#[derive(Clone, Debug, Default)]
pub struct SmallFiles {
    inodes: Vec<Inode>,
    names: BTreeMap<String, InodeIndex>,
    durable_names: BTreeMap<String, InodeIndex>,
    /// Names that have changed since all names were durable.
    changed: Vec<String>,
    /// Inodes that lost their name since then.
    nameless: Vec<InodeIndex>,
    /// A state file has changed, as written or as durable, since the last query.
    state_changed: bool,
}

impl SmallFiles {
    /// Opens, creates if absent, empties if `truncate` is set.
    pub fn open(&mut self, path: &str, truncate: bool) -> InodeIndex {
        let index = match self.names.get(path) {
            Some(index) => *index,
            None => {
                let is_state = is_state_file(path);
                self.inodes.push(Inode { is_state, ..Inode::default() });
                self.names.insert(path.to_owned(), self.inodes.len() - 1);
                self.changed.push(path.to_owned());
                self.state_changed |= is_state;
                self.inodes.len() - 1
            }
        };
        if truncate {
            self.inode(index).written.clear();
        }
        index
    }

    pub fn append(&mut self, file: InodeIndex, bytes: &[u8]) {
        self.inode(file).written.extend_from_slice(bytes);
    }

    pub fn truncate(&mut self, file: InodeIndex, len: u64) {
        self.inode(file).written.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        if let Some(index) = self.names.remove(from) {
            let is_state = is_state_file(to);
            self.inodes[index].is_state |= is_state;
            self.state_changed |= is_state || is_state_file(from);
            self.nameless.extend(self.names.insert(to.to_owned(), index));
            self.changed.extend([from.to_owned(), to.to_owned()]);
        }
    }

    pub fn unlink(&mut self, path: &str) {
        if let Some(index) = self.names.remove(path) {
            self.nameless.push(index);
            self.changed.push(path.to_owned());
            self.state_changed |= is_state_file(path);
        }
    }

    pub fn synced(&mut self, file: InodeIndex) {
        let inode = self.inode(file);
        inode.durable.get_or_insert_default().clone_from(&inode.written);
    }

    /// All names are durable. Nobody reads inodes without a name any more.
    pub fn names_synced(&mut self) {
        for name in self.changed.drain(..) {
            self.state_changed |= is_state_file(&name);
            match self.names.get(&name) {
                Some(index) => self.durable_names.insert(name, *index),
                None => self.durable_names.remove(&name),
            };
        }
        for index in self.nameless.drain(..) {
            self.inodes[index] = Inode::default();
        }
    }

    pub fn take_state_change(&mut self) -> bool {
        std::mem::take(&mut self.state_changed)
    }

    fn inode(&mut self, file: InodeIndex) -> &mut Inode {
        let inode = &mut self.inodes[file];
        self.state_changed |= inode.is_state;
        inode
    }

    pub fn written(&self, path: &str) -> Option<&[u8]> {
        self.names.get(path).map(|index| self.inodes[*index].written.as_slice())
    }

    /// What is left after a power loss that keeps nothing more.
    pub fn durable(&self, path: &str) -> Option<&[u8]> {
        self.durable_names.get(path).and_then(|index| self.inodes[*index].durable.as_deref())
    }

    /// Are the bytes under this *written* name durable, whatever of the name?
    pub fn bytes_durable(&self, path: &str) -> bool {
        self.names.get(path).is_some_and(|index| {
            let inode = &self.inodes[*index];
            inode.durable.as_ref() == Some(&inode.written)
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
        let before = std::mem::replace(self, SmallFiles { state_changed: true, ..SmallFiles::default() });
        for path in files.paths().iter().filter(|path| is_small_file(path)) {
            let bytes = files.read(path).unwrap_or_default();
            let file = self.open(path, true);
            self.append(file, &bytes);
            self.synced(file);
        }
        self.names_synced();
        if how.is_some_and(|how| how != Down::PowerLost) {
            // What the page cache has is durable only as far as it was.
            for (path, index) in std::mem::take(&mut self.durable_names) {
                self.inodes[index].durable = before.durable(&path).map(<[u8]>::to_vec);
                match before.durable_names.contains_key(&path) {
                    true => drop(self.durable_names.insert(path, index)),
                    false => self.changed.push(path),
                }
            }
        }
        mismatch
    }

    /// A destroying fault left these durable bytes. Are they others than before?
    pub fn spoil(&mut self, left: &dyn DurableFiles) -> bool {
        let mut are_others = false;
        for (path, index) in &self.durable_names {
            let left = left.read(path);
            let durable = &mut self.inodes[*index].durable;
            are_others |= *durable != left;
            *durable = left;
        }
        self.state_changed = true;
        let (inodes, changed) = (&self.inodes, &mut self.changed);
        self.durable_names.retain(|name, index| {
            let is_left = inodes[*index].durable.is_some();
            if !is_left {
                changed.push(name.clone());
            }
            is_left
        });
        are_others
    }

    /// The first path on which a process that finds `files` sees something else than was written.
    pub fn difference(&self, files: &dyn DurableFiles) -> Option<String> {
        let paths = files.paths();
        let found = paths.iter().filter(|path| is_small_file(path) && !files.is_unreadable(path));
        let other = found.filter(|path| files.read(path).as_deref() != self.written(path)).map(|path| path.to_string());
        let is_missing = |name: &&String| files.read(name).is_none() && !files.is_unreadable(name);
        let missing = self.names.keys().filter(is_missing).cloned();
        other.chain(missing).next()
    }

    /// The first path whose bytes after a power loss are neither the durable ones nor those
    /// written, though nothing unsynced can explain them.
    fn impossible_after_power_loss(&self, files: &dyn DurableFiles) -> Option<String> {
        let possible = |path: &str| {
            let found = files.read(path);
            let found = found.as_deref();
            let unsynced = self.written(path).is_some() && !self.bytes_durable(path);
            let is_known = found == self.durable(path) || found == self.written(path);
            is_known || (unsynced && found.is_some()) || files.is_unreadable(path)
        };
        let names = self.durable_names.keys().chain(self.names.keys());
        // A temporary file is never read: whatever became of several unsynced ones is fine.
        names.into_iter().find(|path| !path.ends_with(".tmp") && !possible(path)).cloned()
    }
}

#[cfg(test)]
mod tests;
