//! `bugs`: the bug catalog, and the hunt for each of its bugs in generic scenarios.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuzz::guided;
use fuzz::hunt::{Caught, HuntSettings, Hunted, hunt};
use fuzz::seeds::show_seed;
use scenarios::bugs::{CATALOG, Row, hunted_in};
use scenarios::scenario::nearest::listed;

use crate::args::HuntArgs;
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem, searchable};
use crate::exit;
use crate::json::bugs_json::{BugJson, BugsJson};
use crate::json::{repro, to_text};
use crate::load;
use crate::output::{OutputTarget, Streams, check_folder};
use crate::show::columns::plural;
use crate::verb::regressions::{self, Catch, Keep, Kept};
use crate::verb::sweep::results::exit_code;
use crate::verb::sweep::{FOLDER, jobs};
use sim::duration::show_us;

/// Hunts for each named bug, or for all of them.
pub fn hunt_for(
    args: &HuntArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let rows = rows(&args.names)?;
    let target = args.json.as_deref().map(OutputTarget::checked).transpose()?;
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
        let mut found = hunt_one(args, engine, interrupted, row, args.first_seed)?;
        if interrupted.load(Ordering::Relaxed) && found.hunted.caught.is_none() {
            break;
        }
        if let (Some(keep), Some(caught)) = (&keep, &found.hunted.caught) {
            let first = (found.names[caught.scenario].clone(), caught.clone());
            let mut next = |(_, last): &Catch| {
                let again = hunt_one(args, engine, interrupted, row, last.seed.saturating_add(1))?;
                Ok(again.hunted.caught.map(|caught| (again.names[caught.scenario].clone(), caught)))
            };
            found.kept = keep.keep(engine, interrupted, row, first, &mut next)?;
        }
        let line = line(&found);
        streams.hint(&format!("[{}/{}] {line}", index + 1, rows.len()));
        lines.push_str(&format!("{line}\n"));
        all.push(found);
    }
    let text = format!("{lines}{}", sums(&all));
    let mut problems = Vec::new();
    match target {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ => problems.extend(streams.result(&text).err()),
    }
    let json = || to_text(&BugsJson::new(all.iter().map(bug_json).collect()));
    problems.extend(target.as_ref().and_then(|target| target.write(&json(), streams).err()));
    let code = match () {
        () if interrupted.load(Ordering::Relaxed) => exit::INTERRUPTED,
        () if all.iter().any(|found| found.hunted.caught.is_none()) => exit::SAFETY,
        () => exit::HOLDS,
    };
    Ok(exit_code(code, &problems, streams))
}

fn rows(names: &[String]) -> Result<Vec<&'static Row>, Problem> {
    if names.is_empty() {
        return Ok(CATALOG.iter().collect());
    }
    let mut rows = Vec::new();
    for name in names {
        let before = rows.len();
        rows.extend(CATALOG.iter().filter(|row| row.bug.name() == name || row.id.eq_ignore_ascii_case(name)));
        if rows.len() == before {
            let listed = listed(name, CATALOG.iter().map(|row| row.bug.name()), "kraftsim bugs list");
            return Err(Problem::new(format!("no bug of the catalog is named {name:?}{listed}")));
        }
    }
    Ok(rows)
}

fn hunt_one(
    args: &HuntArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    row: &'static Row,
    first_seed: u64,
) -> Result<Found, Problem> {
    let names: Vec<String> = match args.scenario.is_empty() {
        true => hunted_in(row.layer).iter().map(|name| (*name).to_owned()).collect(),
        false => args.scenario.clone(),
    };
    let overrides = Overrides { bugs: vec![row.bug.name().to_owned()], ..Overrides::default() };
    let scenarios: Vec<Named> = load::load(engine, &names, &overrides)?;
    let faithful: Vec<Named> = load::load(engine, &names, &Overrides::default())?;
    let settings = HuntSettings {
        jobs: jobs(args.jobs),
        limit: Duration::from_nanos(args.limit_ns),
        scenarios: scenarios.len(),
        first_seed,
    };
    if !args.guided {
        let run = |scenario: usize, seed, host| scenarios[scenario].prepared.run(seed, host, None);
        let without = |scenario: usize, seed, host| faithful[scenario].prepared.run(seed, host, None);
        let hunted = hunt(settings, &run, &without, interrupted);
        let command = |it: &Caught| command::replay(&names[it.scenario], it.seed, it.digest, &overrides);
        let command = hunted.caught.as_ref().map(command);
        return Ok(Found { row, names, hunted, command, kept: None });
    }
    let (space, without) = (searchable(&scenarios, None)?, searchable(&faithful, None)?);
    let (hunted, plan) = guided::hunt::hunt(settings, &space, &without, interrupted);
    let command = hunted.caught.as_ref().map(|it| match &plan {
        None => Ok(command::replay(&names[it.scenario], it.seed, it.digest, &overrides)),
        Some(plan) => {
            let scenario = &scenarios[it.scenario];
            let (seed, digest) = (it.seed, it.digest);
            let plan = Some(plan);
            let subject =
                repro::Subject { scenario, overrides: &overrides, seed, digest, plan, ladder: &[], story: &[] };
            let path = repro::write(Path::new(FOLDER), &format!("guided-{}", row.bug.name()), &subject)?;
            Ok(command::replay_repro(&path.display().to_string(), digest, &Overrides::default()))
        }
    });
    Ok(Found { row, names, hunted, command: command.transpose()?, kept: None })
}

fn line(Found { row, names, hunted, kept, .. }: &Found) -> String {
    let (id, name, seconds) = (row.id, row.bug.name(), show_us(hunted.wall_ns / 1000));
    let fail_without = match hunted.fail_without {
        0 => String::new(),
        count => format!("; {} failed without it, too", plural(count, "run")),
    };
    match &hunted.caught {
        None => {
            let runs = plural(hunted.runs, "run");
            format!("{id} {name}: NOT CAUGHT in {runs}, {seconds}{}{fail_without}", hidden(row))
        }
        Some(caught) => {
            let Caught { scenario, seed, violation, .. } = caught;
            let known =
                if row.expected.contains(&violation.invariant.as_str()) { "" } else { " (not an expected claim)" };
            let (scenario, seed) = (&names[*scenario], show_seed(*seed));
            let kept = kept.as_ref().map_or(String::new(), Kept::line);
            let (invariant, runs) = (&violation.invariant, hunted.runs);
            format!("{id} {name}: {invariant}{known} in {scenario} {seed}, run {runs}, {seconds}{kept}{fail_without}")
        }
    }
}

fn hidden(row: &Row) -> String {
    if row.hidden_by.is_empty() { String::new() } else { format!("; reason: {}", row.hidden_by) }
}

/// The result of the hunt for one bug.
struct Found {
    row: &'static Row,
    /// The scenarios in which it was searched.
    names: Vec<String>,
    hunted: Hunted,
    /// The command that shows the run that caught it.
    command: Option<String>,
    /// The smallest run, if it was requested.
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

fn bug_json(Found { row, names, hunted, command, kept }: &Found) -> BugJson {
    let caught = hunted.caught.as_ref();
    let scenario = caught.map(|caught| names[caught.scenario].clone());
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
        fail_without_bug: hunted.fail_without,
        first_seed: caught.map(|caught| crate::json::Seed(caught.seed)),
        sim_seconds: crate::json::Seconds(hunted.sim_ns),
        wall_seconds: crate::json::Seconds(hunted.wall_ns),
        hidden_by: (!row.hidden_by.is_empty()).then(|| row.hidden_by.to_owned()),
        command: command.clone(),
        kept: kept.as_ref().map(Kept::json),
    }
}
