//! Names of hosts that lead to another address.

use serde::{Deserialize, Serialize};

use super::kind::{Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Words, affects_its_links};
use super::words::FaultWords;
use crate::ids::{Link, Node};
use crate::network::Address;
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// The first node of each link gets another address from its name server than that of the second one: the address of
/// `to`, or one that no host has, as that of a host that has moved. Established connections are not affected. A process
/// remembers an address for [`ADDRESS_TTL_NS`](crate::network::ADDRESS_TTL_NS), a wrong one too: for a process that has
/// looked it up the fault begins, or ends, so much later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrongName {
    pub links: Vec<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Node>,
}

impl FaultKind for WrongName {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, words: &mut Words) {
        words.word(self.to.map_or(u64::MAX, |node| node.0.into()));
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let to = self.to.map_or_else(|| "an address of no host".to_owned(), |node| reported.name(node));
        format!("lookups of host names on {} give {to} for {}", reported.links(&self.links), reported.lasts())
    }
}

impl Inject for WrongName {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        let address = self.to.map_or(Address::OfNobody, Address::Of);
        world.network.on_names(&self.links, |name| name.wrong.push((begun.index, address)));
        Came::Injected
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) {
        world.network.on_names(&self.links, |name| name.wrong.retain(|(fault, _)| *fault != begun.index));
    }
}
