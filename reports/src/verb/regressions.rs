//! `bugs hunt --keep`: the smallest run of each bug that was caught, as a repro file, and its required faults.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuzz::case::violation;
use fuzz::hunt::Caught;
use fuzz::shrink::{ShrinkSettings, Shrunk, shrink};
use fuzz::stopwatch::Stopwatch;
use fuzz::why::counterfactual::PartRole;
use fuzz::why::{Why, why};
use scenarios::bugs::Row;

use crate::engine::{Engine, Overrides, Problem};
use crate::json::bugs_json::KeptJson;
use crate::load;
use crate::output::write_whole;
use crate::verb::shrink::repro_text;
use sim::duration::show_us;

/// Maximum number of runs that caught a bug and are shrunk, if the time limit ends each shrinking.
const CATCHES: u64 = 3;

/// The folder of the smallest runs, and the limits of the search.
#[derive(Clone, Debug)]
pub struct Keep {
    pub folder: PathBuf,
    /// Threads.
    pub jobs: usize,
    /// No candidate is begun after this time.
    pub limit: Duration,
}

/// The smallest run of one bug.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The number of the failing run that it was shrunk from; from 1.
    pub catch: u64,
    /// Faults and operations of the run that caught it.
    pub before: (usize, usize),
    /// Faults and operations of the smallest run.
    pub after: (usize, usize),
    /// Real time of shrinking, ns: of all runs that were tried.
    pub shrink_ns: u64,
    /// Real time of `why`, ns.
    pub why_ns: u64,
    /// The number of required faults; if there are none, of required operations.
    pub necessary: usize,
    /// The run has a point of no return.
    pub has_turning: bool,
    /// Its file.
    pub path: PathBuf,
}

/// A run that caught a bug, in the scenario of this name.
pub type Catch = (String, Caught);

/// The smallest run after shrinking.
struct Smallest {
    catch: u64,
    before: (usize, usize),
    shrink_ns: u64,
    name: String,
    shrunk: Shrunk,
}

impl Smallest {
    fn size(&self) -> (usize, usize) {
        (self.shrunk.case.plan.0.len(), self.shrunk.case.operations.len())
    }
}

impl Keep {
    /// Shrinks the `first` run that caught a bug, and writes the result. If the time was too short to complete this,
    /// the `next` ones are tried, too, and the smallest is kept. `None` if it is interrupted: then nothing is written.
    pub fn keep(
        &self,
        engine: &dyn Engine,
        interrupted: &AtomicBool,
        row: &Row,
        first: Catch,
        next: &mut dyn FnMut(&Catch) -> Result<Option<Catch>, Problem>,
    ) -> Result<Option<Kept>, Problem> {
        let mut smallest = self.smallest_of(engine, interrupted, row, (1, &first))?;
        let (mut complete, mut last) = (smallest.shrunk.complete, first);
        for number in 2..=CATCHES {
            if complete || interrupted.load(Ordering::Relaxed) {
                break;
            }
            let Some(catch) = next(&last)? else { break };
            let mut other = self.smallest_of(engine, interrupted, row, (number, &catch))?;
            let all_ns = smallest.shrink_ns + other.shrink_ns;
            (smallest.shrink_ns, other.shrink_ns) = (all_ns, all_ns);
            (complete, last) = (other.shrunk.complete, catch);
            let total = |(faults, operations): (usize, usize)| faults + operations;
            if total(other.size()) < total(smallest.size()) {
                smallest = other;
            }
        }
        self.write(engine, interrupted, row, smallest)
    }

    fn smallest_of(
        &self,
        engine: &dyn Engine,
        interrupted: &AtomicBool,
        row: &Row,
        (catch, (scenario, caught)): (u64, &Catch),
    ) -> Result<Smallest, Problem> {
        let overrides = Overrides { bugs: vec![row.bug.name().to_owned()], ..Overrides::default() };
        let named = load::load(engine, std::slice::from_ref(scenario), &overrides)?.pop().expect("one was named");
        let case = named.prepared.case(caught.seed)?;
        let before = (case.plan.0.len(), case.operations.len());
        let report = case.run(None).map_err(Problem::new)?;
        let clock = Stopwatch::start();
        let settings = ShrinkSettings { jobs: self.jobs, limit: Some(self.limit) };
        let shrunk = shrink(case, report, &caught.violation, settings, interrupted, &mut |_| ());
        Ok(Smallest { catch, before, shrink_ns: clock.elapsed_ns(), name: named.name, shrunk })
    }

    fn write(
        &self,
        engine: &dyn Engine,
        interrupted: &AtomicBool,
        row: &Row,
        smallest: Smallest,
    ) -> Result<Option<Kept>, Problem> {
        let after = smallest.size();
        let Smallest { catch, before, shrink_ns, name, shrunk } = smallest;
        let (text, report) = repro_text(engine, &name, &shrunk)?;
        let broken = violation(&report).ok_or_else(|| Problem::new("the smallest run violates nothing".to_owned()))?;
        let clock = Stopwatch::start();
        let answer = why(&shrunk.case, broken, self.jobs, interrupted, &mut |_| ()).map_err(Problem::new)?;
        let Some(answer) = answer else { return Ok(None) };
        let path = self.folder.join(format!("{}.json", row.bug.name()));
        write_whole(&path, text)?;
        Ok(Some(Kept {
            catch,
            before,
            after,
            shrink_ns,
            why_ns: clock.elapsed_ns(),
            necessary: necessary(&answer),
            has_turning: answer.turning.is_some(),
            path,
        }))
    }
}

/// The number of required faults of a run or, if there are none, of required operations.
fn necessary(answer: &Why) -> usize {
    let of = |parts: &[PartRole]| parts.iter().filter(|verdict| verdict.is_necessary()).count();
    match of(&answer.faults) {
        0 => of(&answer.operations),
        faults => faults,
    }
}

impl Kept {
    /// The text at the end of a hunt's line.
    pub fn line(&self) -> String {
        let Kept { before, after, necessary, .. } = self;
        let (shrinking, why) = (show_us(self.shrink_ns / 1000), show_us(self.why_ns / 1000));
        let which = if self.catch == 1 { String::new() } else { format!("; from failing run {}", self.catch) };
        format!(
            "{which}; shrunk from {} faults and {} operations to {} and {} in {shrinking}; {necessary} required ({why})",
            before.0, before.1, after.0, after.1
        )
    }

    pub fn json(&self) -> KeptJson {
        KeptJson {
            repro: file_name(&self.path),
            catch: self.catch,
            faults_before: self.before.0,
            operations_before: self.before.1,
            faults: self.after.0,
            operations: self.after.1,
            shrink_seconds: crate::json::Seconds(self.shrink_ns),
            why_seconds: crate::json::Seconds(self.why_ns),
            necessary: self.necessary,
            has_point_of_no_return: self.has_turning,
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Medians of the kept runs.
pub fn sums(kept: &[&Kept]) -> String {
    if kept.is_empty() {
        return String::new();
    }
    let median = |mut of: Vec<u64>| {
        of.sort_unstable();
        of[of.len() / 2]
    };
    let faults = median(kept.iter().map(|it| it.after.0 as u64).collect());
    let operations = median(kept.iter().map(|it| it.after.1 as u64).collect());
    let slowest = kept.iter().map(|it| it.shrink_ns).max().unwrap_or(0);
    let shrinking = median(kept.iter().map(|it| it.shrink_ns).collect());
    let named = kept.iter().filter(|it| it.necessary > 0).count();
    let bare = kept.iter().filter(|it| it.after == (0, 0)).count();
    format!(
        "{} shrunk: median {faults} faults and {operations} operations, in {} (slowest {}); required faults known of {named}, {bare} need no fault\n",
        kept.len(),
        show_us(shrinking / 1000),
        show_us(slowest / 1000)
    )
}

#[cfg(test)]
mod tests {
    use scenarios::report::{Violation, ViolationKind};

    use super::*;

    #[test]
    fn operations_count_where_no_fault_is_necessary() {
        let broken = Violation {
            kind: ViolationKind::Safety,
            invariant: String::new(),
            predicate: None,
            spec: String::new(),
            detail: String::new(),
            at_ns: 0,
            event: 0,
        };
        let needed = || PartRole::Necessary { sooner_ns: None, later_ns: None };
        let helps = || PartRole::Helps { with: 3, without: 1 };
        let counted = |faults: Vec<PartRole>, operations: Vec<PartRole>| {
            necessary(&Why {
                broken: broken.clone(),
                turning: None,
                faults,
                operations,
                chain: Vec::new(),
                repetitions: Vec::new(),
            })
        };
        assert_eq!(counted(vec![needed(), helps(), needed()], vec![needed()]), 2);
        assert_eq!(counted(vec![helps(), PartRole::Irrelevant], vec![PartRole::Irrelevant, needed()]), 1);
        assert_eq!(counted(Vec::new(), vec![helps()]), 0);
    }
}
