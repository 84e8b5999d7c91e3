//! ShrinkProgress of shrinking on stderr: one line that changes on a terminal, several lines elsewhere.

use std::io::Write;
use std::time::Duration;

use fuzz::shrink::ShrinkProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::columns::plural;
use crate::args::ProgressMode;

/// Interval between two lines.
const EVERY: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub struct Shrinking<'a> {
    err: &'a mut dyn Write,
    spinner: Option<ProgressBar>,
    last: Option<Duration>,
}

impl<'a> Shrinking<'a> {
    /// In the requested mode; `Auto` uses the changing line on a terminal.
    pub fn new(mode: ProgressMode, err: &'a mut dyn Write) -> Self {
        let drawable = !ProgressDrawTarget::stderr().is_hidden();
        let lines = mode == ProgressMode::Plain || mode == ProgressMode::Auto && !drawable;
        Shrinking { err, spinner: spinner(mode), last: lines.then_some(Duration::ZERO) }
    }

    /// Shows the progress, if the interval has passed.
    pub fn progress(&mut self, progress: &ShrinkProgress) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(line(progress));
            spinner.tick();
        }
        if let Some(last) = &mut self.last
            && progress.elapsed.saturating_sub(*last) >= EVERY
        {
            *last = progress.elapsed;
            let _ = writeln!(self.err, "{}", line(progress));
        }
    }

    /// Removes the line.
    pub fn finish(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

/// The changing line, if it is requested.
pub fn spinner(mode: ProgressMode) -> Option<ProgressBar> {
    let drawable = !ProgressDrawTarget::stderr().is_hidden();
    let draws = mode == ProgressMode::Bar || mode == ProgressMode::Auto && drawable;
    let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("a constant template");
    let target = || ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)).with_style(style);
    draws.then(target)
}

fn line(progress: &ShrinkProgress) -> String {
    let ShrinkProgress { pass, runs, faults, operations, elapsed } = progress;
    let (runs, faults) = (plural(*runs, "run"), plural(*faults as u64, "fault"));
    let operations = plural(*operations as u64, "operation");
    format!("{runs}, {}s: {faults} and {operations} left, trying {pass}", elapsed.as_secs())
}
