//! A plain disk for tests: files as written and as durable.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::io::{DurableFiles, Effect};

/// Bytes written, bytes durable, and how short the file was cut since it was last forced.
type Inode = (Vec<u8>, Option<Vec<u8>>, usize);

/// Files as written and as durable; renames and cuts are durable with the directory.
#[derive(Clone, Debug, Default)]
pub struct TestDisk {
    pub inodes: Vec<Inode>,
    pub names: BTreeMap<Rc<str>, usize>,
    pub durable_names: BTreeMap<Rc<str>, usize>,
    pub open: BTreeMap<u32, usize>,
}

impl TestDisk {
    /// Does what a node requests of its disk.
    pub fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Open { file, path, truncate } => {
                let inode = *self.names.entry(path.clone()).or_insert_with(|| {
                    self.inodes.push((Vec::new(), None, usize::MAX));
                    self.inodes.len() - 1
                });
                if *truncate {
                    self.inodes[inode].0.clear();
                }
                self.open.insert(file.0, inode);
            }
            Effect::Append { file, bytes } => self.inodes[self.open[&file.0]].0.extend_from_slice(bytes),
            Effect::Truncate { file, len } => {
                let inode = &mut self.inodes[self.open[&file.0]];
                inode.0.truncate(*len as usize);
                inode.2 = inode.2.min(*len as usize);
            }
            Effect::Rename { from, to } => {
                let inode = self.names.remove(from).expect("renamed files exist");
                self.names.insert(to.clone(), inode);
            }
            Effect::Unlink { path } => {
                self.names.remove(path);
            }
            Effect::Fsync { file } => {
                let inode = &mut self.inodes[self.open[&file.0]];
                *inode = (inode.0.clone(), Some(inode.0.clone()), usize::MAX);
            }
            Effect::FsyncDirectory => {
                self.durable_names = self.names.clone();
                for (_, durable, cut) in &mut self.inodes {
                    durable.iter_mut().for_each(|bytes| bytes.truncate(*cut));
                    *cut = usize::MAX;
                }
            }
            // The scheduler's thread does not run.
            Effect::Post { .. } => {}
            other => panic!("{other:?} is not for a disk"),
        }
    }

    /// What was not durable is gone.
    pub fn lose_power(&mut self) {
        self.names = self.durable_names.clone();
        for (written, durable, _) in &mut self.inodes {
            *written = durable.clone().unwrap_or_default();
        }
        self.open.clear();
    }

    /// All bytes of a file, to be changed behind everybody's back.
    pub fn bytes_mut(&mut self, path: &str) -> &mut Vec<u8> {
        &mut self.inodes[self.names[path]].0
    }
}

impl DurableFiles for TestDisk {
    fn paths(&self) -> Vec<Rc<str>> {
        self.names.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.names.get(path).map(|inode| self.inodes[*inode].0.clone())
    }
}
