//! A host that loses power.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Tail, Words, affects_its_node};
use super::words::{FaultWords, between};
use crate::ids::Node;
use crate::process::Process;
use crate::watch::{Down, Watch};
use crate::world::World;
use crate::world::inject::Inject;
use crate::world::node::Dying;

/// The host dies; `after_effects` as for `Kill`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerLoss {
    pub node: Node,
    pub tail: Tail,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_effects: Option<u8>,
}

impl FaultKind for PowerLoss {
    const LENGTH: Length = Length::Down;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.tail as u64).after(self.after_effects);
    }

    fn begins_between_effects(&self) -> bool {
        self.after_effects.is_some()
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let tail = match self.tail {
            Tail::Lost => "unsynced bytes are lost",
            Tail::Kept => "unsynced bytes are kept",
            Tail::Torn => "unsynced bytes are torn",
        };
        format!(
            "{} loses power{} for {}, {tail}",
            reported.name(self.node),
            between(self.after_effects),
            reported.lasts()
        )
    }
}

impl Inject for PowerLoss {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
        let dying = Dying { tail: Some(self.tail), ..Dying::new(Down::PowerLost, begun) };
        let state = world.state(self.node);
        match &mut state.dying {
            // The process dies at this very time, and its page cache is lost with it.
            Some(other) if other.how != Down::PowerLost => {
                *other = dying;
                return Came::Injected;
            }
            None if state.process.is_none() && state.host_up && state.incarnation > 0 => {
                world.lose_power_while_down(watch, self.node, &dying, begun.lasts_ns);
                return Came::Injected;
            }
            _ => {}
        }
        world.stop_process(watch, begun.index, self.node, self.after_effects, dying)
    }
}
