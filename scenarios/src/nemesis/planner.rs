//! What the generators of a plan share: their targets, their streams, and draws.

use sim::fault::{Fault, Kind, Link, What};
use sim::process::Node;
use sim::rng::{Entropy, Purpose, Seed};

use crate::aim::guard;
use crate::scenario::Scenario;
use crate::scenario::fault_profile::FaultProfile;
use crate::scenario::values::{IntRange, NanosRange};

/// Streams of one seed's plan: the high half identifies the owner, the low half the stream.
pub(super) const SWARM: u64 = 1 << 32;

pub(super) const VICTIMS: u64 = 2 << 32;

pub(super) const TURNS: u64 = 3 << 32;

pub(super) const AIMED: u64 = 4 << 32;

/// From here on, one per kind: 0 for its gaps, then one per fault.
pub(super) const KINDS: u64 = 16;

/// A kind takes part in a run with this chance.
pub(super) const SWARM_PPM: u32 = 600_000;

pub(super) struct Planner<'a> {
    pub scenario: &'a Scenario,
    pub servers: &'a [Node],
    /// The nodes that faults of nodes and disks may hit.
    pub targets: &'a [Node],
    pub voters: &'a [Node],
    pub brokers: &'a [Node],
    pub clients: &'a [Node],
    pub seed: Seed,
    pub faults: Vec<Fault>,
}

/// The time for one fault, with its chance.
pub(super) struct Injection {
    pub at_ns: u64,
    pub lasts_ns: u64,
    pub entropy: Entropy,
}

/// A kind of fault that is generated for given instants.
pub(super) trait Generate: FaultProfile {
    fn generate(planner: &mut Planner<'_>, profile: &Self::Profile, injection: Injection);
}

impl Planner<'_> {
    pub fn takes_part(&self, kind: Kind) -> bool {
        self.is_drawn(SWARM | number(kind))
    }

    pub fn is_drawn(&self, stream: u64) -> bool {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream);
        !self.scenario.nemesis.swarm || entropy.chance_ppm(SWARM_PPM)
    }

    pub fn push(&mut self, at_ns: u64, lasts_ns: u64, what: impl Into<What>) {
        self.push_fault(Fault::at(at_ns, lasts_ns, what));
    }

    /// Adds a fault, with the guard that faults of its kind have.
    pub fn push_fault(&mut self, fault: Fault) {
        let unless = guard::of(&self.scenario.nemesis, fault.what.kind(), fault.on.is_some());
        self.faults.push(Fault { unless, ..fault });
    }

    pub fn any_target(&self, entropy: &mut Entropy) -> Node {
        pick(entropy, self.targets)
    }

    /// The nodes whose durable bytes may be destroyed in this run: a minority of the voters, and of
    /// the brokers; all of them beyond tolerance.
    pub fn victims(&self) -> Vec<Node> {
        if self.scenario.nemesis.beyond_tolerance {
            return self.targets.to_vec();
        }
        let mut victims = self.minority(self.voters, VICTIMS);
        let is_combined = self.voters.iter().any(|voter| self.brokers.contains(voter));
        if !is_combined && self.scenario.nemesis.any_broker_loses_data {
            victims.extend(self.brokers);
        } else if !is_combined {
            victims.extend(self.minority(self.brokers, VICTIMS | 1));
        }
        victims.retain(|node| self.targets.contains(node));
        victims
    }

    /// The nodes whose disks may be replaced.
    pub fn replaceable(&self) -> Vec<Node> {
        let mut victims = self.victims();
        if guard::may_replace_any_controller(self.scenario) {
            let controllers = self.scenario.cluster.controller_count();
            let is_controller = |node: &Node| usize::from(node.0) < controllers;
            victims.retain(|node| !is_controller(node));
            victims.extend(self.targets.iter().copied().filter(is_controller));
            victims.sort_unstable();
        }
        victims
    }

    /// The brokers that may lose unforced bytes.
    pub fn losing_brokers(&self) -> Vec<Node> {
        let nemesis = &self.scenario.nemesis;
        if nemesis.any_broker_loses_data || nemesis.beyond_tolerance || nemesis.guards_all_that_destroys() {
            return self.brokers.to_vec();
        }
        // Of combined nodes the same ones that may lose their disks.
        let is_combined = self.brokers == self.voters;
        self.minority(self.brokers, if is_combined { VICTIMS } else { VICTIMS | 1 })
    }

    /// The targets whose hosts may lose power.
    pub fn hosts_without_power(&self) -> Vec<Node> {
        let losing = self.losing_brokers();
        let may = |node: &&Node| !self.brokers.contains(node) || losing.contains(node);
        self.targets.iter().filter(may).copied().collect()
    }

    pub fn minority(&self, among: &[Node], stream: u64) -> Vec<Node> {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream);
        let mut nodes = among.to_vec();
        shuffle(&mut entropy, &mut nodes);
        nodes.truncate(among.len().saturating_sub(1) / 2);
        nodes
    }
}

/// A kind's number: its index among all kinds, which never changes.
pub(super) fn number(kind: Kind) -> u64 {
    kind as u64
}

pub(super) fn stream(kind: Kind, ordinal: u64) -> u64 {
    (KINDS + number(kind)) << 32 | ordinal
}

pub(super) fn draw_ns(entropy: &mut Entropy, range: NanosRange) -> u64 {
    range.min_ns + entropy.below(range.max_ns - range.min_ns + 1)
}

pub(super) fn draw_int(entropy: &mut Entropy, range: IntRange) -> i64 {
    let width = range.max.abs_diff(range.min);
    range.min.saturating_add_unsigned(entropy.below(width + 1))
}

/// An integer of a range that its scenario has checked to fit 32 bits.
pub(super) fn draw_u32(entropy: &mut Entropy, range: IntRange) -> u32 {
    u32::try_from(draw_int(entropy, range)).expect("the range was checked with the scenario")
}

pub(super) fn pick<T: Copy>(entropy: &mut Entropy, among: &[T]) -> T {
    among[entropy.below(among.len() as u64) as usize]
}

/// The links from each node of `from` to each node of `to`.
pub(super) fn one_way(from: &[Node], to: &[Node]) -> Vec<Link> {
    let pairs = from.iter().flat_map(|a| to.iter().map(move |b| Link(*a, *b)));
    pairs.filter(|link| link.0 != link.1).collect()
}

/// Fisher-Yates shuffle.
pub(super) fn shuffle<T>(entropy: &mut Entropy, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, entropy.below(last as u64 + 1) as usize);
    }
}
