//! `merge`: the JSON of several sweeps as if they had been one.

use std::path::Path;

use fuzz::aggregate::{RequiredProbe, SweepReport};
use fuzz::merge::MergeError;

use crate::args::MergeArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::expect;
use crate::input::read_text;
use crate::json::{sweep_json, to_text};
use crate::load;
use crate::output::{Streams, Target};
use crate::show::summary;

/// Reads, merges, judges, writes.
pub fn run(args: &MergeArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    load::known_probes(engine, &args.require_probe)?;
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
    whole.subject.required_probes.extend(args.require_probe.iter().map(|probe| RequiredProbe::by_flag(probe)));
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
