//! Log directories in Kafka's formats, both ways.
//!
//! * `node_files`: the files of every node at a point of a run
//! * [`Inspection`]: what a directory, of a simulated or of a real node, holds; `json`: as JSON; `text`: in words

mod json;
mod node_files;
mod text;

use std::fmt;

use raft::directory::{Contents, LogDirectory, Recovery};

pub use node_files::{NodeFiles, node_files};
pub use raft::directory::{Damage, METADATA_DIRECTORY};
pub use raft::io::DurableFiles;

/// Everything read from one log directory.
#[derive(Clone, Debug)]
pub struct Inspection {
    directory: LogDirectory,
    /// The image, if the directory has a metadata partition.
    contents: Option<Contents>,
    recovery: Recovery,
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

    /// All of it.
    pub fn json(&self) -> serde_json::Value {
        json::inspection(self)
    }

    /// A summary; with `records`, each batch and record, too.
    pub fn text(&self, records: bool) -> String {
        text::inspection(self, records)
    }
}

/// 16 hex digits.
struct Digest(u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
