//! WhyProgress of `why` on stderr: one line that changes on a terminal, several lines elsewhere.

use std::io::Write;
use std::time::Duration;

use fuzz::stopwatch::Stopwatch;
use fuzz::why::WhyProgress;
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::shrinking::spinner;
use crate::args::ProgressMode;

/// Interval between two lines.
const EVERY: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub struct Looking<'a> {
    err: &'a mut dyn Write,
    spinner: Option<ProgressBar>,
    lines: bool,
    clock: Stopwatch,
    last: Duration,
}

impl<'a> Looking<'a> {
    /// In the requested mode; `Auto` uses the changing line on a terminal.
    pub fn new(mode: ProgressMode, err: &'a mut dyn Write) -> Self {
        let drawable = !ProgressDrawTarget::stderr().is_hidden();
        let lines = mode == ProgressMode::Plain || mode == ProgressMode::Auto && !drawable;
        Looking { err, spinner: spinner(mode), lines, clock: Stopwatch::start(), last: Duration::ZERO }
    }

    /// Shows the progress, if the interval has passed.
    pub fn progress(&mut self, progress: WhyProgress) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(line(progress));
            spinner.tick();
        }
        let elapsed = self.clock.elapsed();
        if self.lines && elapsed.saturating_sub(self.last) >= EVERY {
            self.last = elapsed;
            let _ = writeln!(self.err, "{}s: {}", elapsed.as_secs(), line(progress));
        }
    }

    /// Removes the line.
    pub fn finish(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

fn line(progress: WhyProgress) -> String {
    match progress {
        WhyProgress::Turning => "searching for the point of no return".to_owned(),
        WhyProgress::Fault(index, of) => format!("trying without fault {index} of {of}"),
        WhyProgress::Operation(index, of) => format!("trying without operation {index} of {of}"),
        WhyProgress::Chain => "building the causal chain".to_owned(),
    }
}
