//! What a cluster costs: events and simulated seconds per second with all checks, checks on over
//! off, abstract states gathered over not, hosted over bare, and the start-up of a run. Ratios are of
//! pairs within one run.
//! `cargo bench -p scenarios`.

use std::hint::black_box;
#[expect(clippy::disallowed_types, reason = "a bench measures")]
use std::time::Instant;

use scenarios::catalog;
use scenarios::cluster::{Explicit, prepare};
use scenarios::run::{Host, Request, run, run_observer};
use scenarios::scenario::Scenario;
use sim::drive::Run;
use sim::rng::Seed;
use sim::world::World;

const SEEDS: u64 = 12;
const PAIRS: usize = 9;
const STARTS: u64 = 400;
/// Seconds.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures")]
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Runs some seeds; gives events and simulated ns.
fn sweep(scenario: &Scenario, host: Host, checks: bool) -> (u64, u64) {
    sweep_with(scenario, Request { host, checks, ..Request::new(scenario, 0) })
}

fn sweep_with(scenario: &Scenario, like: Request<'_>) -> (u64, u64) {
    let (mut events, mut sim_ns) = (0, 0);
    for seed in 0..SEEDS {
        // With or without checks, the same world up to its healing.
        let until_ns = Some(scenario.duration.0 - 1);
        let report = run(&Request { seed, until_ns, ..like.clone() }).expect("it runs");
        events += report.events;
        sim_ns += report.sim_ns;
    }
    (events, sim_ns)
}

/// Seconds of both, in turns; the median ratio.
fn compare(mut a: impl FnMut(), mut b: impl FnMut()) -> (f64, f64, f64) {
    let pair = |round: usize| {
        if round.is_multiple_of(2) {
            let first = time(&mut a);
            (first, time(&mut b))
        } else {
            let second = time(&mut b);
            (time(&mut a), second)
        }
    };
    let pairs: Vec<(f64, f64)> = (0..PAIRS).map(pair).collect();
    let each = |f: fn(&(f64, f64)) -> f64| median(pairs.iter().map(f).collect());
    (each(|p| p.0), each(|p| p.1), each(|p| p.0 / p.1))
}

/// Everything up to the moment when all nodes have booted; microseconds.
fn start_up(scenario: &Scenario, checks: bool) -> f64 {
    let seconds = time(|| {
        for seed in 0..STARTS {
            let request = Request { checks, ..Request::new(scenario, seed) };
            let mut prepared = prepare(scenario, Seed(seed), &Explicit::default()).expect("good");
            let watch = run_observer(&prepared, &request);
            let nodes = std::mem::take(&mut prepared.world.nodes);
            let config = sim::world::WorldConfig { nodes, ..prepared.world };
            let mut run = Run { world: World::new(config), watch };
            run.drive_bare(0);
            black_box(run);
        }
    });
    seconds / STARTS as f64 * 1e6
}

fn main() {
    let built_in = |name: &str| catalog::find(name).expect("built in").scenario().expect("good");
    for scenario in ["quorum", "controller-failover", "calm", "ci"].map(built_in) {
        let name = &scenario.name;
        let (events, sim_ns) = sweep(&scenario, Host::Bare, true);
        let on = || _ = black_box(sweep(&scenario, Host::Bare, true));
        let off = || _ = black_box(sweep(&scenario, Host::Bare, false));
        let hosted = || _ = black_box(sweep(&scenario, Host::Madsim, true));
        let (with, without, ratio) = compare(on, off);
        let per_second = |amount: f64, seconds: f64| amount / seconds;
        println!(
            "{name}: {SEEDS} seeds, {events} events; all checks: {:.0} events/s, {:.0} simulated s/s, {:.0} ns/event",
            per_second(events as f64, with),
            per_second(sim_ns as f64 / 1e9, with),
            with * 1e9 / events as f64
        );
        let (unchecked, unchecked_ns) = sweep(&scenario, Host::Bare, false);
        println!(
            "  without checks: {:.0} events/s, {:.0} simulated s/s; checks on over off {ratio:.2}x  (budget <= 1.35x)",
            per_second(unchecked as f64, without),
            per_second(unchecked_ns as f64 / 1e9, without),
        );
        let reported = Request { host: Host::Bare, abstract_states: true, ..Request::new(&scenario, 0) };
        let (_, _, ratio) = compare(|| _ = black_box(sweep_with(&scenario, reported.clone())), on);
        println!("  abstract states gathered, as sweeps do, over not {ratio:.3}x  (budget <= 1.02x)");
        if cfg!(madsim) {
            let (_, _, ratio) = compare(hosted, on);
            println!("  hosted over bare {ratio:.3}x  (budget <= 1.05x)");
        }
        let starts: Vec<f64> = (0..PAIRS).map(|_| start_up(&scenario, true)).collect();
        println!("  start-up of a run {:.0} us  (budget <= 100 us)", median(starts));
    }
}
