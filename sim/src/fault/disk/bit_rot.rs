//! A bit that flips.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_node,
};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::rng::Purpose;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// One bit of one file's durable bytes flips; read back at the next power loss or, if the pages are not cached (the
/// node is down), at the next boot. The file is the `file_rank`-th (modulo their number) of the files whose path ends
/// with `suffix` and that hold a byte to flip; the byte is at `at_ppm` of its written pieces, but not in a piece's
/// first `spare_bytes` bytes. With `newest`, only the last such file of each folder, by name, is considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BitRot {
    pub node: Node,
    pub suffix: String,
    #[serde(default)]
    pub newest: bool,
    pub file_rank: u32,
    pub at_ppm: u32,
    pub spare_bytes: u32,
}

impl FaultKind for BitRot {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.text(&self.suffix).word(self.newest.into()).word(self.file_rank.into());
        words.word(self.at_ppm.into()).word(self.spare_bytes.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::plain("at_ppm", Number::U32(&mut self.at_ppm), (0, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("a bit flips in a log of {}", reported.name(self.node))
    }
}

impl Inject for BitRot {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
        let mut entropy = world.seed.entropy(Purpose::DiskFault, begun.identity);
        let files = (self.suffix.as_str(), self.newest);
        let state = world.state(self.node);
        // A process may have no file open: one that recovers its log, between two segments.
        let is_cached = state.process.is_some();
        if !state.disk.rot(files, self.file_rank, self.at_ppm, self.spare_bytes, is_cached, &mut entropy) {
            return Came::Nothing;
        }
        watch.disk_damaged(world.now, self.node, &world.nodes[usize::from(self.node.0)].disk);
        Came::Injected
    }
}
