//! A process that is requested to end.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use super::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// SIGTERM; booted again `lasts` after the process has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminate {
    pub node: Node,
}

impl FaultKind for Terminate {
    const LENGTH: Length = Length::Down;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("{} receives SIGTERM and restarts {} later", reported.name(self.node), reported.lasts())
    }
}

impl Inject for Terminate {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        if !world.is_up(self.node) {
            return Came::Nothing;
        }
        world.state(self.node).terminated = Some((begun.index, begun.lasts_ns));
        world.signal(self.node);
        Came::Injected
    }
}
