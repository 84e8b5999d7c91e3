//! Everything read from one log directory.

use raft::directory::{Contents, Damage, LogDirectory, Recovery};
use raft::io::DurableFiles;

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
        let contents = Contents::of(&directory, &mut damage);
        directory.damage = damage;
        let recovery = Recovery::of(files, &directory);
        Some(Inspection { directory, contents, recovery })
    }

    /// What is not as Kafka writes it.
    pub fn damage(&self) -> &[Damage] {
        &self.directory.damage
    }
}
