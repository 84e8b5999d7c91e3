//! `why`: five lines about a failing run.

use std::sync::atomic::AtomicBool;

use fuzz::case::story::{Teller, time};
use fuzz::case::{Case, violation};
use fuzz::stopwatch::Stopwatch;
use fuzz::why::counterfactual::Verdict;
use fuzz::why::{FUTURES, Why, why};

use crate::args::WhyArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json::to_text;
use crate::json::why_json::WhyJson;
use crate::output::{Streams, Target};
use crate::show::columns::{plural, thousands};
use crate::show::looking::Looking;
use crate::verb::job::Job;
use crate::verb::sweep::jobs;

/// Runs it, looks into it, tells it.
pub fn run(
    args: &WhyArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(Target::checked).transpose()?;
    let job = Job::load(&args.one, &args.run, "why", engine, streams)?;
    let case = job.scenario.prepared.case(job.seed)?;
    let report = case.run(None).map_err(Problem::new)?;
    job.compare(report.digest, streams);
    let Some(broken) = violation(&report).cloned() else {
        streams.hint("nothing to explain: this run breaks no claim");
        return Ok(exit::INCONCLUSIVE);
    };
    let clock = Stopwatch::start();
    let mut shown = Looking::new(args.effort.progress, streams.err);
    let answer = why(&case, &broken, jobs(args.effort.jobs), interrupted, &mut |progress| shown.progress(progress));
    shown.finish();
    let Some(answer) = answer.map_err(Problem::new)? else { return Ok(exit::INTERRUPTED) };
    let teller = Teller::of(&case).map_err(Problem::new)?;
    let text = tell(&case, &teller, &answer);
    if let Some(target) = &target {
        let json = WhyJson::of(&job.scenario.name, &case, &teller, &answer, clock.elapsed_ns());
        target.write(&to_text(&json), streams)?;
    }
    match target {
        Some(Target::Stdout) => streams.hint(text.trim_end()),
        _ => streams.result(&text)?,
    }
    Ok(exit::of_kind(broken.kind))
}

/// What broke, when it could no more be saved, what it takes, what it does not, and what led to what.
fn tell(case: &Case, teller: &Teller<'_>, why: &Why) -> String {
    let lines = [
        ("broken", format!("{} at {}: {}", why.broken.invariant, time(why.broken.at_ns), why.broken.detail)),
        ("no return", no_return(why)),
        ("it takes", it_takes(case, teller, why)),
        ("and not", and_not(why)),
        ("chain", chain(why)),
    ];
    lines.iter().map(|(label, line)| format!("  {label:<12}{line}\n")).collect()
}

fn no_return(why: &Why) -> String {
    let Some(turning) = &why.turning else {
        return format!("it breaks in all of {FUTURES} futures even from the start, without any fault");
    };
    let (events, of) = (thousands(turning.event), thousands(why.broken.event));
    format!(
        "after {events} of {of} events {} of {FUTURES} futures without more faults hold; then, at {}, {}, and none does",
        turning.held,
        time(turning.at_ns),
        turning.by
    )
}

fn it_takes(case: &Case, teller: &Teller<'_>, why: &Why) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (fault, verdict) in case.plan.0.iter().zip(&why.faults) {
        let (what, at) = (teller.fault(fault), time(fault.at_ns));
        match verdict {
            Verdict::Necessary { sooner_ns, later_ns } => {
                parts.push(format!("{what} (at {at}{})", slack(*sooner_ns, *later_ns)));
            }
            Verdict::Helps { with, without } => {
                parts.push(format!(
                    "{what} (at {at}), which helps: it breaks in {with} futures, and in {without} without"
                ));
            }
            Verdict::Irrelevant => {}
        }
    }
    for (asked, verdict) in case.operations.iter().zip(&why.operations) {
        if verdict.is_necessary() {
            parts.push(teller.asked(asked));
        }
    }
    if parts.is_empty() {
        let nothing_left = case.plan.0.is_empty() && case.operations.is_empty();
        let none = if nothing_left { "no fault and no operation" } else { "no fault without which it would hold" };
        return none.to_owned();
    }
    parts.join("; ")
}

/// By how much sooner or later a fault would do no harm.
fn slack(sooner_ns: Option<u64>, later_ns: Option<u64>) -> String {
    match (sooner_ns, later_ns) {
        (None, None) => ", or any time near it".to_owned(),
        (Some(sooner), Some(later)) if sooner == later => format!(" ± {}", time(later)),
        (Some(sooner), Some(later)) => format!(", not {} sooner nor {} later", time(sooner), time(later)),
        (Some(sooner), None) => format!(", not {} sooner", time(sooner)),
        (None, Some(later)) => format!(", not {} later", time(later)),
    }
}

fn and_not(why: &Why) -> String {
    let irrelevant = |parts: &[Verdict]| parts.iter().filter(|verdict| **verdict == Verdict::Irrelevant).count() as u64;
    let mut parts = vec![format!("{} of {}", irrelevant(&why.faults), plural(why.faults.len() as u64, "fault"))];
    if !why.operations.is_empty() {
        let operations = plural(why.operations.len() as u64, "operation");
        parts.push(format!("{} of {operations}", irrelevant(&why.operations)));
    }
    parts.join(", ")
}

fn chain(why: &Why) -> String {
    let told: Vec<String> = why.chain.iter().map(|it| format!("{} {}", time(it.at_ns), it.what)).collect();
    if told.is_empty() { "nothing of note".to_owned() } else { told.join(" > ") }
}
