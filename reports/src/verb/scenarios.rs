//! `scenarios`: the catalog.

use crate::engine::{Engine, Problem};
use crate::exit;
use crate::load::no_such_scenario;
use crate::output::Streams;

/// Names, and what each is about.
pub fn list(engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let scenarios = engine.list();
    let width = scenarios.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = scenarios.iter().map(|(name, about)| format!("{name:<width$}  {about}\n")).collect();
    streams.result(&lines)?;
    Ok(exit::HOLDS)
}

/// The TOML of one.
pub fn show(engine: &dyn Engine, name: &str, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let toml = engine.find(name).ok_or_else(|| Problem::new(no_such_scenario(engine, name)))?;
    streams.result(&toml)?;
    Ok(exit::HOLDS)
}
