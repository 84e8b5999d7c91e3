//! A plain disk for tests: files as written and as durable.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::io::DurableFiles;

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
