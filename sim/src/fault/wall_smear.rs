//! A wall clock that is slewed.

use serde::{Deserialize, Serialize};

use super::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_node,
};
use super::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The wall clock is slewed to an offset over the duration, and stays there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallSmear {
    pub node: Node,
    pub by_ms: i64,
}

impl FaultKind for WallSmear {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.by_ms as u64);
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("by_ms", Number::I64(&mut self.by_ms), (-3_600_000, 3_600_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the wall clock of {} is slewed by {} ms in {}", reported.name(self.node), self.by_ms, reported.lasts())
    }
}

impl Inject for WallSmear {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        let at = world.now;
        world.state(self.node).clock.smear_wall(at, self.by_ms, begun.lasts_ns);
        Came::Injected
    }
}
