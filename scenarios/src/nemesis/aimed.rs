//! Faults that wait for a trigger: after an election, while AlterPartition is in flight, between a write and its fsync.

use sim::fault::{
    Cut, Delay, Fault, FsyncFails, FullDisk, Kill, Link, Pause, PowerLoss, ReplaceDisk, Stall, Tail, Terminate,
    Trigger, What,
};
use sim::process::Node;
use sim::rng::{Entropy, Purpose};

use super::planner::{AIMED, Planner, draw_int, draw_ns, pick};
use crate::aim::guard;
use crate::aim::trigger_event::TriggerEvent;
use crate::scenario::aimed::{Aimed, AimedKind};
use crate::scenario::fault_profile::means;

/// Outside the range of kinds' numbers.
const SWARM_OF_AIMED: u64 = super::planner::SWARM | 1 << 16;

impl Planner<'_> {
    pub(super) fn aimed(&mut self) {
        let Some(profile) = self.scenario.nemesis.aimed.as_ref().filter(|_| self.is_drawn(SWARM_OF_AIMED)) else {
            return;
        };
        let possible: Vec<TriggerEvent> = TriggerEvent::possible(!self.brokers.is_empty()).collect();
        let any: Vec<TriggerEvent> = possible.iter().copied().filter(|event| event.is_drawn_unnamed()).collect();
        let named = profile.triggers.iter().map(|name| TriggerEvent::by_name(name));
        let mut choices: Vec<Option<TriggerEvent>> =
            named.filter(|event| event.is_none_or(|event| possible.contains(&event))).collect();
        match (profile.triggers.is_empty(), choices.is_empty()) {
            (true, _) => choices.extend(any.iter().map(|event| Some(*event))),
            (false, true) => return,
            (false, false) => {}
        }
        let mut gaps = self.seed.entropy(Purpose::Plan, AIMED);
        let (every, end) = (profile.every.0, self.scenario.duration.0);
        let mut at_ns = self.scenario.nemesis.start.0 + gaps.below(every);
        let mut ordinal = 0;
        while at_ns < end {
            ordinal += 1;
            let mut entropy = self.seed.entropy(Purpose::Plan, AIMED | ordinal);
            let fault = self.aim(profile, (&choices, &any), at_ns, &mut entropy);
            self.faults.push(fault);
            at_ns += every / 2 + gaps.below(every) + 1;
        }
    }

    /// `None` among the choices is any of the others.
    fn aim(
        &self,
        profile: &Aimed,
        (choices, any): (&[Option<TriggerEvent>], &[TriggerEvent]),
        at_ns: u64,
        entropy: &mut Entropy,
    ) -> Fault {
        let event = pick(entropy, choices).unwrap_or_else(|| pick(entropy, any));
        let nth = u32::try_from(draw_int(entropy, profile.nth)).expect("the range was checked with the scenario");
        let after_ns = if entropy.below(2) == 0 { 0 } else { draw_ns(entropy, profile.after) };
        let lasts_ns = draw_ns(entropy, profile.lasts);
        let node = pick(entropy, self.targets);
        // The node of the event, its peer, or any node.
        let (seen_as, peer_as) = match entropy.below(5) {
            0..3 => (Some(node), None),
            3 if event.has_peer() => (None, Some(node)),
            3 => (Some(node), None),
            _ => (None, None),
        };
        let kind = pick(entropy, &profile.kinds);
        let what = self.aimed_fault(kind, node, profile, entropy);
        let means = means(kind.kind());
        let trigger = Trigger { name: event.name().into(), nth, after_ns, seen_as, peer_as };
        let fault = Fault::at(at_ns, if means.is_instant { 0 } else { lasts_ns }, what).aimed(trigger);
        let unless = guard::of(&self.scenario.nemesis, kind.kind(), true);
        Fault { unless, ..fault }
    }

    fn aimed_fault(&self, kind: AimedKind, node: Node, profile: &Aimed, entropy: &mut Entropy) -> What {
        match kind {
            AimedKind::Kill => What::Kill(Kill { node, after_effects: None }),
            AimedKind::PowerLoss => {
                let tail = pick(entropy, &[Tail::Lost, Tail::Kept, Tail::Torn]);
                What::PowerLoss(PowerLoss { node, tail, after_effects: None })
            }
            AimedKind::Terminate => What::Terminate(Terminate { node }),
            AimedKind::Pause => What::Pause(Pause { node }),
            AimedKind::Stall => What::Stall(Stall { node }),
            AimedKind::Isolate => What::Cut(Cut { links: self.links_of(node, true, true) }),
            AimedKind::OneWay => {
                let outward = entropy.below(2) == 0;
                What::Cut(Cut { links: self.links_of(node, outward, !outward) })
            }
            AimedKind::Delay => {
                let outward = entropy.below(2) == 0;
                let links = self.links_of(node, outward, !outward);
                What::Delay(Delay { links, extra_ns: draw_ns(entropy, profile.extra) })
            }
            AimedKind::FsyncFails => What::FsyncFails(FsyncFails { node, count: 1 }),
            AimedKind::ReplaceDisk => What::ReplaceDisk(ReplaceDisk { node }),
            AimedKind::FullDisk => What::FullDisk(FullDisk { node }),
        }
    }

    /// A server's links to and from all other servers; if there is only one server, to and from clients.
    fn links_of(&self, node: Node, outward: bool, inward: bool) -> Vec<Link> {
        let others = if self.servers.len() == 1 { self.clients } else { self.servers };
        let others = || others.iter().filter(|other| **other != node);
        let out = others().filter(|_| outward).map(|other| Link(node, *other));
        out.chain(others().filter(|_| inward).map(|other| Link(*other, node))).collect()
    }
}
