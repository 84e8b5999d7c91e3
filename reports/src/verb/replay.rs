//! `replay`: runs one seed again.

use std::path::Path;

use fuzz::aggregate::{Failure, Reproduction};
use fuzz::determinism::where_ladders_part;
use fuzz::hosts::HOSTS;
use fuzz::known::KnownFinding;
use fuzz::run::caught;
use scenarios::report::{RunOutcome, RunReport, ViolationKind};
use scenarios::trace::Repetition;

use crate::args::ReplayArgs;
use crate::disks::Target;
use crate::engine::{Engine, Overrides, Problem};
use crate::exit;
use crate::history::Form;
use crate::json::replay_json::RunJson;
use crate::json::{repro, show_digest, to_text};
use crate::output::{OutputTarget, Streams, check_folder};
use crate::show::annotation::Annotations;
use crate::show::columns::paragraph;
use crate::show::{failure, repetitions, run_summary};
use crate::trace::outputs::{TraceOutputs, differs};
use crate::verb::against::Traced;
use crate::verb::job::Job;
use crate::verb::sweep::results;
use sim::duration::show_us;

/// Checks the request, runs, compares, writes.
pub fn run(args: &ReplayArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let mut job = Job::load(&args.one, &args.run, "replay", engine, streams)?;
    // The digest of a partial run cannot be compared.
    let stored = job.stored.take().filter(|_| args.until.is_none());
    job.expected = args.expect_digest.or(stored.as_ref().map(|(digest, _)| *digest));
    job.ladder = stored.map_or(Vec::new(), |(_, ladder)| ladder);
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let history = args.history.as_deref().map(Form::target).transpose()?;
    args.out.as_deref().map(check_folder).transpose()?;
    let disks = args.out.as_deref().map(Target::checked).transpose()?;
    let traced = TraceOutputs::of(args, &job)?;

    for remark in job.scenario.prepared.remarks() {
        streams.note(&remark);
    }
    streams.wait(job.description());
    let mut recorded = None;
    let run = caught(job.seed, || match history {
        None => job.scenario.prepared.run(job.seed, HOSTS[0], args.until),
        Some(_) => {
            let (run, history) = job.scenario.prepared.run_recorded(job.seed, HOSTS[0], args.until);
            recorded = Some(history);
            run
        }
    });
    let mut problems = Vec::new();
    if let Some((target, form)) = &history {
        problems.extend(target.write(&form.text(&recorded.unwrap_or_default()), streams).err());
    }
    let cut_short = args.until.is_some_and(|until| run.sim_ns >= until);
    if let Some(until) = args.until.filter(|_| !cut_short && !matches!(run.outcome, RunOutcome::Violated(_))) {
        let (ended, until) = (show_us(run.sim_ns / 1000), show_us(until / 1000));
        streams.note(&format!("the run ended at {ended}, before --until {until}"));
    }
    let against = args.against.as_deref();
    let against = against.map(|file| Traced::load(file, args.until, engine, streams)).transpose()?;
    if let Some(traced) = &traced
        && let Some(code) = traced.show(&job, args.until, (&run, against.as_ref()), &mut problems, streams)?
    {
        return Ok(code);
    }
    let parted = against.map(|other| other.compare(&job, args.until)).transpose()?;
    if let Some(folder) = &args.out {
        match write_repro(folder, &job, &run) {
            Ok(path) => job.repro = Some((path, Overrides::default())),
            Err(problem) => problems.push(problem),
        }
    }
    if let (Some(disks), Some(ready)) = (&disks, job.scenario.prepared.ready()) {
        let (again, nodes) = ready.node_files(job.seed, args.until).map_err(Problem::new)?;
        if differs(&run, &again, "a second run for --out", streams) {
            return Ok(exit::NONDETERMINISM);
        }
        for node in nodes.iter().filter(|node| !node.unreadable.is_empty()) {
            let files = node.unreadable.join(", ");
            streams.note(&format!(
                "--out: reads of files of {} fail at that time, so they are missing: {files}",
                node.name
            ));
        }
        problems.extend(disks.write(&nodes, &run).err());
    }
    let known = match &run.outcome {
        // A run that `--until` ended early says too little about its rest. A dialogue is recorded for its own sake, and the
        // search takes a run for each fix.
        RunOutcome::Violated(violation)
            if args.until.is_none() && !traced.as_ref().is_some_and(TraceOutputs::has_dialogue) =>
        {
            job.scenario.prepared.known_finding(job.seed, None, violation)
        }
        _ => None,
    };
    let failures = failures(&job, &run, known);
    let mut annotations = Annotations::here();
    for failed in &failures {
        streams.hint(&failure::lines(failed, streams.width));
        if let Some(line) = annotations.of(failed) {
            streams.hint(&line);
        }
    }
    let mut text = run_summary::text(&run, &job.scenario.name, &job.overrides, streams.width);
    let repetitions = repetitions(&job, &run, args.until)?;
    let label = |at: usize| if at == 0 { "repeated" } else { "" };
    for (at, line) in repetitions::texts(&repetitions).iter().enumerate() {
        text += &paragraph(streams.width, label(at), std::slice::from_ref(line), usize::MAX);
    }
    match &target {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ if parted.is_some() => streams.hint(text.trim_end()),
        _ if traced.as_ref().is_some_and(TraceOutputs::takes_stdout) => streams.hint(text.trim_end()),
        _ => problems.extend(streams.result(&text).err()),
    }
    let is_stdout_taken =
        target == Some(OutputTarget::Stdout) || traced.as_ref().is_some_and(TraceOutputs::takes_stdout);
    match is_stdout_taken {
        true => parted.iter().for_each(|parted| streams.hint(parted.trim_end())),
        false => problems.extend(parted.and_then(|parted| streams.result(&parted).err())),
    }
    let is_expected = job.expected.is_none_or(|expected| expected == run.digest);
    let code = if is_expected { exit_code(&run, cut_short) } else { exit::NONDETERMINISM };
    let json = target.as_ref().map(|target| {
        let plan = job.scenario.prepared.plan(job.seed);
        (target, to_text(&RunJson::of(&run, &job.scenario.name, &failures, &repetitions, plan, code)))
    });
    if let Some((target, json)) = &json {
        problems.extend(target.write(json, streams).err());
    }
    if let Some(expected) = job.expected.filter(|expected| *expected != run.digest) {
        streams.hint(&mismatch(&job, args, &run, expected));
    }
    Ok(results::exit_code(code, &problems, streams))
}

/// What a run that does not recover repeated since its faults ended.
fn repetitions(job: &Job, run: &RunReport, until_ns: Option<u64>) -> Result<Vec<Repetition>, Problem> {
    let (RunOutcome::Violated(broken), Some(ready)) = (&run.outcome, job.scenario.prepared.ready()) else {
        return Ok(Vec::new());
    };
    if broken.kind != ViolationKind::Liveness {
        return Ok(Vec::new());
    }
    let (_, trace) = ready.trace(job.seed, until_ns).map_err(Problem::new)?;
    Ok(fuzz::why::repetitions(&trace, broken))
}

fn write_repro(folder: &Path, job: &Job, run: &RunReport) -> Result<String, Problem> {
    let subject = repro::Subject {
        scenario: &job.scenario,
        overrides: &job.overrides,
        seed: job.seed,
        digest: run.digest,
        plan: None,
        ladder: &run.ladder,
        story: &[],
    };
    let stem = repro::stems(std::slice::from_ref(&job.scenario.name)).remove(0);
    Ok(repro::write(folder, &stem, &subject)?.display().to_string())
}

fn failures(job: &Job, run: &RunReport, known: Option<KnownFinding>) -> Vec<Failure> {
    let RunOutcome::Violated(violation) = &run.outcome else { return Vec::new() };
    let command = job.command(run.digest);
    vec![Failure {
        scenario: job.scenario.name.clone(),
        seed: job.seed,
        digest: run.digest,
        violation: violation.clone(),
        again: Reproduction { repro: job.repro.as_ref().map(|(path, _)| path.clone()), command, known },
    }]
}

/// The reason for a different digest: nondeterminism, or a different input.
fn mismatch(job: &Job, args: &ReplayArgs, run: &RunReport, expected: u128) -> String {
    let head = format!("DIGEST MISMATCH: {} instead of {}", show_digest(run.digest), show_digest(expected));
    let (prepared, other) = (&job.scenario.prepared, HOSTS[HOSTS.len() - 1]);
    let again = caught(job.seed, || match args.history {
        None => prepared.run(job.seed, other, args.until),
        Some(_) => prepared.run_recorded(job.seed, other, args.until).0,
    });
    if again.digest != run.digest {
        let place = where_ladders_part(&run.ladder, &again.ladder);
        return format!("{head}\n  a second run differs as well, so the run is not deterministic: {place}");
    }
    let place = match job.ladder.as_slice() {
        [] => "a repro file would show where they diverge".to_owned(),
        ladder => where_ladders_part(ladder, &run.ladder),
    };
    format!("{head}\n  a second run has the same digest, so the code, the scenario or a flag differs: {place}")
}

fn exit_code(run: &RunReport, cut_short: bool) -> u8 {
    match &run.outcome {
        RunOutcome::Violated(violation) => exit::of_kind(violation.kind),
        // The part after `--until` may be the one that a floor or a history lacks.
        _ if cut_short => exit::HOLDS,
        RunOutcome::Inconclusive { .. } => exit::INCONCLUSIVE,
        RunOutcome::Holds if run.is_undecided() => exit::INCONCLUSIVE,
        RunOutcome::Holds => exit::HOLDS,
    }
}
