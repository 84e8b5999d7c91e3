//! Targets of results: stdout, which may be closed early, and files, which are complete or absent.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tempfile::NamedTempFile;

use crate::engine::Problem;
use crate::input::reason;
use crate::show::columns::{DEFAULT_WIDTH, hanging};
use crate::show::waiting::waiting;

/// Results go to `out`, failures and hints to `err`.
pub struct Streams<'a> {
    /// stdout.
    pub out: &'a mut dyn Write,
    /// stderr.
    pub err: &'a mut dyn Write,
    /// The width of results, in columns.
    pub width: usize,
    /// The file of a CI to which job summaries are appended.
    pub step_summary: Option<PathBuf>,
    /// What takes long, until the next output.
    pub waiting: Option<ProgressBar>,
}

impl<'a> Streams<'a> {
    /// Without a terminal or a CI page.
    pub fn plain(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Streams<'a> {
        Streams { out, err, width: DEFAULT_WIDTH, step_summary: None, waiting: None }
    }
}

impl Streams<'_> {
    /// Shows what takes long, until something else is written.
    pub fn wait(&mut self, what: String) {
        self.wait_no_more();
        self.waiting = Some(waiting(what));
    }

    fn wait_no_more(&mut self) {
        self.waiting.take().iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Writes a result. A reader that has closed the pipe (`| head`) is no error and does not change the verdict.
    pub fn result(&mut self, content: &(impl AsRef<[u8]> + ?Sized)) -> Result<(), Problem> {
        self.wait_no_more();
        match self.out.write_all(content.as_ref()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Problem::new(format!("standard output: {}", reason(&error))))
            }
            _ => Ok(()),
        }
    }

    /// Writes a note, as wide as the results.
    pub fn note(&mut self, text: &str) {
        let text = note(self.width, text);
        self.hint(&text);
    }

    /// Writes a hint or a failure; an error of this is ignored, because it could not be reported.
    pub fn hint(&mut self, text: &str) {
        self.wait_no_more();
        let _ = writeln!(self.err, "{text}");
    }
}

/// `note: TEXT`, without a trailing newline.
pub fn note(width: usize, text: &str) -> String {
    hanging(width, "note:", 2, text).trim_end().to_owned()
}

/// The target of `--json` and `-o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputTarget {
    /// `-`.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl OutputTarget {
    /// The target of a flag, checked before anything is run.
    pub fn checked(path: &Path) -> Result<OutputTarget, Problem> {
        if path == Path::new("-") {
            return Ok(OutputTarget::Stdout);
        }
        if path.is_dir() {
            return Err(Problem::new(format!("{} is a folder, not a file to write", path.display())));
        }
        if path.file_name().is_none() {
            return Err(Problem::new(format!("{} is not the name of a file", path.display())));
        }
        if is_special(path) {
            return Ok(OutputTarget::File(path.to_path_buf()));
        }
        let folder = folder_of(path);
        if !folder.exists() {
            return Err(Problem::new(format!("{}: there is no folder {}", path.display(), folder.display())));
        }
        check_folder(folder)?;
        Ok(OutputTarget::File(path.to_path_buf()))
    }

    /// Refuses two flags with the same target; files of the system, such as /dev/null, may be shared.
    pub fn distinct(targets: &[(&str, Option<&OutputTarget>)]) -> Result<(), Problem> {
        let is_shared = |target: &OutputTarget| matches!(target, OutputTarget::File(path) if is_special(path));
        for (index, (flag, target)) in targets.iter().enumerate() {
            let Some(target) = target.filter(|target| !is_shared(target)) else { continue };
            let Some((other, _)) = targets[..index].iter().find(|(_, other)| *other == Some(target)) else { continue };
            return Err(Problem::new(format!("{other} and {flag} name the same target: give each its own")));
        }
        Ok(())
    }

    /// Writes all of it.
    pub fn write(&self, content: &(impl AsRef<[u8]> + ?Sized), streams: &mut Streams<'_>) -> Result<(), Problem> {
        match self {
            OutputTarget::Stdout => streams.result(content),
            OutputTarget::File(path) => write_whole(path, content),
        }
    }
}

/// Can files be created here, possibly after creating the missing folders?
pub fn check_folder(folder: &Path) -> Result<(), Problem> {
    let there = folder.ancestors().map(or_here).find(|f| f.exists()).unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(Problem::new(format!("{} is not a folder", there.display())));
    }
    temporary(there)
        .map(|_| ())
        .map_err(|error| Problem::new(format!("{} cannot be written to: {}", there.display(), reason(&error))))
}

/// A device or a pipe, such as `/dev/stderr` or the file of a shell's `>(command)`.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Writes a file under a temporary name and renames it, so that it is complete or absent, even if the machine
/// stops. A device is written to directly: a rename would replace it.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Problem> {
    if is_special(path) {
        return fs::write(path, content)
            .map_err(|error| Problem::new(format!("{}: {}", path.display(), reason(&error))));
    }
    let write = || {
        fs::create_dir_all(folder_of(path))?;
        let mut file = temporary(folder_of(path))?;
        file.write_all(content.as_ref())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error: io::Error| Problem::new(format!("{}: {}", path.display(), reason(&error))))
}

fn folder_of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

/// The parent of a bare name is empty, and means the current folder.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// A file that is deleted when it is dropped, with the permissions of a new one.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".kraftsim-").tempfile_in(folder)
}
