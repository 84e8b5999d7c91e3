//! The snapshots in the folder of the metadata log (`KafkaRaftLog.snapshots`).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::files::LogError;
use crate::ids::{Offset, OffsetAndEpoch};
use crate::io::{DurableFiles, Effect, Out};
use crate::snapshot::file_name::{SnapshotFile, deleted_path, snapshot_path};

/// Delay between the renaming of an expired snapshot and its deletion (`internal.metadata.delete.delay.millis`).
const DELETE_DELAY_NS: u64 = 60_000_000_000;

/// The complete snapshots, and those that are to be deleted.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// Their bytes. Kafka opens a file when it is read first.
    complete: BTreeMap<OffsetAndEpoch, Rc<[u8]>>,
    /// Renamed to `.deleted`; when they are deleted, monotonic, ns.
    expired: VecDeque<(u64, OffsetAndEpoch)>,
}

impl Snapshots {
    /// What a start finds (`KafkaRaftLog.recoverSnapshots`): complete snapshots that end at or above the log's start. Others,
    /// and those that were being written or deleted, are deleted. Without a snapshot that reaches the start of a log that
    /// starts above 0, the process ends.
    pub fn recover(files: &dyn DurableFiles, log_start: Offset, out: &mut Out) -> Result<Snapshots, LogError> {
        let mut found = Snapshots::default();
        let mut unneeded = Vec::new();
        for path in files.paths() {
            match SnapshotFile::parse(&path) {
                None => {}
                Some(SnapshotFile::Complete(id)) if id.offset >= log_start => {
                    let bytes = files.read(&path).ok_or_else(|| LogError::in_file(&path, "cannot be read"))?;
                    found.complete.insert(id, bytes.into());
                }
                Some(_) => unneeded.push(path),
            }
        }
        let latest = found.latest();
        if log_start > Offset(0) && latest.is_none_or(|latest| latest.offset < log_start) {
            let latest =
                latest.map_or("there is none".to_owned(), |id| format!("the latest one ends at {}", id.offset));
            return Err(LogError::Refused(format!(
                "__cluster_metadata-0: the log starts at offset {log_start}, and {latest}: a snapshot must reach the start"
            )));
        }
        out.effects.extend(unneeded.into_iter().map(|path| Effect::Unlink { path }));
        Ok(found)
    }

    pub fn latest(&self) -> Option<OffsetAndEpoch> {
        self.complete.last_key_value().map(|(id, _)| *id)
    }

    pub fn earliest(&self) -> Option<OffsetAndEpoch> {
        self.complete.first_key_value().map(|(id, _)| *id)
    }

    /// The bytes of a complete snapshot.
    pub fn get(&self, id: OffsetAndEpoch) -> Option<&Rc<[u8]>> {
        self.complete.get(&id)
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = (OffsetAndEpoch, &Rc<[u8]>)> {
        self.complete.iter().map(|(id, bytes)| (*id, bytes))
    }

    /// A snapshot has its name (`onSnapshotFrozen`).
    pub fn add(&mut self, id: OffsetAndEpoch, bytes: Rc<[u8]>) {
        self.complete.insert(id, bytes);
    }

    /// Forgets the snapshots before `id` and renames their files, which is not forced; they are deleted later. Returns whether
    /// there were any.
    pub fn expire_before(&mut self, id: OffsetAndEpoch, now_ns: u64, out: &mut Out) -> bool {
        let kept = self.complete.split_off(&id);
        let expired = std::mem::replace(&mut self.complete, kept);
        for id in expired.keys() {
            out.push(Effect::Rename { from: snapshot_path(*id), to: deleted_path(*id) });
            self.expired.push_back((now_ns + DELETE_DELAY_NS, *id));
        }
        !expired.is_empty()
    }

    /// When the scheduler's thread has to delete the next file, monotonic, ns.
    pub fn deletion_due_ns(&self) -> Option<u64> {
        self.expired.front().map(|(due_ns, _)| *due_ns)
    }

    /// The scheduler's thread deletes the files of which it is time.
    pub fn delete_expired(&mut self, now_ns: u64, out: &mut Out) {
        while let Some((_, id)) = self.expired.pop_front_if(|(due_ns, _)| *due_ns <= now_ns) {
            out.push(Effect::Unlink { path: deleted_path(id) });
        }
    }
}
