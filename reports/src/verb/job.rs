//! One run that a verb is about: a seed of a scenario, or a repro file.

use std::path::Path;

use crate::args::RunFlags;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::input::read_text;
use crate::json::reading::in_file;
use crate::json::repro;
use crate::load;
use crate::output::Streams;

/// What was typed.
#[derive(Debug)]
pub struct Asked<'a> {
    /// A scenario or a repro file.
    pub what: &'a str,
    /// Of a scenario.
    pub seed: Option<u64>,
    /// What alters it.
    pub run: &'a RunFlags,
    /// The verb, for messages.
    pub verb: &'static str,
}

/// A digest, and the ladder of the run that had it.
pub type Stored = (u128, Vec<(u64, u128)>);

/// What to run, and what it must come to.
pub struct Job {
    /// Ready to run.
    pub scenario: Named,
    /// Its seed.
    pub seed: u64,
    /// What alters it.
    pub overrides: Overrides,
    /// Digest that the run must have.
    pub expected: Option<u128>,
    /// Of the run that is expected; empty if only its digest is known.
    pub ladder: Vec<(u64, u128)>,
    /// The repro file that holds the run, but for these.
    pub repro: Option<(String, Overrides)>,
    /// What the repro file says that comes of it, if nothing was put on top.
    pub stored: Option<Stored>,
}

impl Job {
    /// Reads and prepares what was asked for.
    pub fn load(asked: &Asked<'_>, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<Job, Problem> {
        if is_repro(asked, engine) { from_repro(asked, engine, streams) } else { from_scenario(asked, engine) }
    }
}

/// A file that ends in `.json`, unless the catalog has a scenario of that name.
fn is_repro(asked: &Asked<'_>, engine: &dyn Engine) -> bool {
    Path::new(asked.what).extension().is_some_and(|e| e == "json") && engine.find(asked.what).is_none()
}

fn from_scenario(asked: &Asked<'_>, engine: &dyn Engine) -> Result<Job, Problem> {
    let Asked { what, verb, .. } = asked;
    let seed = asked.seed.ok_or_else(|| {
        Problem::new(format!("{verb} of scenario {what} needs a seed: --seed 0x2a (or give a repro file)"))
    })?;
    let overrides = load::overrides(asked.run)?;
    let mut scenarios = load::load(engine, &[(*what).to_owned()], &overrides)?;
    let scenario = scenarios.pop().expect("one was named");
    Ok(Job { scenario, seed, overrides, expected: None, ladder: Vec::new(), repro: None, stored: None })
}

fn from_repro(asked: &Asked<'_>, engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<Job, Problem> {
    let file = asked.what;
    if asked.seed.is_some() {
        return Err(Problem::new(format!("{file}: it has its own seed; --seed goes with a scenario")));
    }
    let text = read_text(Path::new(file))?;
    let stored = repro::read(file, &text)?;
    if stored.version != crate::VERSION {
        streams.hint(&format!("note: written by version {}, this is {}", stored.version, crate::VERSION));
    }
    let on_top = load::overrides(asked.run)?;
    let overrides = stored.overrides.and(on_top.clone());
    let prepared = engine
        .prepare(&stored.scenario, &overrides, Some(&stored.plan))
        .map_err(|problem| in_file(problem, file, &text))?;
    Ok(Job {
        scenario: Named { name: stored.scenario.name, prepared },
        seed: stored.plan.seed,
        overrides,
        expected: None,
        ladder: Vec::new(),
        repro: Some((file.to_owned(), on_top)),
        stored: asked.run.is_empty().then_some((stored.digest, stored.ladder)),
    })
}
