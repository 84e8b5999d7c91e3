//! Writes the results of a sweep or a merge: first the summary, then the files, so that a full disk loses
//! neither the summary nor the exit code.

use fuzz::aggregate::SweepReport;

use crate::engine::Problem;
use crate::exit;
use crate::json::{sweep_json::SweepJson, to_text};
use crate::output::{OutputTarget, Streams};
use crate::show::{junit, step_summary, summary};

/// The targets.
pub struct Results {
    /// The flag that names the JSON file.
    json_flag: &'static str,
    json: Option<OutputTarget>,
    junit: Option<OutputTarget>,
}

impl Results {
    /// The targets of two flags, which must differ; the names are for the message.
    pub fn to(
        (json_flag, json): (&'static str, Option<OutputTarget>),
        (junit_flag, junit): (&str, Option<OutputTarget>),
    ) -> Result<Results, Problem> {
        OutputTarget::distinct(&[(json_flag, json.as_ref()), (junit_flag, junit.as_ref())])?;
        Ok(Results { json_flag, json, junit })
    }

    /// Writes all results, reports those that cannot be written, and returns the exit code: that of the verdict, unless
    /// the sweep holds and a result could not be written.
    pub fn write(&self, report: &SweepReport, code: u8, verbose: bool, streams: &mut Streams<'_>) -> u8 {
        let summary = summary::text(report, streams.width, verbose, self.json_flag);
        let mut problems = Vec::new();
        if [&self.json, &self.junit].contains(&&Some(OutputTarget::Stdout)) {
            streams.hint(summary.trim_end());
        } else {
            problems.extend(streams.result(&summary).err());
        }
        let json = || to_text(&SweepJson::from(report));
        problems.extend(self.json.as_ref().and_then(|target| target.write(&json(), streams).err()));
        problems.extend(self.junit.as_ref().and_then(|target| target.write(&junit::text(report), streams).err()));
        if let Some(Err(problem)) = streams.step_summary.as_ref().map(|file| step_summary::append(file, report)) {
            streams.note(&format!("no job summary: {problem}"));
        }
        exit_code(code, &problems, streams)
    }
}

/// The exit code of a verdict if these results could not be written; prints them.
pub fn exit_code(code: u8, problems: &[Problem], streams: &mut Streams<'_>) -> u8 {
    problems.iter().for_each(|problem| streams.hint(&format!("error: {problem}")));
    if problems.is_empty() || code != exit::HOLDS { code } else { exit::USAGE }
}
