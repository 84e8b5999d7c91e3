//! Puts the sweeps of shards together: what the whole sweep would have said.

use crate::aggregate::{Subject, SweepReport};
use crate::seeds::show_seed;

/// Why sweeps cannot be merged. Each names the files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Not the same thing swept.
    #[error("{a} and {b} differ in {what} ({of_a} and {of_b}): only sweeps of the same thing can be merged")]
    Subject {
        /// Files.
        a: String,
        /// Files.
        b: String,
        /// Which part.
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
    /// The same seeds gave different runs.
    #[error("{a} and {b} are sweeps of the same seeds with different results ({of_a} and {of_b}): nondeterminism")]
    Nondeterminism {
        /// Files.
        a: String,
        /// Files.
        b: String,
        /// Digest of `a`.
        of_a: String,
        /// Digest of `b`.
        of_b: String,
    },
}

/// Merges; the same sweep given twice counts once. `sweeps` are (file, what it says), at
/// least one.
pub fn merge(sweeps: Vec<(String, SweepReport)>) -> Result<SweepReport, MergeError> {
    let mut kept: Vec<(String, SweepReport)> = Vec::new();
    for (file, sweep) in sweeps {
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
    Ok(whole)
}

fn same_subject((a, x): (&str, &Subject), (b, y): (&str, &Subject)) -> Result<(), MergeError> {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let cluster = |s: &Subject| s.cluster.clone().unwrap_or_else(|| "none".to_owned());
    let required = |s: &Subject| list(&s.required_probes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let parts = [
        ("version", x.version.clone(), y.version.clone()),
        ("host", x.host.clone(), y.host.clone()),
        ("scenarios", list(&x.scenarios), list(&y.scenarios)),
        ("fixes", list(&x.fixes), list(&y.fixes)),
        ("bugs", list(&x.bugs), list(&y.bugs)),
        ("--set", list(&x.set), list(&y.set)),
        ("--cluster", cluster(x), cluster(y)),
        ("required probes", required(x), required(y)),
    ];
    match parts.into_iter().find(|(_, of_a, of_b)| of_a != of_b) {
        None => Ok(()),
        Some((what, of_a, of_b)) => Err(MergeError::Subject { a: a.to_owned(), b: b.to_owned(), what, of_a, of_b }),
    }
}

/// Are they the same sweep, done twice (a lost worker's shard that was run again)?
fn is_twin((a, x): (&str, &SweepReport), (b, y): (&str, &SweepReport)) -> Result<bool, MergeError> {
    if x.runs > 0 && x.seeds == y.seeds && x.runs == y.runs {
        if x.digest == y.digest {
            return Ok(true);
        }
        let (of_a, of_b) = (format!("{:032x}", x.digest), format!("{:032x}", y.digest));
        return Err(MergeError::Nondeterminism { a: a.to_owned(), b: b.to_owned(), of_a, of_b });
    }
    let shared = x.seeds.iter().find_map(|piece| y.seeds.iter().find_map(|other| piece.shared_with(other)));
    match shared {
        None => Ok(false),
        Some(seed) => Err(MergeError::Overlap { a: a.to_owned(), b: b.to_owned(), seed: show_seed(seed) }),
    }
}
