//! Links that lose packets.

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

/// A gray link: each packet is lost with this chance, in parts per million.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    pub links: Vec<Link>,
    pub ppm: u32,
}

impl FaultKind for Loss {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, words: &mut Words) {
        words.word(self.ppm.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("ppm", Number::U32(&mut self.ppm), (0, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let lose = verb(&self.links, "loses", "lose");
        let (percent, tenths) = (self.ppm / 10_000, self.ppm / 1_000 % 10);
        format!("{} {lose} {percent}.{tenths} % of packets for {}", reported.links(&self.links), reported.lasts())
    }
}

impl Inject for Loss {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.on_links(&self.links, |link| link.loss_ppm += u64::from(self.ppm));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.on_links(&self.links, |link| link.loss_ppm -= u64::from(self.ppm));
    }
}
