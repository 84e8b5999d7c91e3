//! What a plan that no generator made may contain: a search changes plans, and its plans must not exceed what the
//! scenario's own nemesis may do, or they would violate a claim that does not cover them.
//!
//! Magnitudes (chances, factors, steps of clocks) are not checked: they come from a generated fault.

use std::collections::BTreeMap;

use sim::fault::{Fault, Kind, Link, Plan, Trigger, What};
use sim::process::Node;

use super::{disks, links};
use crate::aim::guard;
use crate::aim::trigger_event::TriggerEvent;
use crate::cluster::Prepared;
use crate::scenario::Scenario;
use crate::scenario::fault_profile::{Destroys, Rhythm, are_one_injection, means};
use crate::scenario::faults::Targets;

/// What plans for a prepared seed may contain.
#[derive(Clone, Debug)]
pub struct Limits {
    scenario: Scenario,
    rhythms: Vec<(Kind, Rhythm)>,
    /// Servers, of which the first `voters` are voters, followed by clients.
    servers: u16,
    voters: u16,
    nodes: u16,
    brokers: Vec<Node>,
    targets: Vec<Node>,
}

/// The faults permitted so far.
#[derive(Default)]
struct Kept {
    faults: Vec<Fault>,
    aimed: u64,
    by_kind: BTreeMap<Kind, u64>,
    /// Servers whose disks are destroyed, and brokers that lose unforced bytes.
    victims: Vec<Node>,
    /// For kinds with a minimum distance, when the next one may begin.
    free_from_ns: BTreeMap<Kind, u64>,
    /// By turn: the first fault that has it.
    turns: BTreeMap<u64, Fault>,
}

impl Limits {
    /// The limits of a seed's cluster.
    pub fn of(prepared: &Prepared) -> Limits {
        let servers = prepared.servers.len() as u16;
        let ids = prepared.brokers.as_ref().map_or(&[][..], |brokers| &brokers.ids);
        let is_broker = |node: &u16| ids.contains(&prepared.servers[usize::from(*node)]);
        let brokers: Vec<Node> = (0..servers).filter(is_broker).map(Node).collect();
        let scenario = prepared.scenario.clone();
        let voters = (prepared.voters.len() as u16).min(servers);
        let targets = match scenario.nemesis.targets {
            Targets::All => (0..servers).map(Node).collect(),
            Targets::Controllers => (0..voters).map(Node).collect(),
            Targets::Brokers => brokers.clone(),
        };
        let nodes = prepared.world.nodes.len() as u16;
        Limits { rhythms: scenario.nemesis.rhythms(), scenario, servers, voters, nodes, brokers, targets }
    }

    /// Whether both have the same number of servers, of the same roles, and of clients.
    pub fn is_of_same_cluster(&self, other: &Limits) -> bool {
        let of = |it: &Limits| (it.servers, it.voters, it.nodes, it.brokers.clone());
        of(self) == of(other)
    }

    /// The nodes that faults of nodes and disks may hit.
    pub fn targets(&self) -> &[Node] {
        &self.targets
    }

    /// When faults may begin: from the first time until before the second, ns.
    pub fn span_ns(&self) -> (u64, u64) {
        (self.scenario.nemesis.start.0, self.scenario.duration.0)
    }

    /// How long a fault may last, ns; `None` if it may not occur at all.
    pub fn lasts_ns(&self, fault: &Fault) -> Option<(u64, u64)> {
        let kind = fault.what.kind();
        if self.is_aimed(fault) {
            let aimed = self.scenario.nemesis.aimed.as_ref()?;
            return Some(if means(kind).is_instant { (0, 0) } else { (aimed.lasts.min_ns, aimed.lasts.max_ns) });
        }
        let lengths = |kind| self.scenario.nemesis.lengths_ns(kind);
        if kind != Kind::PowerLoss {
            return lengths(kind);
        }
        // Some power losses follow rot, so that it is read.
        let of_rot = self.scenario.nemesis.rhythm(Kind::BitRot).map(|rot| (rot.lasts.min_ns, rot.lasts.max_ns));
        match (lengths(kind), of_rot) {
            (Some((min, max)), Some((_, of_rot))) => Some((min, max.max(of_rot))),
            (Some(own), None) => Some(own),
            (None, of_rot) => of_rot.map(|(_, max)| (0, max)),
        }
    }

    /// The plan, in order of time, without the faults that exceed the limits; of two in conflict the earlier is kept.
    pub fn keep(&self, plan: Plan) -> Plan {
        let mut all = plan.0;
        all.sort_by_key(|fault| fault.at_ns);
        let mut kept = Kept::default();
        for (at, fault) in all.iter().enumerate() {
            if self.is_let_in(fault, &all[at + 1..], &kept) {
                kept.take(fault, self);
            }
        }
        Plan(kept.faults)
    }

    fn rhythm(&self, kind: Kind) -> Option<Rhythm> {
        self.rhythms.iter().find(|(name, _)| *name == kind).map(|(_, rhythm)| *rhythm)
    }

    fn is_let_in(&self, fault: &Fault, later: &[Fault], kept: &Kept) -> bool {
        let (start, end) = self.span_ns();
        let in_time = fault.at_ns >= start && fault.at_ns < end;
        let lasts = self.lasts_ns(fault).is_some_and(|(min, max)| (min..=max).contains(&fault.lasts_ns));
        let guard = guard::of(&self.scenario.nemesis, fault.what.kind(), fault.on.is_some());
        let guarded = fault.unless == guard;
        if !(in_time && lasts && guarded && self.strikes_somebody(&fault.what)) {
            return false;
        }
        match &fault.on {
            Some(trigger) if self.is_aimed(fault) => self.may_aim(fault, trigger, kept),
            _ => self.may_strike(fault, later, kept),
        }
    }

    /// Whether it is one of `[nemesis.aimed]`; some cuts wait for a trigger, too.
    fn is_aimed(&self, fault: &Fault) -> bool {
        let at_leader = self.scenario.nemesis.cut.as_ref().is_some_and(|cut| cut.leader_ppm > 0);
        fault.on.is_some() && !(at_leader && links::is_aimed_at_leader(fault))
    }

    fn strikes_somebody(&self, what: &What) -> bool {
        let exists = |Link(from, to): &Link| from != to && from.0.max(to.0) < self.nodes;
        match (what.node(), what.links()) {
            (Some(node), _) => self.targets.contains(&node),
            (None, links) => !links.is_empty() && links.iter().all(exists),
        }
    }

    fn may_aim(&self, fault: &Fault, trigger: &Trigger, kept: &Kept) -> bool {
        let Some(profile) = &self.scenario.nemesis.aimed else { return false };
        let mut possible = TriggerEvent::possible(!self.brokers.is_empty());
        let is_known = possible.any(|event| event.name() == trigger.name && profile.may_draw(event));
        let places = [trigger.seen_as, trigger.peer_as];
        is_known
            && profile.kinds.iter().any(|aimed| aimed.kind() == fault.what.kind())
            && (profile.nth.min..=profile.nth.max).contains(&i64::from(trigger.nth))
            && (trigger.after_ns == 0 || (profile.after.min_ns..=profile.after.max_ns).contains(&trigger.after_ns))
            && places.into_iter().flatten().all(|node| node.0 < self.servers)
            && kept.aimed < self.most(profile.every.0)
    }

    fn may_strike(&self, fault: &Fault, later: &[Fault], kept: &Kept) -> bool {
        let kind = fault.what.kind();
        let node = fault.what.node();
        if kept.reads_rot(fault) {
            return self.ends_in_time(fault) && self.may_destroy(fault, kept);
        }
        let Some(rhythm) = self.rhythm(kind) else { return false };
        let rot_is_read = || {
            // Rot may be in an older segment by then, which is not read.
            later.iter().any(|loss| reads(loss, fault) && self.ends_in_time(loss))
        };
        (kind != Kind::BitRot || rot_is_read())
            && kept.free_from_ns.get(&kind).is_none_or(|from| fault.at_ns >= *from)
            && self.ends_in_time(fault)
            && (node.is_none() || self.may_destroy(fault, kept))
            && kept.by_kind.get(&kind).copied().unwrap_or(0)
                < self.most(rhythm.every.0) * self.scenario.nemesis.parts(kind, self.servers)
            && self.has_turn(fault, kept)
    }

    /// Whether it ends before the scenario, or its turn, does.
    fn ends_in_time(&self, fault: &Fault) -> bool {
        let (start, end) = self.span_ns();
        let end = match self.scenario.nemesis.turn {
            Some(turn) => start + (fault.at_ns - start) / turn.0 * turn.0 + turn.0 / 4 * 3,
            None => end,
        };
        fault.at_ns + fault.lasts_ns + means(fault.what.kind()).afterwards_ns <= end
    }

    /// Faults that destroy bytes hit a minority of the voters, and of the brokers.
    fn may_destroy(&self, fault: &Fault, kept: &Kept) -> bool {
        let Some(node) = self.victim(fault).filter(|node| !kept.victims.contains(node)) else { return true };
        let few = |among: &dyn Fn(&Node) -> bool, count: usize| {
            !among(&node) || kept.victims.iter().filter(|victim| among(victim)).count() < count.saturating_sub(1) / 2
        };
        let nemesis = &self.scenario.nemesis;
        let combined = self.brokers.iter().any(|broker| broker.0 < self.voters);
        few(&|node| node.0 < self.voters, self.voters.into())
            && (nemesis.any_broker_loses_data && !combined
                || few(&|node| self.brokers.contains(node), self.brokers.len()))
    }

    /// The node that the fault adds to those that lose bytes.
    fn victim(&self, fault: &Fault) -> Option<Node> {
        let nemesis = &self.scenario.nemesis;
        let node = fault.what.node()?;
        if fault.what.kind() == Kind::ReplaceDisk
            && usize::from(node.0) < self.scenario.cluster.controller_count()
            && guard::may_replace_any_controller(&self.scenario)
        {
            return None;
        }
        let loses = match means(fault.what.kind()).destroys {
            Destroys::Forced => true,
            // Brokers do not force their data logs.
            Destroys::Unforced => {
                self.brokers.contains(&node) && !nemesis.any_broker_loses_data && !nemesis.guards_all_that_destroys()
            }
            Destroys::Nothing => false,
        };
        (loses && fault.on.is_none() && !nemesis.beyond_tolerance).then_some(node)
    }

    /// The largest number of faults of a kind, however its gaps are drawn.
    fn most(&self, every_ns: u64) -> u64 {
        let (start, end) = self.span_ns();
        (end - start) / (every_ns / 2).max(1) + 1
    }

    /// Whether the fault may have its turn, where faults take turns; the faults of a flapping link, and those of hosts
    /// that lose power together, count as one.
    fn has_turn(&self, fault: &Fault, kept: &Kept) -> bool {
        let Some(first) = self.turn_of(fault).and_then(|turn| kept.turns.get(&turn)) else { return true };
        are_one_injection(first, fault)
    }

    fn turn_of(&self, fault: &Fault) -> Option<u64> {
        let turn = self.scenario.nemesis.turn?;
        Some((fault.at_ns - self.span_ns().0) / turn.0)
    }
}

/// Whether this is the power loss after which some rot is read.
pub fn reads(loss: &Fault, rot: &Fault) -> bool {
    let is_soon = (rot.at_ns..=rot.at_ns + disks::READ_AFTER_MAX_NS).contains(&loss.at_ns);
    let is_rot = matches!(rot.what, What::BitRot(_)) && rot.on.is_none();
    let is_loss = matches!(loss.what, What::PowerLoss(_)) && loss.on.is_none();
    is_rot && is_loss && is_soon && loss.what.node() == rot.what.node()
}

impl Kept {
    fn take(&mut self, fault: &Fault, limits: &Limits) {
        self.victims.extend(limits.victim(fault).filter(|node| !self.victims.contains(node)));
        if limits.is_aimed(fault) {
            self.aimed += 1;
        } else if !self.reads_rot(fault) {
            *self.by_kind.entry(fault.what.kind()).or_default() += 1;
            if let Some(turn) = limits.turn_of(fault) {
                self.turns.entry(turn).or_insert_with(|| fault.clone());
            }
        }
        if let Some(spacing_ns) = means(fault.what.kind()).spacing_ns.filter(|_| fault.on.is_none()) {
            self.free_from_ns.insert(fault.what.kind(), fault.at_ns + fault.lasts_ns + spacing_ns);
        }
        self.faults.push(fault.clone());
    }

    fn reads_rot(&self, loss: &Fault) -> bool {
        self.faults.iter().any(|rot| reads(loss, rot))
    }
}

#[cfg(test)]
mod tests {
    use sim::fault::{BitRot, Guard, Kill, PowerLoss, ReplaceDisk, Tail};
    use sim::rng::Seed;

    use super::*;
    use crate::catalog;
    use crate::cluster::{Explicit, prepare};

    fn prepared(name: &str, seed: u64) -> Prepared {
        let scenario = catalog::find(name).expect("built in").scenario().expect("good");
        prepare(&scenario, Seed(seed), &Explicit::default()).expect("good")
    }

    #[test]
    fn what_a_nemesis_plans_stays() {
        for entry in catalog::list() {
            for seed in 0..150 {
                let prepared = prepared(entry.name, seed);
                let plan = &prepared.world.plan;
                let kept = Limits::of(&prepared).keep(plan.clone());
                let left_out = plan.0.iter().find(|fault| !kept.0.contains(fault));
                assert_eq!(&kept, plan, "{} {seed} leaves out {left_out:?}", entry.name);
            }
        }
    }

    #[test]
    fn what_goes_too_far_is_left_out() {
        let limits = Limits::of(&prepared("ci", 0));
        let second = 1_000_000_000;
        let guarded = |fault: Fault| Fault { unless: Some(Guard::Tolerance), ..fault };
        let kill =
            |at, lasts, node| guarded(Fault::at(at, lasts, What::Kill(Kill { node: Node(node), after_effects: None })));
        let replace =
            |at, node| guarded(Fault::at(at, 4 * second, What::ReplaceDisk(ReplaceDisk { node: Node(node) })));
        let power = |node| What::PowerLoss(PowerLoss { node: Node(node), tail: Tail::Kept, after_effects: None });
        let rot = |at, node| {
            let suffix = ".log".to_owned();
            let what = What::BitRot(BitRot {
                node: Node(node),
                suffix,
                newest: true,
                file_rank: 0,
                at_ppm: 0,
                spare_bytes: 61,
            });
            guarded(Fault::at(at, 0, what))
        };
        let is_left = |plan: Vec<Fault>| limits.keep(Plan(plan.clone())).0 == plan;
        assert!(is_left(vec![kill(4 * second, second, 0), kill(5 * second, second, 0)]));
        assert!(!is_left(vec![kill(2 * second, second, 0)]), "before the nemesis starts");
        assert!(!is_left(vec![kill(44 * second, 2 * second, 0)]), "not ended at healing");
        assert!(!is_left(vec![kill(4 * second, 10 * second, 0)]), "longer than any");
        assert!(!is_left(vec![kill(4 * second, second, 6)]), "a client");
        assert!(!is_left((0..20).map(|n| kill((4 + n) * second, second, 0)).collect()), "more than there may be");
        assert!(is_left(vec![replace(4 * second, 0), replace(17 * second, 0)]));
        assert!(!is_left(vec![replace(4 * second, 0), replace(17 * second, 1)]), "two of three voters");
        assert!(!is_left(vec![replace(4 * second, 0), replace(12 * second, 0)]), "too soon after one another");
        assert!(!is_left(vec![Fault::at(4 * second, second, power(4))]), "without its guard");
        let read = |at| guarded(Fault::at(at, second, power(1)));
        assert!(is_left(vec![rot(4 * second, 1), read(4 * second + 1)]));
        assert!(!is_left(vec![rot(4 * second, 1), read(6 * second)]), "rot that is read late");
    }
}
