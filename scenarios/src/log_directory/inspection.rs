//! Everything read from one log directory.

use std::rc::Rc;

use raft::directory::{Contents, Damage, FoundRecord, LogDirectory, METADATA_DIRECTORY, Recovery};
use raft::ids::Offset;
use raft::io::DurableFiles;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Inspection {
    pub(super) directory: LogDirectory,
    /// The image, if the directory has a metadata partition.
    pub(super) contents: Option<Contents>,
    pub(super) recovery: Recovery,
}

/// The files of the metadata partition.
struct MetadataOnly<'a>(&'a dyn DurableFiles);

impl DurableFiles for MetadataOnly<'_> {
    fn paths(&self) -> Vec<Rc<str>> {
        let is_of_it = |path: &Rc<str>| path.split_once('/').is_some_and(|(of, _)| of == METADATA_DIRECTORY);
        self.0.paths().into_iter().filter(is_of_it).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(path)
    }

    fn is_unreadable(&self, path: &str) -> bool {
        self.0.is_unreadable(path)
    }
}

impl Inspection {
    /// Reads a directory. `None`: nothing in it is a file of Kafka's.
    pub fn of(files: &dyn DurableFiles) -> Option<Inspection> {
        let mut directory = LogDirectory::read(files)?;
        let mut damage = std::mem::take(&mut directory.damage);
        let contents = Contents::of(&directory, None, &mut damage);
        directory.damage = damage;
        let recovery = Recovery::of(files, &directory);
        Some(Inspection { directory, contents, recovery })
    }

    /// The metadata partition of a directory, and what of it is not as Kafka writes it; the image has the records below
    /// `end`, or all. No other partition is read. `None`: it has no metadata partition.
    pub fn image(files: &dyn DurableFiles, end: Option<Offset>) -> Option<(Contents, Vec<Damage>)> {
        let mut directory = LogDirectory::read(&MetadataOnly(files))?;
        let mut damage = std::mem::take(&mut directory.damage);
        let contents = Contents::of(&directory, end, &mut damage)?;
        Some((contents, damage))
    }

    /// The records of the metadata partition from an offset on.
    pub(super) fn metadata_from(files: &dyn DurableFiles, from: Offset) -> Vec<FoundRecord> {
        let Some(directory) = LogDirectory::read(&MetadataOnly(files)) else { return Vec::new() };
        let segments = directory.partitions.into_iter().flat_map(|partition| partition.segments);
        let records = segments.flat_map(|segment| segment.batches).flat_map(|batch| batch.records);
        records.filter(|record| record.offset >= from).collect()
    }

    /// What is not as Kafka writes it.
    pub fn damage(&self) -> &[Damage] {
        &self.directory.damage
    }
}
