//! Clocks that run fast or slow.

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

/// Both clocks of a node run fast (or slow) by this much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    pub node: Node,
    pub ppm: i32,
}

impl FaultKind for Drift {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(i64::from(self.ppm) as u64);
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("ppm", Number::I32(&mut self.ppm), (-500_000, 500_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let how = if self.ppm < 0 { "slow" } else { "fast" };
        let ppm = self.ppm.unsigned_abs();
        format!("the clock of {} runs {ppm} ppm {how} for {}", reported.name(self.node), reported.lasts())
    }
}

impl Inject for Drift {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.add_drift(self.node, i64::from(self.ppm));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.add_drift(self.node, -i64::from(self.ppm));
    }
}
