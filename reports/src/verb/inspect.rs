//! `inspect log`: what a log directory holds.

use crate::args::InspectLogArgs;
use crate::engine::Problem;
use crate::exit;
use crate::json;
use crate::log_folder::LogFolder;
use crate::output::{OutputTarget, Streams};
use scenarios::log_directory::{Inspection, to_json, to_text};

/// Damage that is listed; the JSON has all.
const MOST_DAMAGE: usize = 20;

/// Reads the directory, reports, writes.
pub fn log(args: &InspectLogArgs, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let folder = LogFolder::open(&args.dir, "inspect log")?;
    let found = Inspection::of(&folder).ok_or_else(|| folder.without_log())?;
    if let Some(target) = &target {
        let mut all = to_json(&found);
        all["directory"] = args.dir.display().to_string().into();
        target.write(&json::to_text(&all), streams)?;
    }
    if target != Some(OutputTarget::Stdout) {
        streams.result(&to_text(&found, args.records))?;
    }
    let damage = found.damage();
    if damage.is_empty() {
        return Ok(exit::HOLDS);
    }
    let mut lines: Vec<String> =
        damage.iter().take(MOST_DAMAGE).map(|damage| format!("{}/{damage}", args.dir.display())).collect();
    if damage.len() > MOST_DAMAGE {
        lines.push(format!("and {} more; --json lists all", damage.len() - MOST_DAMAGE));
    }
    Err(Problem::new(lines.join("\n")))
}
