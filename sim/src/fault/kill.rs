//! A process that dies.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use super::words::{FaultWords, between};
use crate::ids::Node;
use crate::process::Process;
use crate::watch::{Down, Watch};
use crate::world::World;
use crate::world::inject::Inject;
use crate::world::node::Dying;

/// The process dies immediately; the page cache survives. With `after_effects`, it dies in the middle of its next
/// effect list that is longer than that, after that number of effects. Until then the fault has not begun; it never
/// begins if the node dies for another reason, all faults end, or another such kill of the node comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    pub node: Node,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_effects: Option<u8>,
}

impl FaultKind for Kill {
    const LENGTH: Length = Length::Down;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.after(self.after_effects);
    }

    fn begins_between_effects(&self) -> bool {
        self.after_effects.is_some()
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("{} is killed{} for {}", reported.name(self.node), between(self.after_effects), reported.lasts())
    }
}

impl Inject for Kill {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
        world.stop_process(watch, begun.index, self.node, self.after_effects, Dying::new(Down::Killed, begun))
    }
}
