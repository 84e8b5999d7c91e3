//! Names of hosts that are not resolved.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_links};
use super::words::FaultWords;
use crate::ids::Link;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The first node of each link does not get the address of the second one from its name server, so that its connects fail
/// at once (`UnknownHostException`). Established connections are not affected. A process remembers the result of a lookup: an
/// address for [`ADDRESS_TTL_NS`](crate::network::ADDRESS_TTL_NS), so that the fault begins later for it; that there was
/// none for [`NO_ADDRESS_TTL_NS`](crate::network::NO_ADDRESS_TTL_NS), so that it ends later for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnresolvedName {
    pub links: Vec<Link>,
}

impl FaultKind for UnresolvedName {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, _words: &mut Words) {}

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        format!("lookups of host names fail on {} for {}", reported.links(&self.links), reported.lasts())
    }
}

impl Inject for UnresolvedName {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) -> Came {
        world.network.on_names(&self.links, |name| name.unresolved += 1);
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, _begun: Begun) {
        world.network.on_names(&self.links, |name| name.unresolved -= 1);
    }
}
