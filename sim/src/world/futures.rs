//! What may come of a world from here on: other chances, and none of the faults.
//!
//! For worlds that were cloned: the run itself has one future, which its seed and its plan say.

use super::World;
use crate::process::Process;
use crate::rng::{Purpose, Seed};
use crate::watch::Watch;

impl<P: Process> World<P> {
    /// From now on all that is drawn is drawn anew, for the future of this number. What was drawn
    /// before stands: messages under way, timers that are armed.
    pub fn redraw(&mut self, future: u64) {
        let seed = Seed(self.seed.mix(Purpose::Future, 0, future));
        self.seed = seed;
        self.schedule.redraw(seed);
        for node in &mut self.nodes {
            let owner = u64::from(node.id.0) << 32 | u64::from(node.incarnation);
            node.entropy = seed.entropy(Purpose::Node, owner);
        }
    }

    /// All faults end now and none starts any more. When the world heals stays as it was: until then
    /// clients continue as before, in a world that nothing disturbs.
    pub fn end_faults<W: Watch<P>>(&mut self, watch: &mut W) {
        self.lift_all(watch);
        self.bring_all_back(watch);
        self.run_ready(watch);
    }
}
