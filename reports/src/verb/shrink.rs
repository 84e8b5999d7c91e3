//! `shrink`: the smallest run that still violates the same claim.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuzz::case::{Case, story, violation};
use fuzz::seeds::show_seed;
use fuzz::shrink::{ShrinkProgress, ShrinkSettings, Shrunk, shrink};
use scenarios::report::RunReport;

use crate::args::ShrinkArgs;
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::exit;
use crate::json::repro;
use crate::output::{Streams, check_folder, write_whole};
use crate::show::columns::{command_lines, paragraph, plural, thousands};
use crate::show::shrinking::Shrinking;
use crate::verb::job::Job;
use crate::verb::sweep::jobs;
use crate::verb::sweep::results::exit_code;

/// Checks the flags, shrinks, writes the repro file, describes the run.
pub fn run(
    args: &ShrinkArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let job = Job::load(&args.one, &args.run, "shrink", engine, streams)?;
    let path = args.output.clone().unwrap_or_else(|| default_path(&job));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        check_folder(folder)?;
    }
    let case = job.scenario.prepared.case(job.seed)?;
    let report = case.run(None).map_err(Problem::new)?;
    job.compare(report.digest, streams);
    let Some(broken) = violation(&report).cloned() else {
        streams.hint("nothing to shrink: this run violates no claim");
        return Ok(exit::INCONCLUSIVE);
    };
    let before = Size::of(&case);
    let settings = ShrinkSettings { jobs: jobs(args.effort.jobs), limit: args.limit_ns.map(Duration::from_nanos) };
    let mut shown = Shrinking::new(args.effort.progress, streams.err);
    let mut watch = |progress: &ShrinkProgress| shown.progress(progress);
    let shrunk = shrink(case, report, &broken, settings, interrupted, &mut watch);
    shown.finish();

    let (text, reported) = repro_text(engine, &job.scenario.name, &shrunk)?;
    let mut problems: Vec<Problem> = write_whole(&path, text).err().into_iter().collect();
    let command = command::replay_repro(&path.display().to_string(), reported.digest, &Overrides::default());
    problems.extend(streams.result(&summary(&before, &shrunk, &reported, &path, &command, streams.width)).err());
    if !shrunk.complete && interrupted.load(Ordering::Relaxed) {
        return Ok(exit_code(exit::INTERRUPTED, &problems, streams));
    }
    Ok(exit_code(exit::of_kind(broken.kind), &problems, streams))
}

fn default_path(job: &Job) -> PathBuf {
    let stem = repro::stems(std::slice::from_ref(&job.scenario.name)).remove(0);
    PathBuf::from(format!("kraftsim-out/shrunk-{stem}-{}.json", show_seed(job.seed)))
}

/// Size of a case for its reader.
struct Size {
    seed: u64,
    faults: usize,
    operations: usize,
    knobs: usize,
}

impl Size {
    fn of(case: &Case) -> Size {
        Size { seed: case.seed, faults: case.plan.0.len(), operations: case.operations.len(), knobs: case.knobs.len() }
    }
}

/// The repro file of a case, and its complete run, which candidates may not have reached.
pub fn repro_text(engine: &dyn Engine, name: &str, shrunk: &Shrunk) -> Result<(String, RunReport), Problem> {
    let prepared = engine.of_case(&shrunk.case)?;
    let report = shrunk.case.run(None).map_err(Problem::new)?;
    let story = story::tell(&shrunk.case, &report);
    let named = Named { name: name.to_owned(), prepared };
    let subject = repro::Subject {
        scenario: &named,
        overrides: &Overrides::default(),
        seed: shrunk.case.seed,
        digest: report.digest,
        plan: None,
        ladder: &report.ladder,
        story: &story,
    };
    Ok((repro::text(&subject), report))
}

fn summary(before: &Size, shrunk: &Shrunk, report: &RunReport, path: &Path, command: &str, width: usize) -> String {
    let after = Size::of(&shrunk.case);
    let of = |what: &str, before: usize, after: usize| format!("{} of {} {what}", after, thousands(before as u64));
    let left = vec![
        of("faults", before.faults, after.faults),
        of("operations", before.operations, after.operations),
        of("properties", before.knobs, after.knobs),
    ];
    let mut text = String::new();
    let mut add = |label: &str, items: &[String]| text.push_str(&paragraph(width, label, items, usize::MAX));
    add("left", &left);
    let end = if shrunk.complete { "no smaller run was found" } else { "the time limit ended the search" };
    if before.seed != shrunk.case.seed {
        let seeds = [before.seed, shrunk.case.seed].map(show_seed);
        add("seed", &[format!("{} instead of {}: the smaller run draws other values", seeds[1], seeds[0])]);
    }
    add("tried", &[format!("{}; {end}", plural(shrunk.runs, "run"))]);
    for (index, line) in story::tell(&shrunk.case, report).iter().enumerate() {
        add(if index == 0 { "story" } else { "" }, std::slice::from_ref(line));
    }
    add("repro", &[path.display().to_string()]);
    text.push_str("reproduce with\n");
    text + &command_lines(width, command)
}
