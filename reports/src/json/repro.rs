//! `kraftsim.repro.v1`: the complete input of a run in one file. It replays without the generator of its plan.

use std::path::{Path, PathBuf};

use fuzz::seeds::show_seed;
use serde::{Deserialize, Serialize};
use sim::fault::Plan;

use super::{Digest, Seed, reading, to_text};
use crate::engine::{Named, Overrides, Problem, ScenarioText, StoredPlan};
use crate::output::write_whole;

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.repro.v1";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReproJson {
    schema: String,
    version: String,
    /// Commit of the build that wrote it; null if unknown.
    #[serde(default)]
    commit: Option<String>,
    scenario: ScenarioJson,
    seed: Seed,
    overrides: Overrides,
    plan: serde_json::Value,
    /// Operations that replace those that clients would draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operations: Option<serde_json::Value>,
    /// A description of a shrunk run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    story: Vec<String>,
    expect_digest: Digest,
    /// (entries, digest of both lanes so far): to find where another run diverges from this one.
    ladder: Vec<(u64, Digest)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioJson {
    name: String,
    toml: String,
}

/// A parsed repro.
#[derive(Clone, Debug, PartialEq)]
pub struct Repro {
    /// Version of kraftsim that wrote it.
    pub version: String,
    /// Commit of that build.
    pub commit: Option<String>,
    pub scenario: ScenarioText,
    /// The seed and the faults.
    pub plan: StoredPlan,
    pub overrides: Overrides,
    pub digest: u128,
    pub ladder: Vec<(u64, u128)>,
}

/// The run of a repro file.
pub struct Subject<'a> {
    pub scenario: &'a Named,
    /// The flags that alter it.
    pub overrides: &'a Overrides,
    pub seed: u64,
    pub digest: u128,
    /// Its faults, if they are not those of its seed.
    pub plan: Option<&'a Plan>,
    pub ladder: &'a [(u64, u128)],
    /// A description of the run, if it was shrunk.
    pub story: &'a [String],
}

/// Writes a repro into a folder and returns its path. `stem` distinguishes scenarios.
pub fn write(folder: &Path, stem: &str, run: &Subject<'_>) -> Result<PathBuf, Problem> {
    let path = folder.join(format!("{stem}-{}.json", show_seed(run.seed)));
    write_whole(&path, text(run))?;
    Ok(path)
}

/// The text of a repro.
pub fn text(run: &Subject<'_>) -> String {
    let generated = || run.scenario.prepared.plan(run.seed);
    let json = ReproJson {
        schema: SCHEMA.to_owned(),
        version: crate::VERSION.to_owned(),
        commit: crate::COMMIT.map(str::to_owned),
        scenario: ScenarioJson { name: run.scenario.name.clone(), toml: run.scenario.prepared.toml() },
        seed: Seed(run.seed),
        overrides: run.overrides.clone(),
        plan: run.plan.map_or_else(generated, |plan| serde_json::to_value(plan).expect("plain data")),
        operations: run.scenario.prepared.operations(),
        story: run.story.to_vec(),
        expect_digest: Digest(run.digest),
        ladder: run.ladder.iter().map(|(entries, digest)| (*entries, Digest(*digest))).collect(),
    };
    to_text(&json)
}

/// Is this the name of a file that [`write()`] wrote?
pub fn is_named(name: &str) -> bool {
    let seed = name.strip_suffix(".json").and_then(|stem| stem.rsplit_once("-0x"));
    seed.is_some_and(|(_, seed)| seed.len() == 16 && seed.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Unique file name stems for the runs of scenarios: the name, or the stem of its path.
pub fn stems(names: &[String]) -> Vec<String> {
    let stem = |name: &String| Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stems: Vec<String> = names.iter().map(stem).collect();
    let number = |(i, stem): (usize, &String)| match stems.iter().filter(|s| *s == stem).count() {
        1 => stem.clone(),
        _ => format!("{stem}-{}", i + 1),
    };
    stems.iter().enumerate().map(number).collect()
}

pub fn read(file: &str, text: &str) -> Result<Repro, Problem> {
    let json: ReproJson = reading::read(file, text, SCHEMA)?;
    Ok(Repro {
        version: json.version,
        commit: json.commit,
        scenario: ScenarioText { name: json.scenario.name, toml: json.scenario.toml, folder: None },
        plan: StoredPlan { seed: json.seed.0, faults: json.plan, operations: json.operations },
        overrides: json.overrides.without_secrets(),
        digest: json.expect_digest.0,
        ladder: json.ladder.into_iter().map(|(entries, digest)| (entries, digest.0)).collect(),
    })
}
