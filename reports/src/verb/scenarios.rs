//! `scenarios`: the catalog.

use crate::engine::{Engine, Listed, Problem};
use crate::exit;
use crate::json::to_text;
use crate::load::no_such_scenario;
use crate::output::Streams;
use crate::show::columns::beside;
use scenarios::scenario::reference::json_schema;

/// Column in which the purpose of a scenario begins.
const ABOUT: usize = 24;

/// Names, with the purpose of each; findings, which fail by design, are marked.
pub fn list(engine: &dyn Engine, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let scenarios = engine.list();
    let line = |Listed { name, about, fixed_by }: &Listed| {
        let mark = fixed_by.as_ref().map(|fix| format!(" [finding: fails unless --fix {fix}]")).unwrap_or_default();
        let (label, about) = (format!("{name}  "), format!("{about}{mark}"));
        // Names of findings are longer than the column.
        match label.len() <= ABOUT {
            true => beside(streams.width, &label, ABOUT, &about),
            false => format!("{name}\n{}", beside(streams.width, "", ABOUT, &about)),
        }
    };
    let lines: String = scenarios.iter().map(line).collect();
    streams.result(&lines)?;
    Ok(exit::HOLDS)
}

/// Prints the TOML of one.
pub fn show(engine: &dyn Engine, name: &str, streams: &mut Streams<'_>) -> Result<u8, Problem> {
    let toml = engine.find(name).ok_or_else(|| Problem::new(no_such_scenario(engine, name)))?;
    streams.result(&toml)?;
    Ok(exit::HOLDS)
}

/// Prints the JSON Schema of scenario files.
pub fn schema(streams: &mut Streams<'_>) -> Result<u8, Problem> {
    streams.result(&to_text(&json_schema()))?;
    Ok(exit::HOLDS)
}
