//! What a sweep or a merge came to, written: the summary first, files after it, so that a full disk takes
//! neither the summary nor the exit code.

use fuzz::aggregate::SweepReport;

use crate::engine::Problem;
use crate::exit;
use crate::json::{sweep_json::SweepJson, to_text};
use crate::output::{Streams, Target};
use crate::show::{junit, step_summary, summary};

/// Where it goes.
pub struct Results {
    json: Option<Target>,
    junit: Option<Target>,
}

impl Results {
    /// From two flags, named for the message, that must not go to the same place.
    pub fn to(json: (&str, Option<Target>), junit: (&str, Option<Target>)) -> Result<Results, Problem> {
        let ((a, json), (b, junit)) = (json, junit);
        if json.is_some() && json == junit {
            return Err(Problem::new(format!("{a} and {b} name the same target: give each its own")));
        }
        Ok(Results { json, junit })
    }

    /// Writes all that can be written, reports what cannot, and returns the exit code: that of the verdict, but
    /// for a sweep that holds and whose results are not where they were wanted.
    pub fn write(&self, report: &SweepReport, code: u8, verbose: bool, streams: &mut Streams<'_>) -> u8 {
        let summary = summary::text(report, streams.width, verbose);
        let mut problems = Vec::new();
        if [&self.json, &self.junit].contains(&&Some(Target::Stdout)) {
            streams.hint(summary.trim_end());
        } else {
            problems.extend(streams.result(&summary).err());
        }
        let json = || to_text(&SweepJson::from(report));
        problems.extend(self.json.as_ref().and_then(|target| target.write(&json(), streams).err()));
        problems.extend(self.junit.as_ref().and_then(|target| target.write(&junit::text(report), streams).err()));
        if let Some(Err(problem)) = streams.step_summary.as_ref().map(|file| step_summary::append(file, report)) {
            streams.hint(&format!("note: no job summary: {problem}"));
        }
        exit_code(code, &problems, streams)
    }
}

/// The exit code of a verdict, if these things could not be written; says which.
pub fn exit_code(code: u8, problems: &[Problem], streams: &mut Streams<'_>) -> u8 {
    problems.iter().for_each(|problem| streams.hint(&format!("error: {problem}")));
    if problems.is_empty() || code != exit::HOLDS { code } else { exit::USAGE }
}
