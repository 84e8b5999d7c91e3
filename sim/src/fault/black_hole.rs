//! A connection that carries nothing.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::kind::{
    Amount, Begun, Came, FaultKind, FaultTarget, FaultTargetMut, Length, Number, Words, affects_its_links,
};
use super::words::FaultWords;
use crate::ids::Link;
use crate::network::{Slot, Stage};
use crate::process::Process;
use crate::watch::Watch;
use crate::world::World;
use crate::world::inject::Inject;

/// One established connection drops every packet, both ways, without notifying either host: a firewall or a NAT on the
/// path has removed its entry. Other connections of the same hosts work, including new ones. It is the `rank`-th
/// (modulo their number) of the connections that are open when the fault begins, ordered by their links from opener to
/// server, and newest first within one link. With a length of 0 it drops packets until it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlackHole {
    pub links: Vec<Link>,
    pub rank: u32,
}

impl BlackHole {
    /// The slot of the connection, if one is open.
    fn find<P: Process>(&self, slots: &[Slot<P>]) -> Option<usize> {
        let mut open = Vec::new();
        for Link(from, to) in &self.links {
            let is_of_link =
                |slot: &Slot<P>| slot.in_use && slot.stage == Stage::Open && (slot.client, slot.server) == (*from, *to);
            let mut of_link: Vec<usize> = (0..slots.len()).filter(|index| is_of_link(&slots[*index])).collect();
            of_link.sort_by_key(|index| Reverse(slots[*index].ordinal));
            open.extend(of_link);
        }
        let place = (self.rank as usize).checked_rem(open.len())?;
        Some(open[place])
    }
}

impl FaultKind for BlackHole {
    const LENGTH: Length = Length::InForce;

    affects_its_links!();

    fn identify(&self, words: &mut Words) {
        words.word(self.rank.into());
    }

    fn amounts(&mut self) -> Vec<Amount<'_>> {
        vec![Amount::plain("rank", Number::U32(&mut self.rank), (0, u32::MAX.into()))]
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String {
        let lasts = if reported.lasts_ns == 0 { String::new() } else { format!(" for {}", reported.lasts()) };
        format!(
            "one established connection ({}, rank {}) drops every packet{lasts}",
            reported.links(&self.links),
            self.rank
        )
    }
}

impl Inject for BlackHole {
    fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) -> Came {
        let slots = &mut world.network.slots;
        match self.find(slots) {
            Some(slot) => {
                slots[slot].black_holes.push(begun.index);
                Came::Injected
            }
            None => Came::Nothing,
        }
    }

    fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, _watch: &mut W, begun: Begun) {
        for slot in &mut world.network.slots {
            slot.black_holes.retain(|fault| *fault != begun.index);
        }
    }
}
