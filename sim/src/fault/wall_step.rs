//! A wall clock that is set.

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

/// The wall clock steps, and steps back when the fault ends (if it lasts).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallStep {
    pub node: Node,
    pub by_ms: i64,
}

impl FaultKind for WallStep {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.by_ms as u64);
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("by_ms", Number::I64(&mut self.by_ms), (-3_600_000, 3_600_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let lasts = if reported.lasts_ns == 0 { String::new() } else { format!(" for {}", reported.lasts()) };
        format!("the wall clock of {} steps by {} ms{lasts}", reported.name(self.node), self.by_ms)
    }
}

impl Inject for WallStep {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.step_wall(self.node, self.by_ms);
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.step_wall(self.node, self.by_ms.saturating_neg());
    }
}
