//! A disk that turns out to be full when it is forced.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Writes succeed, and the fsync of a file that has something to write fails with ENOSPC: the file system allocates
/// space when it writes back (ext4, xfs and btrfs do so).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullAtFsync {
    pub node: Node,
}

impl FaultKind for FullAtFsync {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the disk of {} is full at each fsync for {}", reported.name(self.node), reported.lasts())
    }
}

impl Inject for FullAtFsync {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.state(self.node).full_at_fsync += 1;
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.state(self.node).full_at_fsync -= 1;
    }
}
