//! Stories of the controller, over a metadata log that commits only when a story says so.

mod alter_partition;
mod builder;
mod cluster;
mod harness;
mod mistakes;
mod property;
mod queue;
mod quorum;
mod replica;
mod topics;

use std::rc::Rc;

use crate::ids::{NodeId, Uuid};

fn nodes(ids: &[i32]) -> Rc<[NodeId]> {
    ids.iter().map(|id| NodeId(*id)).collect()
}

fn uuid(n: u128) -> Uuid {
    Uuid((n + 1_000).to_be_bytes())
}
