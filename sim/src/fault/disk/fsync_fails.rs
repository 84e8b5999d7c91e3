//! Fsyncs that fail.

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
use crate::world::node::FailingFsyncs;

/// The next `count` fsyncs fail with EIO. The fault begins with the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsyncFails {
    pub node: Node,
    pub count: u32,
}

impl FaultKind for FsyncFails {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.count.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::plain("count", Number::U32(&mut self.count), (1, 1_000_000))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let name = reported.name(self.node);
        match self.count {
            1 => format!("the next fsync of {name} fails"),
            count => format!("the next {count} fsyncs of {name} fail"),
        }
    }
}

impl Inject for FsyncFails {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        let failing = FailingFsyncs { fault: begun.index, left: self.count, has_taken_effect: false };
        world.state(self.node).failing_fsyncs.push(failing);
        Came::Armed
    }
}
