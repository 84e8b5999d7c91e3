//! Runs a plan of a scenario and records its abstract states.

use std::num::NonZeroU64;

use scenarios::cluster::{Explicit, Prepared, prepare};
use scenarios::nemesis::limits::Limits;
use scenarios::report::RunReport;
use scenarios::run::{self, Request};
use scenarios::scenario::Scenario;
use sim::fault::Plan;
use sim::rng::Seed;

use crate::black_box;
use crate::hosts::HOSTS;
use crate::run::caught;

/// The scenarios that are searched.
#[derive(Clone, Debug)]
pub struct SearchSpace<'a> {
    /// In order; all of them can be prepared.
    pub scenarios: Vec<&'a Scenario>,
    /// Interval at which histories are checked as a black box, besides those of failing runs; `None`: no history is
    /// checked.
    pub black_box_every: Option<NonZeroU64>,
}

impl SearchSpace<'_> {
    /// Number of scenarios.
    pub fn count(&self) -> usize {
        self.scenarios.len()
    }

    /// Limits of the plans for a seed.
    pub fn limits(&self, scenario: usize, seed: u64) -> Limits {
        Limits::of(&self.prepared(scenario, seed))
    }

    /// The seed's own plan.
    pub fn plan(&self, scenario: usize, seed: u64) -> Plan {
        self.prepared(scenario, seed).world.plan
    }

    fn prepared(&self, scenario: usize, seed: u64) -> Prepared {
        let prepared = prepare(self.scenarios[scenario], Seed(seed), &Explicit::default());
        prepared.unwrap_or_else(|problem| panic!("a scenario that was ready cannot run: {problem}"))
    }

    /// Runs a seed, with another plan than its own if given; `iteration` counts runs.
    pub fn run(&self, scenario: usize, seed: u64, plan: Option<&Plan>, iteration: u64) -> RunReport {
        black_box::judged(self.black_box_every, iteration, &|record_history| {
            self.run_once(scenario, seed, plan, record_history)
        })
    }

    fn run_once(&self, scenario: usize, seed: u64, plan: Option<&Plan>, record_history: bool) -> RunReport {
        let explicit = plan.cloned().map_or_else(Explicit::default, Explicit::plan);
        let requested = Request::new(self.scenarios[scenario], seed);
        let request = Request { host: HOSTS[0], explicit, record_history, abstract_states: true, ..requested };
        caught(seed, || run::run(&request).unwrap_or_else(|problem| panic!("it cannot run: {problem}")))
    }
}
