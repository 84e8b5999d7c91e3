//! `sweep`: many seeds, and what does not hold.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuzz::aggregate::{Failure, Reproduction, RequiredProbe, Subject};
use fuzz::guided::{self, sweep::Guidance};
use fuzz::runner::HOSTS;
use fuzz::seeds::{SeedRange, Seeds};
use fuzz::sweep::{Progress, Settings, Watch, sweep};
use scenarios::history::compare::DISAGREES;
use scenarios::report::{RunReport, Violation, ViolationKind};
use sim::fault::Plan;

use crate::args::{DEFAULT_SCENARIO, DEFAULT_SEEDS, SweepArgs};
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem, Runs, searchable};
use crate::exit;
use crate::expect;
use crate::json::{repro, sweep_json::SweepJson, to_text};
use crate::load;
use crate::output::{Streams, Target, check_folder};
use crate::show::annotation::Annotations;
use crate::show::progress::Reporter;
use crate::show::{failure, junit, summary};

/// Repro files of one sweep.
const REPROS: usize = 20;
/// Where they go unless told.
pub const FOLDER: &str = "kraftsim-out";

/// Checks all that was asked, sweeps, judges, writes.
pub fn run(
    args: &SweepArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let overrides = load::overrides(&args.run)?;
    let scenarios = load::load(engine, &named(args), &overrides)?;
    load::known_probes(engine, &args.require_probe)?;
    let settings = settings(args, &scenarios, &overrides);
    let target = args.json.as_deref().map(Target::checked).transpose()?;
    let junit = args.junit.as_deref().map(Target::checked).transpose()?;
    if target.is_some() && target == junit {
        return Err(Problem::new("--json and --junit are to go to the same place: give each its own"));
    }
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    check_folder(&folder)?;
    for remark in scenarios.iter().flat_map(|s| s.prepared.remarks()) {
        streams.hint(&format!("note: {remark}"));
    }

    let mut desk = Desk {
        scenarios: &scenarios,
        stems: repro::stems(&settings.subject.scenarios),
        overrides: &overrides,
        folder: &folder,
        repros: 0,
        search: command::guided(&settings.subject.scenarios, settings.seeds, settings.max_fail, &overrides),
        annotations: Annotations::here(),
        reporter: Reporter::new(args.progress, streams.err),
    };
    let black_box_every = Some(args.black_box);
    let mut report = if args.guided {
        guided::sweep::sweep(&settings, &searchable(&scenarios, black_box_every)?, interrupted, &mut desk)
    } else {
        sweep(&settings, &Runs { scenarios: &scenarios, black_box_every }, interrupted, &mut desk)
    };
    expect::attach(&mut report, &scenarios, &overrides);
    expect::judge(&mut report);
    for late in report.violations.iter().filter(|f| f.violation.kind == ViolationKind::Expect) {
        desk.say(late);
    }
    let code = exit::of_sweep(&report);
    if code == exit::INCONCLUSIVE
        && let Some(line) = desk.annotations.of_vacuous(&exit::why_vacuous(&report))
    {
        desk.reporter.failure(&line);
    }
    desk.reporter.finish();
    if report.failed >= settings.max_fail {
        streams.hint(&format!("note: ended after {} failing runs, as --max-fail asks", report.failed));
    }

    if let Some(target) = &target {
        target.write(&to_text(&SweepJson::from(&report)), streams)?;
    }
    if let Some(target) = &junit {
        target.write(&junit::text(&report), streams)?;
    }
    if [target, junit].contains(&Some(Target::Stdout)) {
        streams.hint(summary::text(&report).trim_end());
    } else {
        streams.result(&summary::text(&report))?;
    }
    Ok(code)
}

fn named(args: &SweepArgs) -> Vec<String> {
    if args.scenarios.is_empty() { vec![DEFAULT_SCENARIO.to_owned()] } else { args.scenarios.clone() }
}

fn settings(args: &SweepArgs, scenarios: &[Named], overrides: &Overrides) -> Settings {
    let end = if args.limit_ns.is_some() { u64::MAX } else { DEFAULT_SEEDS };
    let range = args.seeds.unwrap_or(SeedRange { start: 0, end });
    let union = |of: fn(&Named) -> Vec<String>| sorted(scenarios.iter().flat_map(of).collect());
    let of_file = |named: &Named| {
        let (probes, from_seeds) = named.prepared.require_probe();
        let scenario = Some(named.name.clone());
        probes.into_iter().map(move |probe| RequiredProbe { scenario: scenario.clone(), probe, from_seeds })
    };
    let by_flag = args.require_probe.iter().map(|probe| RequiredProbe::by_flag(probe));
    let subject = Subject {
        version: crate::VERSION.to_owned(),
        host: crate::host().to_owned(),
        scenarios: scenarios.iter().map(|s| s.name.clone()).collect(),
        fixes: union(|s| s.prepared.fixes()),
        bugs: union(|s| s.prepared.bugs()),
        set: overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        cluster: overrides.cluster.as_ref().map(|cluster| cluster.dir.clone()),
        required_probes: sorted(scenarios.iter().flat_map(of_file).chain(by_flag).collect()),
    };
    Settings {
        subject,
        seeds: Seeds::of(range, args.shard),
        jobs: jobs(args.jobs),
        max_fail: if args.fail_fast { 1 } else { args.max_fail },
        limit: args.limit_ns.map(Duration::from_nanos),
        check_determinism: args.check_determinism,
        hosts: HOSTS,
    }
}

/// Threads, as asked for or one per core.
pub fn jobs(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Each once.
pub fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.dedup();
    all
}

/// Watches a sweep: prints failures as they come and writes their repro files.
struct Desk<'a> {
    scenarios: &'a [Named],
    stems: Vec<String>,
    overrides: &'a Overrides,
    folder: &'a Path,
    repros: usize,
    /// The command that does this search again, if it is a guided one.
    search: String,
    annotations: Annotations,
    reporter: Reporter<'a>,
}

impl Desk<'_> {
    fn say(&mut self, failed: &Failure) {
        self.reporter.failure(&failure::lines(failed));
        if let Some(line) = self.annotations.of(failed) {
            self.reporter.failure(&line);
        }
    }

    fn told(&mut self, scenario: usize, run: &RunReport, violation: &Violation, again: Reproduction) -> Reproduction {
        let failed = Failure {
            scenario: self.scenarios[scenario].name.clone(),
            seed: run.seed,
            digest: run.digest,
            violation: violation.clone(),
            again,
        };
        self.say(&failed);
        failed.again
    }

    /// Of a plan that is not its seed's own if given, with the run's place in the search.
    fn write_repro(&mut self, scenario: usize, run: &RunReport, led: Option<(u64, &Plan)>) -> Option<String> {
        if self.repros == REPROS {
            return None;
        }
        let subject = repro::Subject {
            scenario: &self.scenarios[scenario],
            overrides: self.overrides,
            seed: run.seed,
            digest: run.digest,
            plan: led.map(|(_, plan)| plan),
            ladder: &run.ladder,
            story: &[],
        };
        let stem = match led {
            None => self.stems[scenario].clone(),
            Some((iteration, _)) => format!("{}-guided-{iteration}", self.stems[scenario]),
        };
        match repro::write(self.folder, &stem, &subject) {
            Ok(path) => {
                self.repros += 1;
                Some(path.display().to_string())
            }
            Err(problem) => {
                self.reporter.failure(&format!("no repro file: {problem}"));
                None
            }
        }
    }
}

impl Watch for Desk<'_> {
    fn failed(&mut self, scenario: usize, run: &RunReport, violation: &Violation) -> Reproduction {
        let name = &self.scenarios[scenario].name;
        let mut command = command::replay(name, run.seed, run.digest, self.overrides);
        if violation.kind == ViolationKind::Nondeterminism {
            // One replay cannot show it: the same seed must be run more than once.
            command = command::check_determinism(name, run.seed, self.overrides);
        } else if violation.invariant == DISAGREES {
            // Only a run whose history is written is judged as a black box, too.
            command.push_str(" --history history.json");
        }
        let repro = self.write_repro(scenario, run, None);
        self.told(scenario, run, violation, Reproduction { repro, command })
    }

    fn progress(&mut self, progress: &Progress) {
        self.reporter.progress(progress);
    }
}

impl Guidance for Desk<'_> {
    fn led_to_failure(
        &mut self,
        scenario: usize,
        iteration: u64,
        plan: &Plan,
        run: &RunReport,
        violation: &Violation,
    ) -> Reproduction {
        let repro = self.write_repro(scenario, run, Some((iteration, plan)));
        // Its seed alone does not show it: without a file only the search itself does.
        let command = match &repro {
            Some(path) => command::replay_repro(path, run.digest, &Overrides::default()),
            None => self.search.clone(),
        };
        self.told(scenario, run, violation, Reproduction { repro, command })
    }
}
