//! `merge`: merges the JSON of several sweeps to that of one sweep.

use std::path::Path;

use fuzz::aggregate::{RequiredProbe, SweepReport};
use fuzz::merge::MergeError;

use crate::args::MergeArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::expect;
use crate::input::read_text;
use crate::json::sweep_json;
use crate::load;
use crate::output::{OutputTarget, Streams};
use crate::show::annotation::Annotations;
use crate::verb::sweep::results::Results;

/// Maximum number of gaps that a message names.
const MOST_GAPS: usize = 8;

/// Reads, merges, evaluates, writes.
pub fn run(args: &MergeArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    load::known_probes(engine, &args.require_probe)?;
    let target = OutputTarget::checked(&args.output)?;
    let junit = args.junit.as_deref().map(OutputTarget::checked).transpose()?;
    let results = Results::to(("-o", Some(target)), ("--junit", junit))?;
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
    if !whole.missing.is_empty() && !args.partial {
        let hidden = whole.missing.len().saturating_sub(MOST_GAPS);
        let more = if hidden > 0 { format!("; {hidden} more") } else { String::new() };
        let gaps = whole.missing.iter().take(MOST_GAPS).cloned().collect::<Vec<_>>().join("; ");
        return Err(Problem::new(format!(
            "the sweep is not whole: {gaps}{more}; give the missing files, or --partial to merge these"
        )));
    }
    expect::judge(&mut whole);
    let code = exit::of_sweep(&whole);
    annotate(&whole, code, streams);
    Ok(results.write(&whole, code, args.verbose, streams))
}

/// Annotates as a sweep does.
fn annotate(whole: &SweepReport, code: u8, streams: &mut Streams<'_>) {
    let mut annotations = Annotations::here();
    let failures: Vec<String> = whole.violations.iter().filter_map(|failure| annotations.of(failure)).collect();
    let vacuous = (code == exit::INCONCLUSIVE).then(|| annotations.of_vacuous(&exit::why_vacuous(whole))).flatten();
    failures.iter().chain(&vacuous).for_each(|line| streams.hint(line));
}

fn read(path: &Path) -> Result<SweepReport, Problem> {
    sweep_json::read(&path.display().to_string(), &read_text(path)?)
}
