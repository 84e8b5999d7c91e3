//! A disk for unit tests: applies the file effects of an [`Out`], and distinguishes written from durable bytes. A power
//! loss drops everything that was not forced. A directory sync forces truncated lengths as well as names, as a file
//! system's journal does.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::io::{DurableFiles, Effect, FileHandle, Out};

/// A file's bytes, without its name.
#[derive(Clone, Debug, Default)]
struct Inode {
    written: Vec<u8>,
    durable: Vec<u8>,
}

/// Names and bytes, written and durable.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestDisk {
    inodes: Vec<Inode>,
    names: BTreeMap<Rc<str>, usize>,
    durable_names: BTreeMap<Rc<str>, usize>,
    handles: BTreeMap<FileHandle, usize>,
    /// Truncations that are not durable yet: inode and length.
    cuts: Vec<(usize, usize)>,
}

impl TestDisk {
    /// Applies all file effects, and empties the list.
    pub(crate) fn apply(&mut self, out: &mut Out) {
        for effect in out.effects.drain(..) {
            self.apply_one(&effect);
        }
    }

    /// Applies one effect; other than file effects are ignored.
    pub(crate) fn apply_one(&mut self, effect: &Effect) {
        match effect {
            Effect::Open { file, path, truncate } => {
                let inode = *self.names.entry(Rc::clone(path)).or_insert_with(|| {
                    self.inodes.push(Inode::default());
                    self.inodes.len() - 1
                });
                if *truncate {
                    self.inodes[inode].written.clear();
                }
                self.handles.insert(*file, inode);
            }
            Effect::Append { file, bytes } => self.inode(*file).written.extend_from_slice(bytes),
            Effect::Truncate { file, len } => {
                let len = usize::try_from(*len).expect("test files are small");
                self.cuts.push((self.handles[file], len));
                let written = &mut self.inode(*file).written;
                assert!(len <= written.len(), "a file of {} bytes is cut to {len}", written.len());
                written.truncate(len);
            }
            Effect::Rename { from, to } => {
                let inode = self.names.remove(from).expect("what is renamed exists");
                self.names.insert(Rc::clone(to), inode);
            }
            Effect::Unlink { path } => {
                self.names.remove(path).expect("what is unlinked exists");
            }
            Effect::Fsync { file } => {
                let forced = self.handles[file];
                self.cuts.retain(|(inode, _)| *inode != forced);
                let inode = self.inode(*file);
                inode.durable.clone_from(&inode.written);
            }
            Effect::FsyncDirectory => {
                self.durable_names.clone_from(&self.names);
                for (inode, len) in self.cuts.drain(..) {
                    self.inodes[inode].durable.truncate(len);
                }
            }
            _ => {}
        }
    }

    fn inode(&mut self, file: FileHandle) -> &mut Inode {
        let inode = self.handles.get(&file).expect("the file is open");
        &mut self.inodes[*inode]
    }

    /// The process crashed: file handles are closed.
    pub(crate) fn kill(&mut self) {
        self.handles.clear();
    }

    /// Power loss: bytes that were not forced are lost too.
    pub(crate) fn lose_power(&mut self) {
        self.kill();
        self.cuts.clear();
        self.names.clone_from(&self.durable_names);
        for inode in &mut self.inodes {
            inode.written.clone_from(&inode.durable);
        }
    }

    /// Creates a durable file.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.inodes.push(Inode { written: bytes.to_vec(), durable: bytes.to_vec() });
        self.names.insert(path.into(), self.inodes.len() - 1);
        self.durable_names.insert(path.into(), self.inodes.len() - 1);
    }
}

impl DurableFiles for TestDisk {
    fn paths(&self) -> Vec<Rc<str>> {
        self.names.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.names.get(path).map(|inode| self.inodes[*inode].written.clone())
    }
}
