//! Links that deliver datagrams twice.

use serde::{Deserialize, Serialize};

use super::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_links,
};
use super::words::{FaultWords, verb};
use crate::ids::Link;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Each datagram arrives twice with this chance (no effect on TCP).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    pub links: Vec<Link>,
    pub ppm: u32,
}

impl FaultKind for Duplicate {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, words: &mut Words) {
        words.word(self.ppm.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("ppm", Number::U32(&mut self.ppm), (0, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let deliver = verb(&self.links, "delivers", "deliver");
        format!("{} {deliver} packets twice for {}", reported.links(&self.links), reported.lasts())
    }
}

impl Inject for Duplicate {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.on_links(&self.links, |link| link.duplicate_ppm += u64::from(self.ppm));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.on_links(&self.links, |link| link.duplicate_ppm -= u64::from(self.ppm));
    }
}
