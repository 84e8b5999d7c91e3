//! A snapshot's file while it is written (`FileRawSnapshotWriter`).

use std::rc::Rc;

use super::file_name::{partial_path, snapshot_path};
use crate::bugs::{Bug, Bugs};
use crate::ids::OffsetAndEpoch;
use crate::io::{Effect, FileHandle, Out};
use crate::log::Force;

/// The file `…checkpoint.part`, and what was written to it. It is either frozen or closed.
#[derive(Clone, Debug)]
pub struct RawSnapshotWriter {
    id: OffsetAndEpoch,
    file: FileHandle,
    path: Rc<str>,
    bytes: Vec<u8>,
    bugs: Bugs,
}

impl RawSnapshotWriter {
    /// Creates the file. Kafka has a random number in its name; here it is that of the handle, which no other file of the
    /// process has.
    pub(crate) fn create(id: OffsetAndEpoch, file: FileHandle, bugs: Bugs, out: &mut Out) -> RawSnapshotWriter {
        let path = partial_path(id, file.0);
        out.push(Effect::Open { file, path: Rc::clone(&path), truncate: true });
        RawSnapshotWriter { id, file, path, bytes: Vec::new(), bugs }
    }

    /// The snapshot's id.
    pub fn id(&self) -> OffsetAndEpoch {
        self.id
    }

    /// The path of its file.
    pub fn path(&self) -> &Rc<str> {
        &self.path
    }

    /// How much is written.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn append(&mut self, bytes: Rc<[u8]>, out: &mut Out) {
        self.bytes.extend_from_slice(&bytes);
        out.push(Effect::Append { file: self.file, bytes });
    }

    /// D10: its bytes are durable before it has its name, and its name before anybody uses it. Returns its bytes.
    pub fn freeze(self, out: &mut Out) -> (OffsetAndEpoch, Rc<[u8]>) {
        if !self.bugs.has(Bug::Kafka15312SnapshotNotForced) {
            out.push(Effect::Fsync { file: self.file });
        }
        out.push(Effect::Rename { from: self.path, to: snapshot_path(self.id) });
        if Force::durable(self.bugs) == Force::Durable {
            out.push(Effect::FsyncDirectory);
        }
        (self.id, self.bytes.into())
    }

    /// Gives it up.
    pub fn close(self, out: &mut Out) {
        out.push(Effect::Unlink { path: self.path });
    }
}
