//! Fault plans from a seed: each kind of fault has its own generator with its own stream.
//!
//! Disabling a kind changes no fault of another kind, and each fault draws from a stream of its own, so a change of one
//! fault changes no later one. The swarm leaves out some kinds per seed.
//!
//! * this file: when faults happen; `planner`: code that the generators share
//! * `links`: links; `nodes`: processes, hosts and clocks; `disks`: faults that destroy or delay bytes
//! * `aimed`: faults that wait for a trigger
//! * [`limits`]: what a plan that no generator made may contain
//!
//! **Tolerance**: durable bytes are destroyed (bit rot, a replaced disk) on a minority of the voters only, the same
//! ones all through a run, so never on a single voter; kills and power losses may hit all. Brokers do not force their
//! data logs, so only a minority of them lose power, too, unless the scenario says otherwise (`guarded`,
//! `within-tolerance`, `any-broker-loses-data`, `beyond-tolerance`). Aimed faults may destroy bytes of any node; in a
//! scenario that has them, each fault that destroys bytes has a guard that forbids it if it would exceed the tolerance
//! ([`crate::aim::guard`]). With a guard, disks of all controllers of a dynamic quorum may be replaced: it looks at the voter
//! set of the instant.

mod aimed;
mod disks;
pub mod limits;
mod links;
mod nodes;
mod planner;
#[cfg(test)]
mod tests;

use sim::fault::{Fault, Kind, Plan};
use sim::fault_kinds;
use sim::process::Node;
use sim::rng::{Purpose, Seed};

use crate::scenario::Scenario;
use crate::scenario::fault_profile::{Rhythm, Timers, means, timers};
use crate::scenario::faults::Targets;
use planner::{Generate, Injection, Planner, TURNS, draw_ns, number, stream};

/// All faults of a run; each ends within the scenario's duration. `servers` are the voters, then the observers; there
/// is at least one server, and at least one client.
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

/// The sum of all steps of wall clocks in a run, ms: the maximum delay of timers that read the wall clock.
pub fn max_wall_step_ms(plan: &Plan) -> u64 {
    let step = |fault: &Fault| match timers(&fault.what) {
        Some(Timers::Step(by_ms) | Timers::Slewed(by_ms)) => by_ms.unsigned_abs(),
        Some(Timers::Late | Timers::Rate(_)) | None => 0,
    };
    plan.0.iter().map(step).sum()
}

macro_rules! generate {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        impl Planner<'_> {
            /// The faults of one injection.
            fn generate(&mut self, kind: Kind, injection: Injection) {
                let nemesis = &self.scenario.nemesis;
                match kind {
                    $(Kind::$Kind => {
                        if let Some(profile) = &nemesis.$file {
                            <sim::fault::$Kind as Generate>::generate(self, profile, injection);
                        }
                    })+
                }
            }
        }
    };
}

fault_kinds!(generate);

impl Planner<'_> {
    /// All faults of one kind.
    fn inject(&mut self, kind: Kind, rhythm: Rhythm) {
        let injections = match self.scenario.nemesis.turn {
            Some(turn) => self.turns(kind, rhythm, turn.0),
            None => self.at_random(kind, rhythm),
        };
        injections.into_iter().for_each(|injection| self.generate(kind, injection));
    }

    /// Gaps of half to one and a half times the mean, from the start of the run on; the first may be at the first boot.
    fn at_random(&self, kind: Kind, rhythm: Rhythm) -> Vec<Injection> {
        let mut gaps = self.seed.entropy(Purpose::Plan, stream(kind, 0));
        let every = rhythm.every.0;
        let end = self.scenario.duration.0;
        let mut at = self.scenario.nemesis.start.0 + gaps.below(every);
        if rhythm.at_boot_ppm > 0 && gaps.chance_ppm(rhythm.at_boot_ppm) {
            at = 0;
        }
        let mut injections = Vec::new();
        while at < end {
            injections.extend(self.injection_within(kind, injections.len() as u64 + 1, rhythm, at, end));
            at += every / 2 + gaps.below(every) + 1;
        }
        injections
    }

    /// The turns that belong to this kind. Each kind has a number of tickets proportional to its rate, each ticket
    /// draws a number for each turn, and the turn belongs to the kind of the highest number: so the turns of a disabled
    /// kind pass to others, and it affects no other turn. The last quarter of a turn has no faults.
    fn turns(&self, kind: Kind, rhythm: Rhythm, turn: u64) -> Vec<Injection> {
        let rivals: Vec<(Kind, Rhythm)> =
            self.scenario.nemesis.rhythms().into_iter().filter(|(kind, _)| self.takes_part(*kind)).collect();
        let best = |kind: Kind, every: u64, index: u64| {
            let tickets = (turn.saturating_mul(8) / every).clamp(1, 64);
            (0..tickets).map(|ticket| self.seed.mix(Purpose::Plan, TURNS | number(kind) << 8 | ticket, index)).max()
        };
        let start = self.scenario.nemesis.start.0;
        let mut injections = Vec::new();
        for index in 0..(self.scenario.duration.0 - start) / turn {
            let own = best(kind, rhythm.every.0, index);
            if rivals.iter().all(|(rival, r)| *rival == kind || best(*rival, r.every.0, index) < own) {
                let from = start + index * turn;
                let mut entropy = self.seed.entropy(Purpose::Plan, TURNS | 1 << 31 | index);
                let at = from + entropy.below(turn / 8 + 1);
                injections.extend(self.injection_within(kind, index + 1, rhythm, at, from + turn / 4 * 3));
            }
        }
        injections
    }

    /// A fault that begins at `at` and has ended at `end`, if that leaves enough time.
    fn injection_within(&self, kind: Kind, ordinal: u64, rhythm: Rhythm, at: u64, end: u64) -> Option<Injection> {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream(kind, ordinal));
        let lasts = draw_ns(&mut entropy, rhythm.lasts);
        let means = means(kind);
        let room = end.checked_sub(at + means.spread_ns + means.afterwards_ns)?;
        (room >= rhythm.lasts.min_ns).then(|| Injection { at_ns: at, lasts_ns: lasts.min(room), entropy })
    }
}
