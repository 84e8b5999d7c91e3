//! Log directories in Kafka's formats, both ways.
//!
//! * `node_files`: the files of every node at a point of a run
//! * `inspection`: what a directory, of a simulated or of a real node, holds; `json`: as JSON; `text`: in words; `around`: what an event wrote

mod around;
mod inspection;
mod json;
mod node_files;
mod text;

pub use around::around;
pub use inspection::Inspection;
pub use json::to_json;
pub use node_files::{NodeFiles, node_files};
pub use raft::directory::{Damage, METADATA_DIRECTORY};
pub use raft::io::DurableFiles;
pub use text::{metadata_from, to_text};
