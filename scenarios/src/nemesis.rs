//! Fault plans from a seed: each kind of fault by its own generator with its own stream.
//!
//! Switching a kind off moves no fault of another kind, and each fault draws from a stream of
//! its own, so that changing one moves no later one. The swarm leaves out some kinds per seed.
//!
//! * `cuts`: links; `nodes`: processes, hosts and clocks; `disks`: what becomes of bytes
//! * `aimed`: faults that wait for something to happen
//! * [`limits`]: what a plan may hold that no generator made
//!
//! **Tolerance**: durable bytes are destroyed (rot, a replaced disk) on a minority of the voters
//! only, the same ones all through a run, so never on a single voter; kills and power losses
//! may strike all. Brokers do not force their data logs: power, too, is lost by a minority of them
//! only, unless the scenario says otherwise (`guarded`, `any-broker-loses-data`, `beyond-tolerance`).
//! Aimed faults may destroy bytes of any node; where a scenario has them, all that destroys bytes has a
//! guard that forbids it where it would be too much ([`crate::aim::guard`]).

mod aimed;
mod cuts;
mod disks;
pub mod limits;
mod nodes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use sim::fault::{Fault, Plan, What};
use sim::process::Node;
use sim::rng::{Entropy, Purpose, Seed};

use crate::aim::guard::LAST_COPY;
use crate::scenario::Scenario;
use crate::scenario::faults::{Rhythm, Targets};
use crate::scenario::values::{IntRange, NanosRange};

/// Streams of one seed's plan: the high half says whose, the low half which.
const SWARM: u64 = 1 << 32;
const VICTIMS: u64 = 2 << 32;
const TURNS: u64 = 3 << 32;
const AIMED: u64 = 4 << 32;
/// From here on, one per kind: 0 for its gaps, then one per fault.
const KINDS: u64 = 16;

/// A kind takes part in a run with this chance.
const SWARM_PPM: u32 = 600_000;

/// All faults of a run; each has ended when the scenario's duration has. `servers` are the
/// voters, then the observers; there is at least one server, and at least one client.
pub fn plan(scenario: &Scenario, servers: &[Node], brokers: &[Node], clients: &[Node], seed: Seed) -> Plan {
    assert!(!servers.is_empty() && !clients.is_empty(), "{} servers, {} clients", servers.len(), clients.len());
    let voters = &servers[..scenario.cluster.voter_count().min(servers.len())];
    let targets = match scenario.nemesis.targets {
        Targets::All => servers,
        Targets::Controllers => voters,
        Targets::Brokers => brokers,
    };
    let mut planner = Planner { scenario, servers, targets, voters, brokers, clients, seed, faults: Vec::new() };
    for (kind, rhythm) in scenario.nemesis.rhythms() {
        if planner.takes_part(kind) {
            planner.inject(kind, rhythm);
        }
    }
    planner.aimed();
    planner.faults.sort_by_key(|fault| fault.at_ns);
    Plan(planner.faults)
}

/// How far a run's faults move a wall clock in all, ms: what timers that read it may lag.
pub fn max_wall_step_ms(plan: &Plan) -> u64 {
    let step = |fault: &Fault| match fault.what {
        What::WallStep { by_ms, .. } | What::WallSmear { by_ms, .. } => by_ms.unsigned_abs(),
        _ => 0,
    };
    plan.0.iter().map(step).sum()
}

struct Planner<'a> {
    scenario: &'a Scenario,
    servers: &'a [Node],
    /// Those that faults of nodes and disks hit.
    targets: &'a [Node],
    voters: &'a [Node],
    brokers: &'a [Node],
    clients: &'a [Node],
    seed: Seed,
    faults: Vec<Fault>,
}

/// Room for one fault, with its chance.
struct Injection {
    at_ns: u64,
    lasts_ns: u64,
    entropy: Entropy,
}

impl Planner<'_> {
    fn takes_part(&self, kind: &str) -> bool {
        self.is_drawn(SWARM | number(kind))
    }

    fn is_drawn(&self, stream: u64) -> bool {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream);
        !self.scenario.nemesis.swarm || entropy.chance_ppm(SWARM_PPM)
    }

    /// All faults of one kind.
    fn inject(&mut self, kind: &'static str, rhythm: Rhythm) {
        let injections = match self.scenario.nemesis.turn {
            Some(turn) => self.turns(kind, rhythm, turn.0),
            None => self.at_random(kind, rhythm),
        };
        match kind {
            "cut" | "loss" | "delay" | "duplicate" => self.links(kind, injections),
            "fsync-fails" | "slow-disk" | "full-disk" | "bit-rot" | "replace-disk" => self.disks(kind, injections),
            _ => self.nodes(kind, injections),
        }
    }

    /// Gaps of half to one and a half times the mean, the first from the start on.
    fn at_random(&self, kind: &str, rhythm: Rhythm) -> Vec<Injection> {
        let mut gaps = self.seed.entropy(Purpose::Plan, stream(kind, 0));
        let every = rhythm.every.0;
        let end = self.scenario.duration.0;
        let mut at = self.scenario.nemesis.start.0 + gaps.below(every);
        let mut injections = Vec::new();
        while at < end {
            injections.extend(self.injection_within(kind, injections.len() as u64 + 1, rhythm, at, end));
            at += every / 2 + gaps.below(every) + 1;
        }
        injections
    }

    /// The turns this kind has won. Each kind holds tickets by its rate, each ticket has a
    /// number for each turn, and the highest number has the turn: so a kind that is switched
    /// off leaves its turns to others and takes none. The last quarter of a turn is calm.
    fn turns(&self, kind: &str, rhythm: Rhythm, turn: u64) -> Vec<Injection> {
        let rivals: Vec<(&str, Rhythm)> =
            self.scenario.nemesis.rhythms().into_iter().filter(|(kind, _)| self.takes_part(kind)).collect();
        let best = |kind: &str, every: u64, index: u64| {
            let tickets = (turn.saturating_mul(8) / every).clamp(1, 64);
            (0..tickets).map(|ticket| self.seed.mix(Purpose::Plan, TURNS | number(kind) << 8 | ticket, index)).max()
        };
        let start = self.scenario.nemesis.start.0;
        let mut injections = Vec::new();
        for index in 0..(self.scenario.duration.0 - start) / turn {
            let own = best(kind, rhythm.every.0, index);
            if rivals.iter().all(|(rival, r)| *rival == kind || best(rival, r.every.0, index) < own) {
                let from = start + index * turn;
                let mut entropy = self.seed.entropy(Purpose::Plan, TURNS | 1 << 31 | index);
                let at = from + entropy.below(turn / 8 + 1);
                injections.extend(self.injection_within(kind, index + 1, rhythm, at, from + turn / 4 * 3));
            }
        }
        injections
    }

    /// A fault that begins at `at` and has ended at `end`, if it can be long enough.
    fn injection_within(&self, kind: &str, ordinal: u64, rhythm: Rhythm, at: u64, end: u64) -> Option<Injection> {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream(kind, ordinal));
        let lasts = draw_ns(&mut entropy, rhythm.lasts);
        let room = end.checked_sub(at + nodes::afterwards_ns(kind))?;
        (room >= rhythm.lasts.min_ns).then(|| Injection { at_ns: at, lasts_ns: lasts.min(room), entropy })
    }

    fn push(&mut self, at_ns: u64, lasts_ns: u64, what: What) {
        let nemesis = &self.scenario.nemesis;
        let destroys = match what {
            // The same few lose their disks all through a run, unless aimed faults destroy others', too.
            What::ReplaceDisk { .. } | What::BitRot { .. } => nemesis.aimed.is_some() || nemesis.guarded,
            What::PowerLoss { .. } => nemesis.guarded,
            _ => false,
        };
        let unless = if destroys { self.guard() } else { None };
        self.faults.push(Fault { unless, ..Fault::at(at_ns, lasts_ns, what) });
    }

    /// What forbids a fault that destroys bytes, unless the scenario is about what may go then.
    fn guard(&self) -> Option<Cow<'static, str>> {
        let nemesis = &self.scenario.nemesis;
        let all_may_go = nemesis.beyond_tolerance || nemesis.any_broker_loses_data;
        (!all_may_go).then_some(Cow::Borrowed(LAST_COPY))
    }

    fn any_target(&self, entropy: &mut Entropy) -> Node {
        pick(entropy, self.targets)
    }

    /// The nodes whose durable bytes may be destroyed in this run: a minority of the voters, and of
    /// the brokers; all of them beyond tolerance.
    fn victims(&self) -> Vec<Node> {
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

    /// The brokers that may lose what they have not forced.
    fn losing_brokers(&self) -> Vec<Node> {
        let nemesis = &self.scenario.nemesis;
        if nemesis.any_broker_loses_data || nemesis.beyond_tolerance || nemesis.guarded {
            return self.brokers.to_vec();
        }
        // Of combined nodes the same ones that may lose their disks.
        let is_combined = self.brokers == self.voters;
        self.minority(self.brokers, if is_combined { VICTIMS } else { VICTIMS | 1 })
    }

    /// The targets whose hosts may lose power.
    fn hosts_without_power(&self) -> Vec<Node> {
        let losing = self.losing_brokers();
        let may = |node: &&Node| !self.brokers.contains(node) || losing.contains(node);
        self.targets.iter().filter(may).copied().collect()
    }

    fn minority(&self, among: &[Node], stream: u64) -> Vec<Node> {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream);
        let mut nodes = among.to_vec();
        shuffle(&mut entropy, &mut nodes);
        nodes.truncate(among.len().saturating_sub(1) / 2);
        nodes
    }
}

/// A kind's number: its place among all kinds, which never changes.
fn number(kind: &str) -> u64 {
    What::KINDS.iter().position(|name| *name == kind).expect("a kind of fault") as u64
}

fn stream(kind: &str, ordinal: u64) -> u64 {
    (KINDS + number(kind)) << 32 | ordinal
}

fn draw_ns(entropy: &mut Entropy, range: NanosRange) -> u64 {
    range.min_ns + entropy.below(range.max_ns - range.min_ns + 1)
}

fn draw_int(entropy: &mut Entropy, range: IntRange) -> i64 {
    let width = range.max.abs_diff(range.min);
    range.min.saturating_add_unsigned(entropy.below(width + 1))
}

/// An integer of a range that its scenario has checked to fit 32 bits.
fn draw_u32(entropy: &mut Entropy, range: IntRange) -> u32 {
    u32::try_from(draw_int(entropy, range)).expect("the range was checked with the scenario")
}

fn pick<T: Copy>(entropy: &mut Entropy, among: &[T]) -> T {
    among[entropy.below(among.len() as u64) as usize]
}

/// Fisher and Yates.
fn shuffle<T>(entropy: &mut Entropy, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, entropy.below(last as u64 + 1) as usize);
    }
}
