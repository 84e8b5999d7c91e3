//! `sweep --guided`: runs that reached new abstract states are continued.
//!
//! Each scenario has a corpus: the runs that reached an abstract state first, as seed and plan. A run is either that
//! of a fresh seed or of a changed plan of the corpus.
//!
//! * this file: generations and the choice of runs; [`corpus`]: the stored runs and the choice among them
//! * [`mutate`]: changes of plans; [`search_space`]: the run of a plan
//! * [`sweep`]: the results, as of any sweep; [`hunt`]: runs until one fails
//!
//! The next run is drawn from a random stream keyed by first seed and iteration, and from the corpus at the end of
//! the previous generation, so the result does not depend on the number of threads.

pub mod corpus;
pub mod hunt;
pub mod mutate;
pub mod search_space;
pub mod sweep;

use std::ops::ControlFlow;

use scenarios::report::{RunOutcome, RunReport};
use sim::fault::Plan;
use sim::rng::{Purpose, Seed};

use self::corpus::{Corpus, CorpusEntry};
use self::search_space::SearchSpace;
use crate::ordered::{self, Take, Work};
use crate::seeds::Seeds;
use crate::stopwatch::Stopwatch;

/// Runs of each scenario in one generation.
const GENERATION: u64 = 32;
/// Percentage of runs with fresh seeds.
const FRESH_PERCENT: u64 = 50;

/// Number of seeds tried to find one whose cluster fits a plan.
const SEEDS_TRIED: u64 = 8;

/// Counts of a guided search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guided {
    /// Runs of fresh seeds.
    pub fresh: u64,
    /// Runs of changed plans.
    pub led: u64,
    /// States that fresh seeds reached first.
    pub found_by_fresh: u64,
    /// States that changed plans reached first.
    pub found_by_led: u64,
}

/// One run of a guided search.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Number in the order of the search.
    pub iteration: u64,
    /// Index of the scenario in the list.
    pub scenario: usize,
    /// The plan, if it is not the seed's own.
    pub plan: Option<Plan>,
    pub run: RunReport,
    /// Real time of the run, ns.
    pub core_ns: u64,
}

impl Explored {
    /// Did it end with a violation?
    pub fn failed(&self) -> bool {
        matches!(self.run.outcome, RunOutcome::Violated(_))
    }
}

/// Receives runs, in order.
pub trait Visit {
    /// The next one; `Break` ends the search here.
    fn visit(&mut self, explored: &Explored) -> ControlFlow<()>;
    /// Called when some real time has passed.
    fn tick(&mut self);
}

/// The next run.
#[derive(Clone, Debug)]
enum Task {
    /// A seed with its own plan.
    Fresh(u64),
    /// A plan of the corpus, to be changed; perhaps combined with another one's.
    Led(Box<(CorpusEntry, CorpusEntry)>),
}

/// Searches: runs each scenario `seeds.count` times, with fresh seeds in their order and with changed plans, scenarios
/// in turn. Ends earlier if `stop` or the visitor requests it.
pub fn explore(
    space: &SearchSpace<'_>,
    seeds: Seeds,
    jobs: usize,
    stop: &(dyn Fn() -> bool + Sync),
    visit: &mut dyn Visit,
) -> Guided {
    let scenarios = space.count() as u64;
    let total = seeds.count.saturating_mul(scenarios);
    let mut corpora: Vec<Corpus> = vec![Corpus::default(); space.count()];
    let mut used = vec![0; space.count()];
    let mut guided = Guided::default();
    let mut from = 0;
    while from < total && !stop() {
        let to = total.min(from.saturating_add(GENERATION * scenarios));
        let tasks: Vec<Task> = (from..to)
            .map(|iteration| {
                let at = (iteration % scenarios) as usize;
                next_task(iteration, seeds, &mut corpora[at], &mut used[at])
            })
            .collect();
        let item = |iteration: u64| {
            let clock = Stopwatch::start();
            let scenario = (iteration % scenarios) as usize;
            let (seed, plan) = match &tasks[(iteration - from) as usize] {
                Task::Fresh(seed) => (*seed, None),
                Task::Led(entries) => led(space, scenario, iteration, seeds, entries),
            };
            let run = space.run(scenario, seed, plan.as_ref(), iteration);
            Explored { iteration, scenario, plan, run, core_ns: clock.elapsed_ns() }
        };
        let mut visited = Visited { visit, all: Vec::new(), over: false };
        ordered::run(from..to, &Work { jobs, warm_up: &|| (), stop, item: &item }, &mut visited);
        let (all, over) = (visited.all, visited.over);
        for explored in all {
            let (is_led, failed) = (explored.plan.is_some(), explored.failed());
            let Explored { scenario, plan, run, .. } = explored;
            let plan = || plan.unwrap_or_else(|| space.plan(scenario, run.seed));
            let states = run.abstract_states.unwrap_or_default();
            let new = corpora[scenario].add(&states, || (!failed).then(|| (run.seed, plan())));
            let (runs, found) = match is_led {
                true => (&mut guided.led, &mut guided.found_by_led),
                false => (&mut guided.fresh, &mut guided.found_by_fresh),
            };
            *runs += 1;
            *found += new;
        }
        if over {
            break;
        }
        from = to;
    }
    guided
}

/// Fresh seeds are used in order, whatever other runs are between them.
fn next_task(iteration: u64, seeds: Seeds, corpus: &mut Corpus, used: &mut u64) -> Task {
    let mut entropy = Seed(seeds.first).entropy(Purpose::Search, iteration << 1);
    if entropy.below(100) < FRESH_PERCENT || corpus.is_empty() {
        *used += 1;
        return Task::Fresh(seeds.nth(*used - 1));
    }
    Task::Led(Box::new((corpus.choose(&mut entropy), corpus.any(&mut entropy))))
}

/// A seed and a plan made of the entries of the corpus.
fn led(
    space: &SearchSpace<'_>,
    scenario: usize,
    iteration: u64,
    seeds: Seeds,
    (entry, other): &(CorpusEntry, CorpusEntry),
) -> (u64, Option<Plan>) {
    let mut entropy = Seed(seeds.first).entropy(Purpose::Search, iteration << 1 | 1);
    let own = space.limits(scenario, entry.seed);
    let (mut seed, mut limits) = (entry.seed, own.clone());
    if entropy.below(100) < mutate::OTHER_SEED_PERCENT {
        // The plan names servers: prefer a seed whose knobs give the same servers.
        for _ in 0..SEEDS_TRIED {
            seed = entropy.next_u64();
            limits = space.limits(scenario, seed);
            if limits.is_of_same_cluster(&own) {
                break;
            }
        }
    }
    let unseen = entropy.next_u64();
    let fresh = || space.plan(scenario, unseen);
    let materials = mutate::Materials { limits: &limits, other: &other.plan, fresh: &fresh };
    (seed, Some(mutate::mutate(&entry.plan, &materials, &mut entropy)))
}

/// Passes results on, and keeps them until the generation is over.
struct Visited<'a> {
    visit: &'a mut dyn Visit,
    all: Vec<Explored>,
    over: bool,
}

impl Take<Explored> for Visited<'_> {
    fn take(&mut self, _: u64, explored: Explored) -> ControlFlow<()> {
        let flow = self.visit.visit(&explored);
        self.over |= flow.is_break();
        self.all.push(explored);
        flow
    }

    fn tick(&mut self) {
        self.visit.tick();
    }
}
