//! A log directory of the file system, whose files are read when they are needed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use scenarios::log_directory::{DurableFiles, METADATA_DIRECTORY};

use crate::engine::Problem;
use crate::input::reason;

const META_PROPERTIES: &str = "meta.properties";

/// See the module's documentation.
#[derive(Debug)]
pub struct LogFolder {
    root: PathBuf,
    /// The verb that reads it, for messages.
    verb: &'static str,
    /// Ascending; its own files and those of its directories.
    paths: Vec<Rc<str>>,
}

impl LogFolder {
    /// Lists a directory. `lost+found`, which only root may list, is left out.
    pub fn open(root: &Path, verb: &'static str) -> Result<LogFolder, Problem> {
        let wrong = |path: &Path, what: &str| Problem::new(format!("{verb}: {}: {what}", path.display()));
        if !root.is_dir() {
            return Err(wrong(root, if root.exists() { "this is a file" } else { "there is no such directory" }));
        }
        let mut paths = BTreeSet::new();
        let mut add = |folder: &Path, prefix: &str| -> Result<Vec<PathBuf>, Problem> {
            let failed = |error: io::Error| wrong(folder, &reason(&error));
            let mut folders = Vec::new();
            for entry in fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                // Kafka's names are ASCII.
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                if path.is_dir() {
                    folders.push(path);
                } else {
                    paths.insert(Rc::from(format!("{prefix}{name}")));
                }
            }
            Ok(folders)
        };
        for folder in add(root, "")? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name != "lost+found" {
                add(&folder, &format!("{name}/"))?;
            }
        }
        Ok(LogFolder { root: root.to_path_buf(), verb, paths: paths.into_iter().collect() })
    }

    /// The problem of a directory in which nothing is Kafka's; it names the directory that was probably meant.
    pub fn without_log(&self) -> Problem {
        let whole = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        let inside = self.paths.iter().filter_map(|path| path.strip_suffix(&format!("/{META_PROPERTIES}")));
        let inside: Vec<&str> = inside.collect();
        let is_partition = self.paths.iter().any(|path| path.ends_with(".log") && !path.contains('/'));
        let hint = match (inside.as_slice(), whole.parent()) {
            ([], Some(parent)) if is_partition => {
                format!("this is the directory of a partition; give the one above, {}", parent.display())
            }
            ([], _) => format!("it has neither {META_PROPERTIES} nor a partition such as {METADATA_DIRECTORY}"),
            (several, _) => format!("it holds several; give one: {}", several.join(", ")),
        };
        Problem::new(format!("{}: {}: this is no log directory: {hint}", self.verb, self.root.display()))
    }
}

impl DurableFiles for LogFolder {
    fn paths(&self) -> Vec<Rc<str>> {
        self.paths.clone()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(path)).ok()
    }

    fn is_unreadable(&self, path: &str) -> bool {
        let is_there = self.paths.binary_search_by(|other| (**other).cmp(path)).is_ok();
        is_there && File::open(self.root.join(path)).is_err()
    }
}
