//! The effect of a kind of fault on the world.

use super::World;
use crate::fault::{Begun, Came};
use crate::process::Process;
use crate::watch::Watch;

/// The beginning and end of a kind of fault.
pub(crate) trait Inject {
    /// Begins the fault.
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came;

    /// Ends the fault, which was in force.
    fn end<P: Process, W: Watch<P>>(&self, _world: &mut World<P>, _watch: &mut W, _begun: Begun) {}
}
