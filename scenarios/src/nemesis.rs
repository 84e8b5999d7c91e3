//! Fault plans from a seed: each kind of fault by its own generator with its own stream.
//!
//! Switching a kind off moves no fault of another kind, and each fault draws from a stream of
//! its own, so that changing one moves no later one. The swarm leaves out some kinds per seed.
//!
//! * this file: when faults happen; `planner`: what the generators share
//! * `links`: links; `nodes`: processes, hosts and clocks; `disks`: what becomes of bytes
//! * `aimed`: faults that wait for something to happen
//! * [`limits`]: what a plan may hold that no generator made
//!
//! **Tolerance**: durable bytes are destroyed (rot, a replaced disk) on a minority of the voters
//! only, the same ones all through a run, so never on a single voter; kills and power losses
//! may strike all. Brokers do not force their data logs: power, too, is lost by a minority of them
//! only, unless the scenario says otherwise (`guarded`, `within-tolerance`, `any-broker-loses-data`, `beyond-tolerance`).
//! Aimed faults may destroy bytes of any node; where a scenario has them, all that destroys bytes has a
//! guard that forbids it where it would be too much ([`crate::aim::guard`]).

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

    /// Gaps of half to one and a half times the mean, the first from the start on.
    fn at_random(&self, kind: Kind, rhythm: Rhythm) -> Vec<Injection> {
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

    /// A fault that begins at `at` and has ended at `end`, if it can be long enough.
    fn injection_within(&self, kind: Kind, ordinal: u64, rhythm: Rhythm, at: u64, end: u64) -> Option<Injection> {
        let mut entropy = self.seed.entropy(Purpose::Plan, stream(kind, ordinal));
        let lasts = draw_ns(&mut entropy, rhythm.lasts);
        let means = means(kind);
        let room = end.checked_sub(at + means.spread_ns + means.afterwards_ns)?;
        (room >= rhythm.lasts.min_ns).then(|| Injection { at_ns: at, lasts_ns: lasts.min(room), entropy })
    }
}
