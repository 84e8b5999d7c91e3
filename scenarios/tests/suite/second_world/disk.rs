//! A disk in memory: a death loses what was not forced, names included. A file system's journal keeps the order of its
//! operations: with the names, the truncations before are durable.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::io::{DurableFiles, Effect, FileHandle};

#[derive(Clone, Debug, Default)]
struct File {
    written: Vec<u8>,
    durable: Vec<u8>,
}

/// Files by number; names point to them.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<Rc<str>, usize>,
    durable_names: BTreeMap<Rc<str>, usize>,
    open: BTreeMap<FileHandle, usize>,
    /// Files that were cut since the last sync of the directory, and their lengths then.
    cut: Vec<(usize, usize)>,
}

impl Disk {
    /// What was not forced is gone.
    pub fn died(&mut self) {
        self.names.clone_from(&self.durable_names);
        self.open.clear();
        self.cut.clear();
        for file in &mut self.files {
            file.written.clone_from(&file.durable);
        }
    }

    /// Does a file effect; false if it is none.
    pub fn apply(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Open { file, path, truncate } => {
                let number = *self.names.entry(path.clone()).or_insert_with(|| {
                    self.files.push(File::default());
                    self.files.len() - 1
                });
                if *truncate {
                    self.files[number].written.clear();
                }
                self.open.insert(*file, number);
            }
            Effect::Append { file, bytes } => self.files[self.open[file]].written.extend_from_slice(bytes),
            Effect::Truncate { file, len } => {
                self.files[self.open[file]].written.truncate(*len as usize);
                self.cut.push((self.open[file], *len as usize));
            }
            Effect::Rename { from, to } => {
                let number = self.names.remove(from).expect("what is renamed exists");
                self.names.insert(to.clone(), number);
            }
            Effect::Unlink { path } => {
                self.names.remove(path);
            }
            Effect::Fsync { file } => {
                let file = &mut self.files[self.open[file]];
                file.durable.clone_from(&file.written);
            }
            Effect::FsyncDirectory => {
                self.durable_names.clone_from(&self.names);
                self.cut.drain(..).for_each(|(file, len)| self.files[file].durable.truncate(len));
            }
            _ => return false,
        }
        true
    }
}

impl DurableFiles for Disk {
    fn paths(&self) -> Vec<Rc<str>> {
        self.names.keys().cloned().collect()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.names.get(path).map(|number| self.files[*number].written.clone())
    }
}
