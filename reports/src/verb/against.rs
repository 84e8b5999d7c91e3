//! `replay --against`: compares the run with that of a repro file.

use std::path::Path;

use fuzz::case::story::Describer;
use fuzz::seeds::show_seed;
use scenarios::trace::Trace;
use sim::fault::Fault;

use crate::args::{OneRun, RunFlags};
use crate::engine::{Engine, Problem};
use crate::output::Streams;
use crate::trace::against::{Side, text};
use crate::trace::screen::Screen;
use crate::verb::job::Job;

/// The first difference of both runs up to a time, and its causes, as text.
pub fn compare(
    job: &Job,
    against: &Path,
    until_ns: Option<u64>,
    engine: &dyn Engine,
    streams: &mut Streams<'_>,
) -> Result<String, Problem> {
    let one = OneRun { what: against.display().to_string(), seed: None };
    let other = Job::load(&one, &RunFlags::default(), "replay --against", engine, streams)?;
    let [trace, other_trace] = [traced(job, until_ns)?, traced(&other, until_ns)?];
    let [case, other_case] = [job.scenario.prepared.case(job.seed)?, other.scenario.prepared.case(other.seed)?];
    let describer = Describer::of(&case).map_err(Problem::new)?;
    let other_describer = Describer::of(&other_case).map_err(Problem::new)?;
    let words = |describer: &Describer, fault: &Fault| describer.fault(&Fault { on: None, ..fault.clone() });
    let in_words = |fault: &Fault| words(&describer, fault);
    let in_other_words = |fault: &Fault| words(&other_describer, fault);
    let name = |job: &Job| format!("{} seed {}", job.scenario.name, show_seed(job.seed));
    let this = Side { name: format!("this run, {}", name(job)), trace: &trace, fault: &in_words };
    let that =
        Side { name: format!("{}, {}", against.display(), name(&other)), trace: &other_trace, fault: &in_other_words };
    let same = || "both runs have the same lines\n".to_owned();
    Ok(text(&this, &that, Screen::here().width).unwrap_or_else(same))
}

fn traced(job: &Job, until_ns: Option<u64>) -> Result<Trace, Problem> {
    let ready = job.scenario.prepared.ready().ok_or_else(|| Problem::new("this engine writes no traces"))?;
    let (_, trace) = ready.trace(job.seed, until_ns).map_err(Problem::new)?;
    Ok(trace)
}
