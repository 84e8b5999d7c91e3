//! A disk that syncs slowly.

use serde::{Deserialize, Serialize};

use crate::fault::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_node,
};
use crate::fault::words::FaultWords;
use crate::ids::Node;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// Fsyncs take `factor` times longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowDisk {
    pub node: Node,
    pub factor: u32,
}

impl FaultKind for SlowDisk {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.factor.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::strength("factor", Number::U32(&mut self.factor), (1, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the disk of {} is {} times slower for {}", reported.name(self.node), self.factor, reported.lasts())
    }
}

impl Inject for SlowDisk {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.change_disk_speed(self.node, |factors| factors.push(self.factor));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.change_disk_speed(self.node, |factors| {
            if let Some(place) = factors.iter().position(|other| *other == self.factor) {
                factors.swap_remove(place);
            }
        });
    }
}
