//! A disk that is full.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Writes fail with ENOSPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullDisk {
    pub node: Node,
}

impl FaultKind for FullDisk {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the disk of {} is full for {}", reported.name(self.node), reported.lasts())
    }
}

impl Inject for FullDisk {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        let state = world.state(self.node);
        state.full += 1;
        state.disk.set_full(true);
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        let state = world.state(self.node);
        state.full -= 1;
        let full = state.full > 0;
        state.disk.set_full(full);
    }
}
