//! Servers by node id.

use raft::ids::NodeId;

/// Servers by node id.
#[derive(Clone, Debug)]
pub struct ServerIndex {
    /// By index.
    pub ids: Vec<NodeId>,
}

impl ServerIndex {
    /// The index of a node; a handful are searched.
    pub fn of(&self, id: NodeId) -> Option<usize> {
        self.ids.iter().position(|other| *other == id)
    }
}
