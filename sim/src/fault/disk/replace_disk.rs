//! A disk that is replaced.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::{Down, Watch};
use crate::world::World;
use crate::world::inject::Inject;
use crate::world::node::Dying;

/// The node goes down and comes back with an empty disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceDisk {
    pub node: Node,
}

impl FaultKind for ReplaceDisk {
    const LENGTH: Length = Length::Down;

    affects_its_node!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("{} is down for {} and restarts with an empty disk", reported.name(self.node), reported.lasts())
    }
}

impl Inject for ReplaceDisk {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
        let dying = Dying { replace_disk: true, ..Dying::new(Down::PowerLost, begun) };
        world.stop_process(watch, begun.index, self.node, None, dying)
    }
}
