//! A process that stops executing.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use super::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The process stops executing (GC, SIGSTOP); its kernel still acknowledges and buffers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    pub node: Node,
}

impl FaultKind for Pause {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the process of {} is paused for {}", reported.name(self.node), reported.lasts())
    }
}

impl Inject for Pause {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.state(self.node).paused += 1;
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, _begun: Begun) {
        world.state(self.node).paused -= 1;
        world.thaw_if_free(watch, self.node);
    }
}
