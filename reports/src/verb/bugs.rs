//! `bugs`: the zoo, and the hunt for each of its bugs in generic scenarios.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuzz::hunt::{Caught, Hunted, Settings, hunt};
use fuzz::seeds::show_seed;
use scenarios::zoo::{Layer, Row, ZOO, grounds};

use crate::args::HuntArgs;
use crate::command;
use crate::duration::show_us;
use crate::engine::{Engine, Named, Overrides, Problem, Runs};
use crate::exit;
use crate::json::bugs_json::{BugJson, BugsJson};
use crate::json::to_text;
use crate::load;
use crate::output::{Streams, Target, check_folder};
use crate::verb::regressions::{self, Keep, Kept};
use crate::verb::sweep::jobs;

/// Every row: layer, name, source, and the checks that should notice.
pub fn list(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let width = ZOO.iter().map(|row| row.bug.name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for layer in Layer::ALL {
        for row in ZOO.iter().filter(|row| row.layer == *layer) {
            let expected =
                if row.expected.is_empty() { format!("hidden: {}", row.hidden_by) } else { row.expected.join(", ") };
            let (id, name) = (row.id, row.bug.name());
            text.push_str(&format!("{:<10}  {id}  {name:<width$}  {}  [{expected}]\n", layer.name(), row.source));
        }
    }
    streams.result(&text)?;
    Ok(exit::HOLDS)
}

/// Hunts for each bug named, or for all of them.
pub fn hunt_for(
    args: &HuntArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let rows = rows(&args.names)?;
    let target = args.json.as_deref().map(Target::checked).transpose()?;
    let keep = match &args.keep {
        Some(folder) => {
            check_folder(folder)?;
            let limit = Duration::from_nanos(args.limit_ns);
            Some(Keep { folder: folder.clone(), jobs: jobs(args.jobs), limit })
        }
        None => None,
    };
    let mut all = Vec::new();
    let mut lines = String::new();
    for (index, row) in rows.iter().enumerate() {
        let (names, hunted) = hunt_one(args, engine, interrupted, row)?;
        if interrupted.load(Ordering::Relaxed) && hunted.caught.is_none() {
            break;
        }
        let kept = match (&keep, &hunted.caught) {
            (Some(keep), Some(caught)) => {
                Some(keep.keep(engine, interrupted, (row, &names[caught.scenario], caught))?)
            }
            _ => None,
        };
        let line = format!("{}{}", line(row, &names, &hunted), kept.as_ref().map_or(String::new(), Kept::line));
        streams.hint(&format!("[{}/{}] {line}", index + 1, rows.len()));
        lines.push_str(&format!("{line}\n"));
        all.push(Found { row, names, hunted, kept });
    }
    if let Some(target) = &target {
        let bugs = all.iter().map(bug_json).collect();
        target.write(&to_text(&BugsJson::new(bugs)), streams)?;
    }
    let text = format!("{lines}{}", sums(&all));
    match target {
        Some(Target::Stdout) => streams.hint(text.trim_end()),
        _ => streams.result(&text)?,
    }
    Ok(match () {
        () if interrupted.load(Ordering::Relaxed) => exit::INTERRUPTED,
        () if all.iter().any(|found| found.hunted.caught.is_none()) => exit::UNSAFE,
        () => exit::HOLDS,
    })
}

fn rows(names: &[String]) -> Result<Vec<&'static Row>, Problem> {
    if names.is_empty() {
        return Ok(ZOO.iter().collect());
    }
    let find = |name: &String| {
        let row = ZOO.iter().find(|row| row.bug.name() == name || row.id == name);
        row.ok_or_else(|| Problem::new(format!("no bug {name} in the zoo: `kraftsim bugs list` names them all")))
    };
    names.iter().map(find).collect()
}

fn hunt_one(
    args: &HuntArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    row: &Row,
) -> Result<(Vec<String>, Hunted), Problem> {
    let names: Vec<String> = match args.scenario.is_empty() {
        true => grounds(row.layer).iter().map(|name| (*name).to_owned()).collect(),
        false => args.scenario.clone(),
    };
    let overrides = Overrides { bugs: vec![row.bug.name().to_owned()], ..Overrides::default() };
    let scenarios: Vec<Named> = load::load(engine, &names, &overrides)?;
    let settings =
        Settings { jobs: jobs(args.jobs), limit: Duration::from_nanos(args.limit_ns), scenarios: scenarios.len() };
    Ok((names, hunt(settings, &Runs { scenarios: &scenarios, black_box_every: None }, interrupted)))
}

fn line(row: &Row, names: &[String], hunted: &Hunted) -> String {
    let (id, name, seconds) = (row.id, row.bug.name(), show_us(hunted.wall_ns / 1000));
    match &hunted.caught {
        None => format!("{id} {name}: NOT CAUGHT in {} runs, {seconds}{}", hunted.runs, hidden(row)),
        Some(caught) => {
            let Caught { scenario, seed, violation, .. } = caught;
            let known =
                if row.expected.contains(&violation.invariant.as_str()) { "" } else { " (not the one expected)" };
            let (scenario, seed) = (&names[*scenario], show_seed(*seed));
            format!("{id} {name}: {}{known} in {scenario} {seed}, run {}, {seconds}", violation.invariant, hunted.runs)
        }
    }
}

fn hidden(row: &Row) -> String {
    if row.hidden_by.is_empty() { String::new() } else { format!("; hidden by: {}", row.hidden_by) }
}

/// A row, the scenarios it was looked for in, what came of it, and the smallest run.
struct Found {
    row: &'static Row,
    names: Vec<String>,
    hunted: Hunted,
    kept: Option<Kept>,
}

fn sums(all: &[Found]) -> String {
    let caught: Vec<&Found> = all.iter().filter(|found| found.hunted.caught.is_some()).collect();
    let mut times: Vec<u64> = caught.iter().map(|found| found.hunted.wall_ns / 1000).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).map_or("-".to_owned(), |us| show_us(*us));
    let slowest = times.last().map_or("-".to_owned(), |us| show_us(*us));
    let kept: Vec<&Kept> = all.iter().filter_map(|found| found.kept.as_ref()).collect();
    let caught = format!("{} of {} caught; median {median}, slowest {slowest}\n", caught.len(), all.len());
    format!("{caught}{}", regressions::sums(&kept))
}

fn bug_json(found: &Found) -> BugJson {
    let Found { row, names, hunted, kept } = found;
    let caught = hunted.caught.as_ref();
    let scenario = caught.map(|caught| names[caught.scenario].clone());
    let overrides = Overrides { bugs: vec![row.bug.name().to_owned()], ..Overrides::default() };
    let command = caught.zip(scenario.as_ref()).map(|(it, name)| command::replay(name, it.seed, it.digest, &overrides));
    BugJson {
        bug: row.bug.name().to_owned(),
        row: row.id.to_owned(),
        layer: row.layer.name().to_owned(),
        source: row.source.to_owned(),
        scenarios: names.clone(),
        scenario,
        caught: caught.is_some(),
        invariant: caught.map(|caught| caught.violation.invariant.clone()),
        expected_invariants: row.expected.iter().map(|name| (*name).to_owned()).collect(),
        seeds_tried: hunted.runs,
        first_seed: caught.map(|caught| crate::json::Seed(caught.seed)),
        sim_seconds: crate::json::Seconds(hunted.sim_ns),
        wall_seconds: crate::json::Seconds(hunted.wall_ns),
        hidden_by: (!row.hidden_by.is_empty()).then(|| row.hidden_by.to_owned()),
        command,
        kept: kept.as_ref().map(Kept::json),
    }
}
