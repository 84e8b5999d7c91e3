//! What a kind of fault does to the world.

use super::World;
use crate::fault::{Begun, Came};
use crate::process::Process;
use crate::watch::Watch;

/// A kind of fault, as it begins and ends.
pub(crate) trait Inject {
    /// Its time has come.
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came;

    /// It was in force, and no longer is.
    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun);
}
