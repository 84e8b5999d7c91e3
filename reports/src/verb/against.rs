//! `replay --against`: the run of a repro file, with which another one is compared.

use std::path::Path;

use fuzz::case::Case;
use fuzz::case::story::Describer;
use fuzz::seeds::show_seed;
use scenarios::report::RunReport;
use scenarios::trace::Trace;
use sim::fault::Fault;

use crate::args::{OneRun, RunFlags};
use crate::engine::{Engine, Problem};
use crate::output::Streams;
use crate::trace::against::{Side, text};
use crate::trace::screen::Screen;
use crate::verb::job::Job;

/// A run with its trace and its case.
pub struct Traced {
    /// Of the run itself, or the file's name.
    name: String,
    pub job: Job,
    pub run: RunReport,
    pub trace: Trace,
    case: Case,
}

impl Traced {
    /// Runs a repro file, up to a time if given.
    pub fn load(
        file: &Path,
        until_ns: Option<u64>,
        engine: &dyn Engine,
        streams: &mut Streams<'_>,
    ) -> Result<Traced, Problem> {
        let one = OneRun { what: file.display().to_string(), seed: None };
        let job = Job::load(&one, &RunFlags::default(), "replay --against", engine, streams)?;
        let (run, trace) = traced(&job, until_ns)?;
        let case = job.scenario.prepared.case(job.seed)?;
        Ok(Traced { name: one.what, job, run, trace, case })
    }

    /// What describes its faults.
    pub fn describer(&self) -> Result<Describer<'_>, Problem> {
        Describer::of(&self.case).map_err(Problem::new)
    }

    /// The first difference of a run and this one up to a time, and its causes, as text.
    pub fn compare(&self, job: &Job, until_ns: Option<u64>) -> Result<String, Problem> {
        let (_, trace) = traced(job, until_ns)?;
        let case = job.scenario.prepared.case(job.seed)?;
        let [describer, other] = [Describer::of(&case).map_err(Problem::new)?, self.describer()?];
        let this = Side { name: format!("this run, {}", name(job)), trace: &trace, fault: &in_words(&describer) };
        let that = Side { name: self.title(), trace: &self.trace, fault: &in_words(&other) };
        let same = || "both runs have the same lines\n".to_owned();
        Ok(text(&this, &that, Screen::here().width).unwrap_or_else(same))
    }

    /// The file, the scenario and the seed.
    pub fn title(&self) -> String {
        format!("{}, {}", self.name, name(&self.job))
    }
}

/// A fault in words, without what it depends on.
pub fn in_words(describer: &Describer<'_>) -> impl Fn(&Fault) -> String {
    |fault| describer.fault(&Fault { on: None, ..fault.clone() })
}

/// The scenario and the seed.
pub fn name(job: &Job) -> String {
    format!("{} seed {}", job.scenario.name, show_seed(job.seed))
}

fn traced(job: &Job, until_ns: Option<u64>) -> Result<(RunReport, Trace), Problem> {
    let ready = job.scenario.prepared.ready().ok_or_else(|| Problem::new("this engine writes no traces"))?;
    ready.trace(job.seed, until_ns).map_err(Problem::new)
}
