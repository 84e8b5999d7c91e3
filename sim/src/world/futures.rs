//! Alternative continuations of a world: with other draws, and without faults.
//!
//! For worlds that were cloned: the run itself has one future, determined by its seed and its plan.

use super::World;
use crate::process::Process;
use crate::rng::{Purpose, Seed};
use crate::watch::Watch;

impl<P: Process> World<P> {
    /// From now on all values are drawn again, for the future of this number. Earlier draws are kept: messages under
    /// way, armed timers.
    pub fn redraw(&mut self, future: u64) {
        let seed = Seed(self.seed.mix(Purpose::Future, 0, future));
        self.seed = seed;
        self.schedule.redraw(seed);
        for node in &mut self.nodes {
            let owner = u64::from(node.id.0) << 32 | u64::from(node.incarnation);
            node.entropy = seed.entropy(Purpose::Node, owner);
        }
    }

    /// All faults end now and none starts any more. The time at which the world heals is unchanged: until then clients
    /// continue as before, in a world without faults.
    pub fn end_faults<W: Watch<P>>(&mut self, watch: &mut W) {
        self.lift_all(watch);
        self.bring_all_back(watch);
        self.run_ready(watch);
    }
}
