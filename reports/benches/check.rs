//! Time of the linearizability check on external histories: `cargo bench -p reports --bench check -- FILE…` prints
//! operations, verdict and the median of up to 200 rounds of each, without reading.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench reads the clock and its words")]

use std::path::Path;
use std::time::{Duration, Instant};

use reports::history::read;
use scenarios::history::History;
use scenarios::history::judge::{Judgement, Terms, judge};

const ROUNDS: usize = 200;
const LONGEST: Duration = Duration::from_secs(1);
const STEPS: u64 = 1_000_000_000;

fn main() {
    let files = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let mut sum_us = 0.0;
    for file in files {
        let text = reports::input::read_text(Path::new(&file)).unwrap_or_else(|problem| panic!("{problem}"));
        match read(&file, &text, None) {
            Ok(history) => {
                let (verdict, us) = measured(&history);
                sum_us += us;
                println!("{file} {} {verdict} {us:.1} us", history.operations.len());
            }
            Err(problem) => println!("{problem}"),
        }
    }
    println!("sum of medians {:.3} ms", sum_us / 1e3);
}

/// The verdict and the median.
fn measured(history: &History) -> (&'static str, f64) {
    let begun = Instant::now();
    let mut times = Vec::new();
    let mut verdict = "";
    while times.len() < ROUNDS && (times.len() < 5 || begun.elapsed() < LONGEST) {
        let round = Instant::now();
        verdict = match judge(history, Terms::strict(STEPS)).0 {
            Judgement::Linearizable => "linearizable",
            Judgement::Violated(_) => "violated",
            Judgement::Unknown { .. } => "unknown",
        };
        times.push(round.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    (verdict, times[times.len() / 2])
}
