//! Everything read from one log directory.

use raft::directory::{Contents, Damage, LogDirectory, Recovery};
use raft::ids::Offset;
use raft::io::DurableFiles;
use raft::metadata::MetadataImage;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Inspection {
    pub(super) directory: LogDirectory,
    /// The image, if the directory has a metadata partition.
    pub(super) contents: Option<Contents>,
    pub(super) recovery: Recovery,
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

    /// The metadata image of a directory, of the records below `end`, or of all, and the number of records that no image
    /// has a place for. `None`: it has no metadata partition.
    pub fn image(files: &dyn DurableFiles, end: Option<Offset>) -> Option<(MetadataImage, u64)> {
        let directory = LogDirectory::read(files)?;
        let contents = Contents::of(&directory, end, &mut Vec::new())?;
        Some((contents.image, contents.without_place))
    }

    /// What is not as Kafka writes it.
    pub fn damage(&self) -> &[Damage] {
        &self.directory.damage
    }
}
