//! Runs one seed of a catalog scenario.
use scenarios::run::{Request, run};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let scenario = scenarios::catalog::find(&args[1]).expect("catalog").scenario().expect("good");
    let from: u64 = args[2].parse().unwrap();
    let n: u64 = args[3].parse().unwrap();
    let t = std::time::Instant::now();
    let (mut ev, mut sim, mut bad) = (0, 0, 0);
    let mut kinds = std::collections::BTreeMap::new();
    for seed in from..from + n {
        let report = run(&Request::new(&scenario, seed)).expect("runs");
        ev += report.events;
        sim += report.sim_ns;
        if report.outcome != scenarios::report::Outcome::Holds {
            bad += 1;
            let key = match &report.outcome {
                scenarios::report::Outcome::Violated(v) => v.invariant.clone(),
                o => format!("{o:?}"),
            };
            let n = kinds.entry(key).or_insert(0);
            *n += 1;
            if *n <= 2 {
                println!(
                    "seed {seed}: {:?}\n   knobs {:?}",
                    report.outcome,
                    report.knobs.iter().filter(|(_, v)| *v != "default").collect::<Vec<_>>()
                );
            }
        }
        if n == 1 {
            println!("{report:#?}");
        }
    }
    let s = t.elapsed().as_secs_f64();
    println!(
        "{bad} of {n} bad {kinds:?}; {ev} events, {:.0} ev/s, {:.0} sim s/s, {:.1} ms/run",
        ev as f64 / s,
        sim as f64 / 1e9 / s,
        1000.0 * s / n as f64
    );
}
