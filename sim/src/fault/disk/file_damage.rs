//! A file that is damaged by a power loss.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{
    Amount, Begun, Came, Damage, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_node,
};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::{Down, Watch};
use crate::world::World;
use crate::world::inject::Inject;
use crate::world::node::Dying;

/// The host loses power, and a file is damaged: the `file_rank`-th (modulo their number) of the files named `file` in
/// some directory that hold a byte, at `at_ppm` of its bytes; if `file` is an extension, such as `.checkpoint`, the last one
/// that has it. A process that afterwards ends itself by a fatal fault finds an empty disk when it starts again: its operator
/// has replaced it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDamage {
    pub node: Node,
    pub file: String,
    pub file_rank: u32,
    pub damage: Damage,
    pub at_ppm: u32,
}

impl FaultKind for FileDamage {
    const LENGTH: Length = Length::Down;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.text(&self.file).word(self.file_rank.into()).word(self.damage as u64).word(self.at_ppm.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::plain("at_ppm", Number::U32(&mut self.at_ppm), (0, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let damage = match self.damage {
            Damage::Flipped => "one bit flipped",
            Damage::Cut => "its end missing",
            Damage::Zeroed => "zeros at its end",
            Damage::Unreadable => "EIO when it is read",
        };
        format!(
            "{} loses power for {}, and {}{} comes back with {damage}",
            reported.name(self.node),
            reported.lasts(),
            if self.file.starts_with('.') { "the last " } else { "" },
            self.file
        )
    }
}

impl Inject for FileDamage {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
        if world.state(self.node).disk.damageable(&self.file).is_empty() {
            return Came::Nothing;
        }
        let dying = Dying { damaged_by: Some(begun.index), ..Dying::new(Down::PowerLost, begun) };
        world.stop_process(watch, begun.index, self.node, None, dying)
    }
}
