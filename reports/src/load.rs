//! Names and RUN flags → scenarios ready to run, or one clear problem.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::args::RunFlags;
use crate::engine::{ClusterFiles, Engine, Named, Overrides, Problem, ScenarioText};

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
    match fs::read_to_string(path) {
        Ok(toml) => {
            let folder = path.parent().map(Path::to_path_buf);
            Ok(ScenarioText { name: name.to_owned(), toml, folder })
        }
        Err(error) if path.extension().is_some_and(|e| e == "toml") => {
            Err(Problem::new(format!("scenario file {name}: {error}")))
        }
        Err(_) => Err(Problem::new(no_such_scenario(engine, name))),
    }
}

/// What to say of a name that is neither in the catalog nor a file.
pub fn no_such_scenario(engine: &dyn Engine, name: &str) -> String {
    let names: Vec<String> = engine.list().into_iter().map(|listed| listed.name).collect();
    format!("no scenario {name}: give the path of a TOML file, or one of: {}", names.join(", "))
}

/// Refuses a rare situation that no run can name.
pub fn known_probe(engine: &dyn Engine, name: &str) -> Result<(), Problem> {
    match engine.probes() {
        Some(names) if !names.iter().any(|known| known == name) => {
            Err(Problem::new(format!("no probe is named {name:?}; allowed: {}", names.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Reads what the RUN flags name.
pub fn overrides(flags: &RunFlags) -> Result<Overrides, Problem> {
    Ok(Overrides {
        cluster: flags.cluster.as_deref().map(read_cluster).transpose()?,
        bugs: flags.bug.clone(),
        fixes: flags.fix.clone(),
        set: flags.set.clone(),
    })
}

fn read_cluster(dir: &Path) -> Result<ClusterFiles, Problem> {
    let wrong = |error: std::io::Error| Problem::new(format!("--cluster {}: {error}", dir.display()));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|e| e == "properties") && path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)
                .map_err(|error| Problem::new(format!("--cluster: {}: {error}", path.display())))?;
            files.insert(name, text);
        }
    }
    if files.is_empty() {
        return Err(Problem::new(format!(
            "--cluster {}: no .properties file in it; it takes one per node, such as c1.properties",
            dir.display()
        )));
    }
    Ok(ClusterFiles { dir: dir.display().to_string(), files })
}
