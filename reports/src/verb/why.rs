//! `why`: a failing run explained in five sections, or six if it does not recover.

use std::sync::atomic::AtomicBool;

use fuzz::case::story::Describer;
use fuzz::case::{Case, violation};
use fuzz::stopwatch::Stopwatch;
use fuzz::why::chain::Happening;
use fuzz::why::counterfactual::PartRole;
use fuzz::why::{FUTURES, Why, why};
use sim::duration::in_words;
use sim::fault::Fault;

use crate::args::WhyArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json::to_text;
use crate::json::why_json::WhyJson;
use crate::output::{OutputTarget, Streams};
use crate::show::columns::{plural, sentence};
use crate::show::looking::Looking;
use crate::show::repetitions;
use crate::verb::job::Job;
use crate::verb::sweep::jobs;
use crate::verb::sweep::results::exit_code;

/// A case with more faults is better shrunk first.
const MANY_FAULTS: usize = 12;

/// Runs the case, analyses it, describes the result.
pub fn run(
    args: &WhyArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let job = Job::load(&args.one, &args.run, "why", engine, streams)?;
    let case = job.scenario.prepared.case(job.seed)?;
    let report = case.run(None).map_err(Problem::new)?;
    job.compare(report.digest, streams);
    let Some(broken) = violation(&report).cloned() else {
        streams.hint("nothing to explain: this run violates no claim");
        return Ok(exit::INCONCLUSIVE);
    };
    if case.plan.0.len() > MANY_FAULTS {
        streams.hint(&format!(
            "{} faults are left out one by one; a case that was shrunk first is explained sooner and more clearly",
            case.plan.0.len()
        ));
    }
    let clock = Stopwatch::start();
    let mut shown = Looking::new(args.effort.progress, streams.err);
    let answer = why(&case, &broken, jobs(args.effort.jobs), interrupted, &mut |progress| shown.progress(progress));
    shown.finish();
    let Some(answer) = answer.map_err(Problem::new)? else { return Ok(exit::INTERRUPTED) };
    let describer = Describer::of(&case).map_err(Problem::new)?;
    let text = describe(&case, &describer, &answer, streams.width);
    let mut problems = Vec::new();
    match target {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ => problems.extend(streams.result(&text).err()),
    }
    let json = || WhyJson::of(&job.scenario.name, &case, &describer, &answer, clock.elapsed_ns());
    problems.extend(target.as_ref().and_then(|target| target.write(&to_text(&json()), streams).err()));
    Ok(exit_code(exit::of_kind(broken.kind), &problems, streams))
}

/// The sections, each with its label on a line of its own.
fn describe(case: &Case, describer: &Describer<'_>, why: &Why, width: usize) -> String {
    let broken = format!("{} at {}: {}", why.broken.invariant, in_words(why.broken.at_ns), why.broken.detail);
    let sections = [
        ("violated", vec![broken]),
        ("point of no return", vec![point_of_no_return(why)]),
        ("required faults", required(case, describer, why)),
        ("irrelevant faults", vec![irrelevant(why)]),
        ("causal chain", chain(why)),
    ];
    let repeated = repetitions::texts(&why.repetitions);
    let repeated = (!repeated.is_empty()).then_some(("repeated", repeated));
    let mut text = String::new();
    for (label, lines) in sections.into_iter().chain(repeated) {
        text.push_str(&format!("{label}\n"));
        lines.iter().for_each(|line| text.push_str(&sentence(width, line)));
    }
    text
}

fn point_of_no_return(why: &Why) -> String {
    let Some(turning) = &why.turning else {
        return format!(
            "none: the claim is violated in all of {FUTURES} continuations from the start, without any fault"
        );
    };
    format!(
        "at {}: {}. Before this event (number {} of {}) the claim still holds in {} of {FUTURES} continuations \
         without further faults, after it in none",
        in_words(turning.at_ns),
        turning.by,
        turning.event + 1,
        why.broken.event,
        turning.held
    )
}

fn required(case: &Case, describer: &Describer<'_>, why: &Why) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for (fault, verdict) in case.plan.0.iter().zip(&why.faults) {
        let what = describer.fault(&Fault { unless: None, ..fault.clone() });
        let at = in_words(fault.at_ns);
        match verdict {
            PartRole::Necessary { sooner_ns, later_ns } => {
                parts.push(format!("at {at}: {what}{}", slack(*sooner_ns, *later_ns)));
            }
            PartRole::Helps { with, without } => {
                parts.push(format!(
                    "at {at}: {what} (contributes: the claim is violated in {with} of {FUTURES} continuations with it, \
                     in {without} without it)"
                ));
            }
            PartRole::Irrelevant => {}
        }
    }
    for (requested, verdict) in case.operations.iter().zip(&why.operations) {
        if verdict.is_necessary() {
            parts.push(format!("at {}: {}", in_words(requested.at_ns), describer.requested(requested)));
        }
    }
    if parts.is_empty() {
        let nothing_left = case.plan.0.is_empty() && case.operations.is_empty();
        let none =
            if nothing_left { "none: the run has no faults and no operations" } else { "no single fault is required" };
        return vec![none.to_owned()];
    }
    parts
}

/// The shifts, sooner or later, with which the claim would hold despite the fault.
fn slack(sooner_ns: Option<u64>, later_ns: Option<u64>) -> String {
    match (sooner_ns, later_ns) {
        (None, None) => " (its exact time does not matter)".to_owned(),
        (Some(sooner), Some(later)) => format!(" (not {} sooner, not {} later)", in_words(sooner), in_words(later)),
        (Some(sooner), None) => format!(" (not {} sooner)", in_words(sooner)),
        (None, Some(later)) => format!(" (not {} later)", in_words(later)),
    }
}

fn irrelevant(why: &Why) -> String {
    let count = |parts: &[PartRole]| parts.iter().filter(|verdict| **verdict == PartRole::Irrelevant).count() as u64;
    let mut parts =
        vec![format!("{} of {}", count(&why.faults), plural(why.faults.len() as u64, "fault") + " of the plan")];
    if !why.operations.is_empty() {
        let operations = plural(why.operations.len() as u64, "operation");
        parts.push(format!("{} of {operations}", count(&why.operations)));
    }
    parts.join(", ")
}

fn chain(why: &Why) -> Vec<String> {
    let step = |it: &Happening| {
        let mark = if it.is_turning { " (the point of no return)" } else { "" };
        format!("at {}, event {}: {}{mark}", in_words(it.at_ns), it.event, it.what)
    };
    let steps: Vec<String> = why.chain.iter().map(step).collect();
    if steps.is_empty() { vec!["no recorded step is between them".to_owned()] } else { steps }
}
