//! `inspect log`: what a log directory holds, or that of a node at an instant of a run.

use crate::args::InspectLogArgs;
use crate::engine::{Engine, Problem};
use crate::exit;
use crate::json;
use crate::log_folder::LogFolder;
use crate::output::{OutputTarget, Streams};
use crate::verb::instruments;
use scenarios::instruments::moment::At;
use scenarios::log_directory::{self, Inspection, to_json, to_text};
use sim::duration::show_us;

/// Damage that is listed; the JSON has all.
const MOST_DAMAGE: usize = 20;
const VERB: &str = "inspect log";

/// Reads the directory, reports, writes.
pub fn log(args: &InspectLogArgs, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    if let Some(at) = args.around {
        return around(args, at, engine, streams);
    }
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
    let (name, found) = if instruments::is_run(&args.subject, engine) {
        instruments::files_of_one(&args.subject, args.node.as_deref(), VERB, engine, streams)?
    } else {
        instruments::no_flags_of_a_run(&args.subject, args.node.as_deref(), VERB)?;
        let folder = LogFolder::open(args.subject.what.as_ref(), VERB)?;
        (args.subject.what.clone(), Inspection::of(&folder).ok_or_else(|| folder.without_log())?)
    };
    if let Some(target) = &target {
        let mut all = to_json(&found);
        all["directory"] = name.clone().into();
        target.write(&json::to_text(&all), streams)?;
    }
    if target != Some(OutputTarget::Stdout) {
        streams.result(&to_text(&found, args.records))?;
    }
    let damage = found.damage();
    if damage.is_empty() {
        return Ok(exit::HOLDS);
    }
    let mut lines: Vec<String> = damage.iter().take(MOST_DAMAGE).map(|damage| format!("{name}/{damage}")).collect();
    if damage.len() > MOST_DAMAGE {
        lines.push(format!("and {} more; --json lists all", damage.len() - MOST_DAMAGE));
    }
    Err(Problem::new(lines.join("\n")))
}

/// What an event wrote to the logs of a node.
fn around(args: &InspectLogArgs, at: At, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    if !instruments::is_run(&args.subject, engine) {
        return Err(Problem::new(format!("{VERB}: --around is for a run: a directory has no events")));
    }
    let job = instruments::load(&args.subject, VERB, engine, streams)?;
    let mut moment = instruments::begin(&job)?;
    let before = match at {
        At::Event(event) => At::Event(event - 1),
        At::BeforeViolation(events) => At::BeforeViolation(events.saturating_add(1)),
        other => other,
    };
    instruments::go_to(&mut moment, before, streams)?;
    let (name, before) = instruments::files_at(&moment, args.node.as_deref(), VERB)?;
    instruments::go_to(&mut moment, at, streams)?;
    let (_, after) = instruments::files_at(&moment, Some(&name), VERB)?;
    streams.note(&format!(
        "the logs of {name} before and after event {}, at {}",
        moment.events(),
        show_us(moment.now_ns() / 1000)
    ));
    streams.result(&log_directory::around(&before, &after))?;
    Ok(exit::HOLDS)
}
