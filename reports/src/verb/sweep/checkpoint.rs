//! `--checkpoint`: a sweep that continues where an earlier start of the same command ended for any reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fuzz::aggregate::{Subject, SweepReport};
use fuzz::merge::difference_of_subjects;
use fuzz::stopwatch::Stopwatch;

use crate::engine::Problem;
use crate::input::read_text;
use crate::json::checkpoint_json;
use crate::output::{OutputTarget, write_whole};

/// Maximum interval between checkpoints; the first ones are written after 1, 2, 4, 8, ... seconds.
const LONGEST: Duration = Duration::from_secs(30);
const SHORTEST: Duration = Duration::from_secs(1);

/// The flags that decide the runs and the end of the sweep, with their values.
pub type Flags = BTreeMap<String, String>;

/// The file and its contents.
pub struct Checkpoint {
    path: PathBuf,
    flags: Flags,
    /// The sums of earlier starts.
    pub before: Option<SweepReport>,
    /// Was nothing left to run?
    pub finished: bool,
    clock: Stopwatch,
    /// Time of the last write, by the clock.
    written: Duration,
}

impl Checkpoint {
    /// Reads the file, if it exists. It must be of the same sweep.
    pub fn open(path: &Path, flags: Flags, subject: &Subject) -> Result<Checkpoint, Problem> {
        if OutputTarget::checked(path)? == OutputTarget::Stdout || path.exists() && !path.is_file() {
            return Err(Problem::new(format!("--checkpoint: {} is no file", path.display())));
        }
        let (clock, written) = (Stopwatch::start(), Duration::ZERO);
        let path = path.to_path_buf();
        if !path.exists() {
            return Ok(Checkpoint { path, flags, before: None, finished: false, clock, written });
        }
        let file = path.display().to_string();
        let stored = checkpoint_json::read(&file, &read_text(&path)?)?;
        let difference = difference_of_subjects(&stored.report.subject, subject)
            .map(|(what, of_file, now)| (what.to_owned(), of_file, now))
            .or_else(|| difference_of_flags(&stored.flags, &flags));
        if let Some((what, of_file, now)) = difference {
            return Err(Problem::new(format!(
                "{file} is the checkpoint of another sweep: {what} was {of_file} and is {now}; give the same command, \
                 or remove the file to start over"
            )));
        }
        Ok(Checkpoint { path, flags, before: Some(stored.report), finished: stored.finished, clock, written })
    }

    /// Its name in messages.
    pub fn file(&self) -> String {
        self.path.display().to_string()
    }

    /// Is it time to write it?
    pub fn is_due(&self) -> bool {
        self.clock.elapsed() >= self.written + self.written.clamp(SHORTEST, LONGEST)
    }

    /// Writes the sums of all starts.
    pub fn write(&mut self, whole: &SweepReport, finished: bool) -> Result<(), Problem> {
        self.written = self.clock.elapsed();
        write_whole(&self.path, checkpoint_json::text(&self.flags, whole, finished))
    }
}

fn difference_of_flags(of_file: &Flags, now: &Flags) -> Option<(String, String, String)> {
    let none = || "absent".to_owned();
    let value = |flags: &Flags, flag: &str| flags.get(flag).cloned().unwrap_or_else(none);
    let flag = now.keys().chain(of_file.keys()).find(|flag| now.get(*flag) != of_file.get(*flag))?;
    Some((flag.clone(), value(of_file, flag), value(now, flag)))
}
