//! `merge`: the JSON of several sweeps as if they had been one.

use std::path::Path;

use fuzz::aggregate::SweepReport;
use fuzz::merge::MergeError;

use crate::args::MergeArgs;
use crate::engine::Problem;
use crate::exit;
use crate::expect;
use crate::input::read_text;
use crate::json::{sweep_json, to_text};
use crate::output::{Streams, Target};
use crate::show::summary;

/// Reads, merges, judges, writes.
pub fn run(args: &MergeArgs, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let target = Target::checked(&args.output)?;
    let sweeps = args.files.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
    let sweeps = sweeps.collect::<Result<Vec<_>, Problem>>()?;
    let mut whole = match fuzz::merge::merge(sweeps) {
        Ok(whole) => whole,
        Err(error @ MergeError::Nondeterminism { .. }) => {
            streams.hint(&format!("error: {error}"));
            return Ok(exit::NONDETERMINISM);
        }
        Err(error) => return Err(Problem::new(error.to_string())),
    };
    whole.subject.required_probes.extend_from_slice(&args.require_probe);
    expect::judge(&mut whole);
    target.write(&to_text(&sweep_json::SweepJson::from(&whole)), streams)?;
    match target {
        Target::Stdout => streams.hint(summary::text(&whole).trim_end()),
        Target::File(_) => streams.result(&summary::text(&whole))?,
    }
    Ok(exit::of_sweep(&whole))
}

fn read(path: &Path) -> Result<SweepReport, Problem> {
    sweep_json::read(&path.display().to_string(), &read_text(path)?)
}
