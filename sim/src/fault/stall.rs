//! A machine that stops.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use super::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The whole machine stops (VM stall); the network receives nothing from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    pub node: Node,
}

impl FaultKind for Stall {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the machine of {} stalls for {}", reported.name(self.node), reported.lasts())
    }
}

impl Inject for Stall {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.state(self.node).stalled += 1;
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, _begun: Begun) {
        world.state(self.node).stalled -= 1;
        world.thaw_if_free(watch, self.node);
    }
}
