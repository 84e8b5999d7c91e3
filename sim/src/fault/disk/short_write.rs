//! A write that is cut short.

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
use crate::world::node::ShortWrites;

/// Of the next append of two bytes or more only the first `at_ppm` of its bytes are written, at least one and not all;
/// writing the rest fails with ENOSPC. The fault begins with that append.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortWrite {
    pub node: Node,
    pub at_ppm: u32,
}

impl FaultKind for ShortWrite {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.at_ppm.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::plain("at_ppm", Number::U32(&mut self.at_ppm), (0, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("the disk of {} fills up in the middle of a write", reported.name(self.node))
    }
}

impl Inject for ShortWrite {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        world.state(self.node).short_writes.push(ShortWrites { fault: begun.index, at_ppm: self.at_ppm });
        Came::Armed
    }
}
