//! The node that a connection is meant for.

use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::Canonical;
use super::fields::{Fields, Value};
use crate::ids::NodeId;

/// The node that a server wants to reach with the connection of a request: read under
/// [`Fix::RefuseMisroutedConnections`](crate::fixes::Fix::RefuseMisroutedConnections) alone, since Kafka's servers do not
/// send it. It is that of the connection unless a name leads elsewhere, so it is no part of what identifies a request, and
/// is not shown among its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeantFor(Option<NodeId>);

impl MeantFor {
    /// Any node will do, or the sender does not tell: a client.
    pub const ANY: MeantFor = MeantFor(None);

    /// This node. Any will do for the negative id of a bootstrap server.
    pub fn node(id: NodeId) -> MeantFor {
        MeantFor(Some(id).filter(|id| id.0 >= 0))
    }

    /// Whether `node` may serve the request.
    pub fn admits(self, node: NodeId) -> bool {
        self.0.is_none_or(|meant| meant == node)
    }
}

impl Canonical for MeantFor {
    fn walk(&self, _: &mut CanonicalHasher) {}
}

impl Fields for MeantFor {
    fn value(&self) -> Value {
        Value::Null
    }

    fn put(&self, _: &str, _: &mut Vec<(String, Value)>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_server_is_any_node() {
        assert!(MeantFor::node(NodeId(2)).admits(NodeId(2)));
        assert!(!MeantFor::node(NodeId(2)).admits(NodeId(1)));
        assert!(MeantFor::node(NodeId(-2)).admits(NodeId(1)));
        assert!(MeantFor::ANY.admits(NodeId(1)));
    }
}
