//! The files of a run's nodes as directories: `NAME/`, the log directory of a node, and `NAME.properties`, with which
//! Kafka starts there. A manifest says which run they are of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fuzz::seeds::show_seed;
use scenarios::log_directory::NodeFiles;
use scenarios::report::RunReport;
use serde::{Deserialize, Serialize};

use crate::engine::Problem;
use crate::input::reason;
use crate::json::{repro, show_digest, to_text};

/// The manifest: it tells a directory that this command wrote from others.
const MANIFEST: &str = "kraftsim-disks.json";
/// The schema's id.
const SCHEMA: &str = "kraftsim.disks.v1";

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: String,
    version: String,
    scenario: String,
    seed: String,
    digest: String,
    /// The simulated time at which the files were as they are here.
    at_ns: u64,
    nodes: Vec<NodeJson>,
}

#[derive(Serialize, Deserialize)]
struct NodeJson {
    name: String,
    id: i32,
    /// A process was running.
    up: bool,
    /// The log directory.
    directory: String,
    properties: String,
    files: u64,
    /// Files of which reads failed; they are missing here.
    unreadable: Vec<String>,
}

/// A directory for the files of the nodes.
pub struct Target {
    folder: PathBuf,
    /// What is replaced, by name.
    earlier: Vec<String>,
}

impl Target {
    /// Refuses a directory with anything in it that this command did not write.
    pub fn checked(folder: &Path) -> Result<Target, Problem> {
        let mut earlier = Vec::new();
        if let Ok(text) = fs::read_to_string(folder.join(MANIFEST))
            && let Ok(manifest) = serde_json::from_str::<Manifest>(&text)
            && manifest.schema == SCHEMA
        {
            earlier.extend(manifest.nodes.into_iter().flat_map(|node| [node.directory, node.properties]));
            // A damaged manifest must not lead out of the directory.
            earlier.retain(|name| is_of_a_node(name));
            earlier.push(MANIFEST.to_owned());
        }
        let target = Target { folder: folder.to_path_buf(), earlier };
        match target.strangers().map_err(|error| problem(folder, &error))?.first() {
            Some(stranger) => Err(Problem::new(format!(
                "--out {}: the directory is not empty, and {stranger} is not of this command; give an empty or a new one",
                folder.display()
            ))),
            None => Ok(target),
        }
    }

    fn strangers(&self) -> io::Result<Vec<String>> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut strangers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !self.earlier.contains(&name) && !repro::is_named(&name) {
                strangers.push(name);
            }
        }
        strangers.sort();
        Ok(strangers)
    }

    /// Writes everything beside its place and moves it there at the end.
    pub fn write(&self, nodes: &[NodeFiles], run: &RunReport) -> Result<(), Problem> {
        self.try_write(nodes, run).map_err(|error| problem(&self.folder, &error))
    }

    fn try_write(&self, nodes: &[NodeFiles], run: &RunReport) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let place = fs::canonicalize(&self.folder)?;
        // Removed when it is dropped, also after an error.
        let staged = tempfile::Builder::new().prefix(".kraftsim-").tempdir_in(&place)?;
        let mut names = Vec::new();
        for node in nodes {
            let folder = staged.path().join(&node.name);
            fs::create_dir(&folder)?;
            for (path, bytes) in &node.files {
                let path = folder.join(&**path);
                fs::create_dir_all(path.parent().unwrap_or(&folder))?;
                fs::write(path, bytes)?;
            }
            let properties = format!("{}.properties", node.name);
            let directory = place.join(&node.name).display().to_string();
            fs::write(staged.path().join(&properties), node.properties(&directory))?;
            names.extend([node.name.clone(), properties]);
        }
        fs::write(staged.path().join(MANIFEST), manifest(nodes, run))?;
        names.push(MANIFEST.to_owned());
        for name in self.earlier.iter().rev() {
            let path = place.join(name);
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.exists() {
                fs::remove_file(path)?;
            }
        }
        names.iter().try_for_each(|name| fs::rename(staged.path().join(name), place.join(name)))
    }
}

/// Whether a name is that of a node's directory or properties file: `controller-1`, `broker-101.properties`.
fn is_of_a_node(name: &str) -> bool {
    let id = name.strip_suffix(".properties").unwrap_or(name).split_once('-').map(|(_, id)| id);
    id.is_some_and(|id| id.parse::<u32>().is_ok())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.contains('/')
}

fn manifest(nodes: &[NodeFiles], run: &RunReport) -> String {
    let node = |node: &NodeFiles| NodeJson {
        name: node.name.clone(),
        id: node.id,
        up: node.is_up,
        directory: node.name.clone(),
        properties: format!("{}.properties", node.name),
        files: node.files.len() as u64,
        unreadable: node.unreadable.iter().map(|path| path.to_string()).collect(),
    };
    to_text(&Manifest {
        schema: SCHEMA.to_owned(),
        version: crate::VERSION.to_owned(),
        scenario: run.scenario.clone(),
        seed: show_seed(run.seed),
        digest: show_digest(run.digest),
        at_ns: run.sim_ns,
        nodes: nodes.iter().map(node).collect(),
    })
}

fn problem(folder: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("{}: {}", folder.display(), reason(error)))
}
