//! Merges the sweeps of shards into what the whole sweep would have reported.

pub mod parts;

use crate::aggregate::{Failure, Reproduction, Subject, SweepReport};
use crate::seeds::show_seed;

/// Why sweeps cannot be merged; each error names the files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The subjects differ.
    #[error("{a} and {b} differ in {what} ({of_a} and {of_b}): only sweeps of the same thing can be merged")]
    Subject {
        /// Files.
        a: String,
        /// Files.
        b: String,
        /// The part in which they differ.
        what: &'static str,
        /// Its value in `a`.
        of_a: String,
        /// Its value in `b`.
        of_b: String,
    },
    /// Some seeds are in both.
    #[error("{a} and {b} both hold seed {seed}, and are not the same sweep: the seeds would be counted twice")]
    Overlap {
        /// Files.
        a: String,
        /// Files.
        b: String,
        /// One of the seeds.
        seed: String,
    },
    /// A guided search is not made of shards.
    #[error("{file} is of a guided search: its runs depend on one another, so it cannot be merged")]
    Guided {
        /// The file.
        file: String,
    },
    /// The same seeds gave different results.
    #[error("{a} and {b} are sweeps of the same seeds with different results ({what}): nondeterminism")]
    Nondeterminism {
        /// Files.
        a: String,
        /// Files.
        b: String,
        /// The first part that differs, with both values where they are short.
        what: String,
    },
}

/// Merges; the same sweep given twice counts once. `sweeps` are (file, its sweep), at least one. Missing parts are
/// listed in `missing`.
pub fn merge(sweeps: Vec<(String, SweepReport)>) -> Result<SweepReport, MergeError> {
    let mut kept: Vec<(String, SweepReport)> = Vec::new();
    for (file, sweep) in sweeps {
        if sweep.guided.is_some() {
            return Err(MergeError::Guided { file });
        }
        let mut twin = false;
        for (earlier_file, earlier) in &kept {
            same_subject((earlier_file, &earlier.subject), (&file, &sweep.subject))?;
            twin |= is_twin((earlier_file, earlier), (&file, &sweep))?;
        }
        if !twin {
            kept.push((file, sweep));
        }
    }
    let mut kept = kept.into_iter();
    let (_, first) = kept.next().expect("at least one sweep");
    let mut whole = SweepReport::new(first.subject.clone(), first.seeds_first);
    for (_, sweep) in std::iter::once((String::new(), first)).chain(kept) {
        whole.add_sweep(sweep);
    }
    // The parts were interrupted, the merge was not: `missing` lists the rest.
    whole.interrupted = false;
    whole.parts.sort_by_key(|part| (part.range.start, part.range.end, part.shard.of, part.shard.index));
    whole.missing = parts::gaps(&whole.parts);
    Ok(whole)
}

fn same_subject((a, x): (&str, &Subject), (b, y): (&str, &Subject)) -> Result<(), MergeError> {
    match difference_of_subjects(x, y) {
        None => Ok(()),
        Some((what, of_a, of_b)) => Err(MergeError::Subject { a: a.to_owned(), b: b.to_owned(), what, of_a, of_b }),
    }
}

/// The first part in which two subjects differ, and both values.
pub fn difference_of_subjects(x: &Subject, y: &Subject) -> Option<(&'static str, String, String)> {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let commit = |s: &Subject| s.commit.clone().unwrap_or_else(|| "unknown".to_owned());
    let cluster = |s: &Subject| s.cluster.clone().unwrap_or_else(|| "none".to_owned());
    let required = |s: &Subject| list(&s.required_probes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let inputs = |s: &Subject| format!("{:032x}", s.inputs_digest);
    let parts = [
        ("version", x.version.clone(), y.version.clone()),
        ("commit", commit(x), commit(y)),
        ("host", x.host.clone(), y.host.clone()),
        ("scenarios", list(&x.scenarios), list(&y.scenarios)),
        ("fixes", list(&x.fixes), list(&y.fixes)),
        ("bugs", list(&x.bugs), list(&y.bugs)),
        ("--set", list(&x.set), list(&y.set)),
        ("--cluster", cluster(x), cluster(y)),
        ("required probes", required(x), required(y)),
        ("the digest of scenario texts and --cluster files", inputs(x), inputs(y)),
    ];
    parts.into_iter().find(|(_, of_x, of_y)| of_x != of_y)
}

/// Are they the same sweep, run twice (for example, a shard repeated after its worker was lost)?
fn is_twin((a, x): (&str, &SweepReport), (b, y): (&str, &SweepReport)) -> Result<bool, MergeError> {
    if x.runs > 0 && x.seeds == y.seeds && x.runs == y.runs {
        return match difference(x, y) {
            None => Ok(true),
            Some(what) => Err(MergeError::Nondeterminism { a: a.to_owned(), b: b.to_owned(), what }),
        };
    }
    let shared = x.seeds.iter().find_map(|piece| y.seeds.iter().find_map(|other| piece.shared_with(other)));
    match shared {
        None => Ok(false),
        Some(seed) => Err(MergeError::Overlap { a: a.to_owned(), b: b.to_owned(), seed: show_seed(seed) }),
    }
}

/// The first part in which two sweeps of the same runs differ though the runs determine it. Not determined are real
/// time, the paths of repro files, and whether Ctrl-C came after the last run.
fn difference(x: &SweepReport, y: &SweepReport) -> Option<String> {
    let numbers = [
        ("digest", x.digest, y.digest),
        ("seeds_failed", x.failed.into(), y.failed.into()),
        ("seeds_inconclusive", x.inconclusive.into(), y.inconclusive.into()),
        ("events", x.events.into(), y.events.into()),
        ("messages", x.messages.into(), y.messages.into()),
        ("sim_ns", x.sim_ns.into(), y.sim_ns.into()),
    ];
    let show = |name: &str, n: u128| if name == "digest" { format!("{n:032x}") } else { n.to_string() };
    let number = numbers.into_iter().find(|(_, of_x, of_y)| of_x != of_y);
    if let Some((name, of_x, of_y)) = number {
        return Some(format!("{name} {} and {}", show(name, of_x), show(name, of_y)));
    }
    let histories = |s: &SweepReport| [s.lin_holds, s.lin_violated, s.lin_unknown, s.undecided];
    let tables = [
        ("violations", same_violations(x, y)),
        ("linearizability", histories(x) == histories(y)),
        ("excused", x.excused == y.excused),
        ("probes", (&x.probes, &x.probes_by_scenario) == (&y.probes, &y.probes_by_scenario)),
        ("faults", (&x.faults, &x.fault_runs, &x.aimed) == (&y.faults, &y.fault_runs, &y.aimed)),
        ("operations", (&x.operations, &x.records) == (&y.operations, &y.records)),
        ("knobs", x.knobs == y.knobs),
        ("recovery", x.recovery == y.recovery),
        ("by_scenario", x.counts_by_scenario() == y.counts_by_scenario()),
        ("failover", x.failovers == y.failovers),
        ("expect", x.limits == y.limits),
        ("coverage_estimate", x.silence == y.silence),
    ];
    tables.into_iter().find(|(_, same)| !same).map(|(name, _)| name.to_owned())
}

/// Paths of repro files differ by worker; everything else of a failure is determined by its run.
fn same_violations(x: &SweepReport, y: &SweepReport) -> bool {
    let of_its_run = |failure: &Failure| Failure { again: Reproduction::default(), ..failure.clone() };
    x.violations.iter().map(of_its_run).eq(y.violations.iter().map(of_its_run))
}
