//! Delta debugging of a failing run: minimizes faults and operations, then nodes, knobs, duration and everything else
//! toward defaults, then rounds numbers. The same claim must still be violated.
//!
//! * this file: the order of passes; [`search`]: runs candidates and keeps the first that still fails
//! * [`mod@fewest`]: lists (Zeller and Hildebrandt's ddmin, complements only); [`simpler`]: the scenario; [`nodes`]:
//!   fewer servers and clients; [`rounder`]: numbers
//!
//! The result is a function of the input, whatever the number of threads, unless time or Ctrl-C ends it.

pub mod fewest;
pub mod nodes;
pub mod rounder;
pub mod search;
pub mod simpler;
mod terms;

use std::sync::atomic::AtomicBool;

use scenarios::report::{RunReport, Violation};
use sim::fault::FaultTargetMut;

use crate::case::Case;
use fewest::{Pieces, fewest};
use search::Search;
pub use terms::{ShrinkProgress, ShrinkSettings, Shrunk};

/// Shrinks a case that violates `broken`, of which `report` is the run.
pub fn shrink(
    case: Case,
    report: RunReport,
    broken: &Violation,
    settings: ShrinkSettings,
    interrupted: &AtomicBool,
    watch: &mut dyn FnMut(&ShrinkProgress),
) -> Shrunk {
    let mut search = Search::new(case, report, broken, settings, interrupted, watch);
    search.pass("what comes after");
    search.cut_tail();
    // Many parts are removed at once, which makes each later candidate cheaper.
    round(&mut search, Pieces::Large);
    // Each draw depends on the parts before it: when nothing more can be removed, removal may succeed with other draws.
    for other_seeds in [0, OTHER_SEEDS] {
        search.try_other_seeds(other_seeds);
        loop {
            let before = size(&search.best);
            round(&mut search, Pieces::All);
            if size(&search.best) == before || search.is_over() {
                break;
            }
        }
    }
    search.try_other_seeds(0);
    search.pass("links");
    links(&mut search);
    search.pass("numbers");
    rounder::round(&mut search);
    search.finish()
}

/// Begins with the parts that make each run cheaper: whole clients and servers.
fn round(search: &mut Search<'_>, pieces: Pieces) {
    search.pass("nodes");
    nodes::fewer(search);
    search.pass("operations");
    fewest(search, pieces, |case| case.operations.clone(), |case, operations| case.operations = operations);
    search.pass("faults");
    fewest(search, pieces, |case| case.plan.0.clone(), |case, faults| case.plan.0 = faults);
    search.pass("scenario");
    simpler::knobs(search);
    simpler::scenario(search);
}

/// Number of other seeds that are tried for a candidate.
const OTHER_SEEDS: u64 = 7;

/// Size of the case for its reader.
fn size(case: &Case) -> [usize; 4] {
    let Case { operations, plan, knobs, .. } = case;
    let nodes = case.effective().ok().and_then(|scenario| scenario.cluster.configs().ok()).map_or(0, |it| it.len());
    [operations.len(), plan.0.len(), knobs.len(), nodes]
}

/// Shrinks the links of each fault that affects links.
fn links(search: &mut Search<'_>) {
    for index in 0..search.best.plan.0.len() {
        fewest(
            search,
            Pieces::All,
            |case| case.plan.0[index].what.links().to_vec(),
            |case, links| {
                // Without links it would be no fault, which was already tried.
                if let (false, FaultTargetMut::Links(all)) = (links.is_empty(), case.plan.0[index].what.target_mut()) {
                    *all = links;
                }
            },
        );
    }
}
