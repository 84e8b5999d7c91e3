//! Links that drop everything.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_links};
use super::words::{FaultWords, verb};
use crate::ids::Link;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Nothing sent on these one-way links arrives. Symmetric, bridge, ring and flapping partitions are composed of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    pub links: Vec<Link>,
}

impl FaultKind for Cut {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("{} {} cut for {}", reported.links(&self.links), verb(&self.links, "is", "are"), reported.lasts())
    }
}

impl Inject for Cut {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.on_links(&self.links, |link| link.cuts += 1);
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.on_links(&self.links, |link| link.cuts -= 1);
    }
}
