//! `sweep`: runs many seeds and reports the claims that do not hold.

pub mod checkpoint;
pub mod results;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuzz::aggregate::{Failure, Reproduction, RequiredProbe, Subject, SweepReport, digest_of_inputs};
use fuzz::black_box;
use fuzz::guided;
use fuzz::hosts::HOSTS;
use fuzz::merge::parts::SweepPart;
use fuzz::seeds::{SeedRange, Seeds, Shard};
use fuzz::sweep::{Done, FailedRun, SweepEvent, SweepSettings, ended, sweep_from, together};
use scenarios::history::compare::DISAGREES;
use scenarios::report::{RunReport, Violation, ViolationKind};
use sim::fault::Plan;

use crate::args::{DEFAULT_SCENARIO, DEFAULT_SEEDS, SweepArgs};
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem, searchable};
use crate::exit;
use crate::expect;
use crate::json::repro;
use crate::load;
use crate::output::{OutputTarget, Streams, check_folder, note};
use crate::show::annotation::Annotations;
use crate::show::columns::plural;
use crate::show::failure;
use crate::show::progress::Reporter;
use crate::verb::finding_search::FindingSearch;
use checkpoint::{Checkpoint, Flags};
use results::{Results, exit_code};
use sim::duration::show_us;

/// Maximum number of repro files of one sweep.
const REPROS: usize = 20;
/// The default of `--out`.
pub const FOLDER: &str = "kraftsim-out";

/// Checks the flags, sweeps, evaluates, and writes the results.
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
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let junit = args.junit.as_deref().map(OutputTarget::checked).transpose()?;
    let results = Results::to(("--json", target), ("--junit", junit))?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    check_folder(&folder)?;
    let checkpoint = args.checkpoint.as_deref().map(|path| {
        if [&args.json, &args.junit].contains(&&Some(path.to_path_buf())) {
            return Err(Problem::new("--checkpoint: the file of --json or --junit cannot be used; give another one"));
        }
        Checkpoint::open(path, flags(args, &settings), &settings.subject)
    });
    let checkpoint = checkpoint.transpose()?;
    for remark in sorted(scenarios.iter().flat_map(|s| s.prepared.remarks()).collect()) {
        streams.note(&remark);
    }

    let mut watch = SweepWatch {
        scenarios: &scenarios,
        stems: repro::stems(&settings.subject.scenarios),
        overrides: &overrides,
        settings: &settings,
        judge_limits: args.expect,
        range: range(args),
        shard: args.shard,
        folder: &folder,
        repros: 0,
        findings: FindingSearch::default(),
        search: command::guided(&settings.subject.scenarios, settings.seeds, settings.max_fail, &overrides),
        annotations: Annotations::here(),
        width: streams.width,
        reporter: Reporter::new(args.progress, streams.err),
        checkpoint,
        problem: None,
    };
    let done = watch.go_on();
    let black_box_every = Some(args.black_box);
    let rest = if watch.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.finished) {
        SweepReport::new(settings.subject.clone(), settings.seeds.first)
    } else if args.guided {
        let space = searchable(&scenarios, black_box_every)?;
        guided::sweep::sweep(&settings, &space, interrupted, &mut |event| watch.on(event))
    } else {
        let run = |scenario: usize, seed: u64, host| {
            let prepared = &scenarios[scenario].prepared;
            black_box::judged(black_box_every, seed, &|record_history| match record_history {
                false => prepared.run(seed, host, None),
                true => prepared.run_recorded(seed, host, None).0,
            })
        };
        sweep_from(&settings, done, &run, interrupted, &mut |event| watch.on(event))
    };
    let mut report = watch.whole(rest);
    watch.write_checkpoint(&report, !report.interrupted);
    expect::judge(&mut report);
    for late in report.violations.iter().filter(|f| f.violation.kind == ViolationKind::Expect) {
        watch.print(late);
    }
    let code = exit::of_sweep(&report);
    if code == exit::INCONCLUSIVE
        && let Some(line) = watch.annotations.of_vacuous(&exit::why_vacuous(&report))
    {
        watch.reporter.failure(&line);
    }
    watch.reporter.finish();
    let problem = watch.problem.take();
    if report.failed >= settings.max_fail {
        let flag = if args.fail_fast { "--fail-fast" } else { "--max-fail" };
        streams.note(&format!("stopped after {}, the limit of {flag}", plural(report.failed, "failing run")));
    }
    let code = results.write(&report, code, args.verbose, streams);
    Ok(exit_code(code, problem.as_slice(), streams))
}

fn named(args: &SweepArgs) -> Vec<String> {
    if args.scenarios.is_empty() { vec![DEFAULT_SCENARIO.to_owned()] } else { args.scenarios.clone() }
}

/// The seeds of all shards together.
fn range(args: &SweepArgs) -> SeedRange {
    let end = if args.limit_ns.is_some() { u64::MAX } else { DEFAULT_SEEDS };
    args.seeds.unwrap_or(SeedRange { start: 0, end })
}

/// The flags that, besides the subject, decide the runs and the end of the sweep.
fn flags(args: &SweepArgs, settings: &SweepSettings) -> Flags {
    let limit = args.limit_ns.map_or_else(|| "absent".to_owned(), |ns| show_us(ns / 1000));
    let given = |flag: bool| if flag { "given" } else { "absent" }.to_owned();
    let flags = [
        ("--seeds", range(args).to_string()),
        ("--shard", args.shard.to_string()),
        ("--max-fail", settings.max_fail.to_string()),
        ("--for", limit),
        ("--check-determinism", given(args.check_determinism)),
        ("--expect", given(args.expect)),
        ("--black-box", args.black_box.to_string()),
    ];
    flags.map(|(flag, value)| (flag.to_owned(), value)).into()
}

/// The inputs that decide runs besides their seeds, as texts.
fn inputs(scenarios: &[Named], overrides: &Overrides) -> Vec<String> {
    let cluster = overrides.cluster.iter().flat_map(|cluster| &cluster.files);
    let files = cluster.flat_map(|(name, text)| [name.clone(), text.clone()]);
    scenarios.iter().map(|scenario| scenario.prepared.toml()).chain(files).collect()
}

fn settings(args: &SweepArgs, scenarios: &[Named], overrides: &Overrides) -> SweepSettings {
    let union = |of: fn(&Named) -> Vec<String>| sorted(scenarios.iter().flat_map(of).collect());
    let of_file = |named: &Named| {
        let (probes, from_seeds) = named.prepared.require_probe();
        let scenario = Some(named.name.clone());
        probes.into_iter().map(move |probe| RequiredProbe { scenario: scenario.clone(), probe, from_seeds })
    };
    let by_flag = args.require_probe.iter().map(|probe| RequiredProbe::by_flag(probe));
    let subject = Subject {
        version: crate::VERSION.to_owned(),
        commit: crate::COMMIT.map(str::to_owned),
        host: crate::host().to_owned(),
        scenarios: scenarios.iter().map(|s| s.name.clone()).collect(),
        fixes: union(|s| s.prepared.fixes()),
        bugs: union(|s| s.prepared.bugs()),
        profiles: union(|s| s.prepared.profile().into_iter().collect()),
        set: overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        cluster: overrides.cluster.as_ref().map(|cluster| cluster.dir.clone()),
        // A scenario that names properties files has its own report.
        cluster_report: overrides.cluster.as_ref().and(scenarios.first()).and_then(|named| named.prepared.cluster()),
        required_probes: sorted(scenarios.iter().flat_map(of_file).chain(by_flag).collect()),
        inputs_digest: digest_of_inputs(&inputs(scenarios, overrides)),
    };
    SweepSettings {
        subject,
        seeds: Seeds::of(range(args), args.shard),
        jobs: jobs(args.jobs),
        max_fail: if args.fail_fast { 1 } else { args.max_fail },
        limit: args.limit_ns.map(Duration::from_nanos),
        check_determinism: args.check_determinism,
        hosts: HOSTS,
    }
}

/// Threads, as requested or one per core.
pub fn jobs(requested: Option<usize>) -> usize {
    requested.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Sorts, and removes duplicates.
pub fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.dedup();
    all
}

/// Observes a sweep: prints failures when they occur and writes their repro files.
struct SweepWatch<'a> {
    scenarios: &'a [Named],
    stems: Vec<String>,
    overrides: &'a Overrides,
    settings: &'a SweepSettings,
    /// `--expect`.
    judge_limits: bool,
    range: SeedRange,
    shard: Shard,
    folder: &'a Path,
    repros: usize,
    findings: FindingSearch,
    /// The command that repeats this search, if it is a guided one.
    search: String,
    annotations: Annotations,
    /// Width of lines.
    width: usize,
    reporter: Reporter<'a>,
    checkpoint: Option<Checkpoint>,
    /// Why the checkpoint could not be written the last time.
    problem: Option<Problem>,
}

impl SweepWatch<'_> {
    /// Prints the failures of earlier starts, and returns their sums.
    fn go_on(&mut self) -> Done {
        let Some(checkpoint) = &self.checkpoint else { return Done::default() };
        let Some(before) = checkpoint.before.clone() else { return Done::default() };
        let (file, runs, failed) = (checkpoint.file(), plural(before.runs, "run"), before.failed);
        let rest = if checkpoint.finished { "the sweep is complete" } else { "the sweep continues" };
        self.reporter.failure(&note(self.width, &format!("{file} holds {runs}, {failed} failing; {rest}")));
        for failed in &before.violations {
            self.print(failed);
            let scenario = self.scenarios.iter().position(|named| named.name == failed.scenario);
            self.findings.count(scenario.unwrap_or_default(), &failed.violation);
        }
        self.repros = before.violations.iter().filter(|failed| failed.again.repro.is_some()).count();
        Done::of(&before)
    }

    /// The sums of all starts, of which this one ran `rest`.
    fn whole(&self, mut rest: SweepReport) -> SweepReport {
        expect::attach(&mut rest, self.scenarios, self.overrides, self.judge_limits);
        let before = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.before.clone());
        let mut whole = match before {
            Some(before) => together(self.settings, before, rest),
            None => rest,
        };
        let ended = ended(self.settings, &whole);
        whole.parts = vec![SweepPart { range: self.range, shard: self.shard, runs: whole.runs, ended }];
        whole
    }

    /// Writes the checkpoint, if one is requested. The sweep continues if the disk is full, which may be temporary.
    fn write_checkpoint(&mut self, whole: &SweepReport, finished: bool) {
        let Some(checkpoint) = &mut self.checkpoint else { return };
        self.problem = checkpoint.write(whole, finished).err();
        if let Some(problem) = self.problem.as_ref().filter(|_| !finished) {
            self.reporter.failure(&note(self.width, &format!("no checkpoint: {problem}")));
        }
    }

    fn print(&mut self, failed: &Failure) {
        self.reporter.failure(&failure::lines(failed, self.width));
        if let Some(line) = self.annotations.of(failed) {
            self.reporter.failure(&line);
        }
    }

    /// The repro file of a run; with the changed plan and its number in the search, if given.
    fn write_repro(&mut self, scenario: usize, run: &RunReport, changed_plan: Option<(u64, &Plan)>) -> Option<String> {
        if self.repros == REPROS {
            return None;
        }
        let subject = repro::Subject {
            scenario: &self.scenarios[scenario],
            overrides: self.overrides,
            seed: run.seed,
            digest: run.digest,
            plan: changed_plan.map(|(_, plan)| plan),
            ladder: &run.ladder,
            story: &[],
        };
        let stem = match changed_plan {
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

impl SweepWatch<'_> {
    fn on(&mut self, event: SweepEvent<'_>) {
        match event {
            SweepEvent::Failed(failed) => self.failed(failed),
            SweepEvent::Progress(progress) => self.reporter.progress(&progress),
            SweepEvent::Sums(sums) => self.checkpoint(sums),
        }
    }

    fn failed(&mut self, FailedRun { scenario, run, changed_plan, failure }: FailedRun<'_>) {
        let repro = self.write_repro(scenario, run, changed_plan);
        let command = match (changed_plan, &repro) {
            (None, _) => self.command(scenario, run, &failure.violation),
            // Its seed alone does not reproduce it: without a repro file only the search itself does.
            (Some(_), Some(path)) => command::replay_repro(path, run.digest, &Overrides::default()),
            (Some(_), None) => self.search.clone(),
        };
        let plan = changed_plan.map(|(_, plan)| plan);
        let known = self.findings.search(scenario, &self.scenarios[scenario], run.seed, plan, &failure.violation);
        failure.again = Reproduction { repro, command, known };
        self.print(failure);
    }

    /// The command that runs a seed with its own plan again.
    fn command(&self, scenario: usize, run: &RunReport, violation: &Violation) -> String {
        let name = &self.scenarios[scenario].name;
        if violation.kind == ViolationKind::Nondeterminism {
            // One replay cannot show nondeterminism: the same seed must be run more than once.
            return command::check_determinism(name, run.seed, self.overrides);
        }
        let mut command = command::replay(name, run.seed, run.digest, self.overrides);
        if violation.invariant == DISAGREES {
            // A history is also checked without the logs of servers only if it is written.
            command.push_str(" --history history.json");
        }
        command
    }

    fn checkpoint(&mut self, sums: &dyn Fn() -> SweepReport) {
        if self.checkpoint.as_ref().is_some_and(Checkpoint::is_due) {
            // The checkpoint of a killed process is that of an interrupted sweep.
            let whole = self.whole(SweepReport { interrupted: true, ..sums() });
            self.write_checkpoint(&whole, false);
        }
    }
}
