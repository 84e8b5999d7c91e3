//! `kraftsim.checkpoint.v1`: the results of a sweep so far, and the flags that the command that continues it must have.

use std::collections::BTreeMap;

use fuzz::aggregate::SweepReport;
use serde::{Deserialize, Serialize};

use super::reading;
use super::sweep_json::{self, SweepJson};
use super::to_text;
use crate::engine::Problem;

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.checkpoint.v1";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointJson {
    schema: String,
    finished: bool,
    flags: BTreeMap<String, String>,
    /// Exact, whereas the JSON of the sweep has floating-point seconds; a string, because many readers lack 64-bit
    /// integers.
    sim_ns: String,
    sweep: SweepJson,
}

/// A parsed checkpoint.
pub struct Stored {
    /// Is nothing left to run?
    pub finished: bool,
    /// Flags that the command must have as well.
    pub flags: BTreeMap<String, String>,
    pub report: SweepReport,
}

/// The text of the file.
pub fn text(flags: &BTreeMap<String, String>, whole: &SweepReport, finished: bool) -> String {
    to_text(&CheckpointJson {
        schema: SCHEMA.to_owned(),
        finished,
        flags: flags.clone(),
        sim_ns: whole.sim_ns.to_string(),
        sweep: SweepJson::from(whole),
    })
}

/// Reads a file that [`text`] has written.
pub fn read(file: &str, text: &str) -> Result<Stored, Problem> {
    let json: CheckpointJson = reading::read(file, text, SCHEMA)?;
    let sim_ns = json.sim_ns.parse().map_err(|_| Problem::at("/sim_ns", "it is no number of nanoseconds"));
    let report = reading::numbers_up_to(sweep_json::MAX_COUNT, text).and_then(|()| {
        let within = |problem: Problem| Problem { pointer: problem.pointer.map(|at| format!("/sweep{at}")), ..problem };
        Ok(SweepReport { sim_ns: sim_ns?, ..sweep_json::from_json(json.sweep).map_err(within)? })
    });
    let report = report.map_err(|problem| reading::in_file(problem, file, text))?;
    Ok(Stored { finished: json.finished, flags: json.flags, report })
}
