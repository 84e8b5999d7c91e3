//! Prepares scenarios from names and RUN flags, or returns one clear problem.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scenarios::bugs::CATALOG;
use scenarios::scenario::nearest::{allowed, did_you_mean};

use crate::args::RunFlags;
use crate::engine::{ClusterFiles, Engine, Named, Overrides, Problem, ScenarioText};
use crate::input;

/// Prepares each named scenario.
pub fn load(engine: &dyn Engine, names: &[String], overrides: &Overrides) -> Result<Vec<Named>, Problem> {
    let mut loaded: Vec<Named> = Vec::new();
    for name in names {
        if loaded.iter().any(|other| other.name == *name) {
            return Err(Problem::new(format!("scenario {name} is named twice")));
        }
        let text = find(engine, name)?;
        loaded.push(Named { name: name.clone(), prepared: engine.prepare(&text, overrides, None)? });
    }
    Ok(loaded)
}

/// A catalog scenario, or a file.
fn find(engine: &dyn Engine, name: &str) -> Result<ScenarioText, Problem> {
    if let Some(toml) = engine.find(name) {
        return Ok(ScenarioText { name: name.to_owned(), toml, folder: None });
    }
    let path = Path::new(name);
    if !path.is_file() && path.extension().is_none_or(|e| e != "toml") {
        return Err(Problem::new(no_such_scenario(engine, name)));
    }
    let toml = input::read_text(path)?;
    let folder = path.parent().map(Path::to_path_buf);
    Ok(ScenarioText { name: name.to_owned(), toml, folder })
}

/// The message for a name that is neither in the catalog nor a file.
pub fn no_such_scenario(engine: &dyn Engine, name: &str) -> String {
    let names: Vec<String> = engine.list().into_iter().map(|listed| listed.name).collect();
    let meant = did_you_mean(name, names.iter().map(String::as_str));
    let end = if meant.is_empty() { ":" } else { "" };
    format!("no scenario {name}{meant}{end} give the path of a TOML file, or one of: {}", names.join(", "))
}

/// Rejects a `--require-probe` that no run can reach.
pub fn known_probes(engine: &dyn Engine, wanted: &[String]) -> Result<(), Problem> {
    let Some(known) = engine.probes() else { return Ok(()) };
    match wanted.iter().find(|name| !known.contains(name)) {
        Some(name) => {
            let allowed = allowed(name, known.iter().map(String::as_str));
            Err(Problem::new(format!("--require-probe: no probe is named {name:?}{allowed}")))
        }
        None => Ok(()),
    }
}

/// Reads the files of the RUN flags.
pub fn overrides(flags: &RunFlags) -> Result<Overrides, Problem> {
    Ok(Overrides {
        cluster: flags.cluster.as_deref().map(|dir| read_cluster("--cluster", dir)).transpose()?,
        bugs: flags.bug.iter().map(|bug| bug_name(bug)).collect::<Result<_, _>>()?,
        fixes: flags.fix.clone(),
        set: flags.set.clone(),
    }
    .without_secrets())
}

/// The name of a bug, given its name or the id of its row in the bug catalog. Unknown names are rejected later.
fn bug_name(requested: &str) -> Result<String, Problem> {
    let named: Vec<&str> =
        CATALOG.iter().filter(|row| row.id.eq_ignore_ascii_case(requested)).map(|row| row.bug.name()).collect();
    match named.as_slice() {
        [] => Ok(requested.to_owned()),
        [one] => Ok((*one).to_owned()),
        several => {
            let several = several.join(", ");
            Err(Problem::new(format!("--bug: row {requested} of the bug catalog has several bugs; allowed: {several}")))
        }
    }
}

/// The `.properties` files of a directory; `requested` is the flag or file that names it, in messages.
pub fn read_cluster(requested: &str, dir: &Path) -> Result<ClusterFiles, Problem> {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let wrong = |problem: &str| {
        let expected = "expected a directory of .properties files, one per node, such as c1.properties";
        Problem::new(format!("{requested} {}: {problem}; {expected}", whole.display()))
    };
    if !dir.is_dir() {
        return Err(wrong(if dir.exists() { "this is a file" } else { "there is no such directory" }));
    }
    let unreadable = |error: std::io::Error| wrong(&input::reason(&error));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "properties") && path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, input::read_text(&path).map_err(|problem| problem.about(requested))?);
        }
    }
    if files.is_empty() {
        return Err(wrong("no .properties file is in it"));
    }
    Ok(ClusterFiles { dir: dir.display().to_string(), files })
}
