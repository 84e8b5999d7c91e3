//! A handler that throws.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_node};
use super::words::FaultWords;
use crate::ids::Node;
use crate::process::{Input, Process, Thread};
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The next handler of a thread throws an exception; the process decides what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub node: Node,
    pub thread: u8,
}

impl FaultKind for Exception {
    const LENGTH: Length = Length::InForce;

    affects_its_node!();

    fn identify(&self, words: &mut Words) {
        words.word(self.thread.into());
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("a handler of {} throws an exception", reported.name(self.node))
    }
}

impl Inject for Exception {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        if !world.is_up(self.node) || usize::from(self.thread) >= P::THREADS.len() {
            return Came::Nothing;
        }
        world.offer(self.node, Thread(self.thread), Input::Exception, 0);
        Came::Injected
    }
}
