//! Progress on stderr: a bar on a terminal, lines elsewhere. Failures always print.

use std::io::Write;
use std::time::Duration;

use fuzz::sweep::SweepProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::ProgressMode;

/// Minimum interval between lines, except after each 5 %.
const SHORTEST: Duration = Duration::from_millis(500);
/// Maximum interval between lines.
const LONGEST: Duration = Duration::from_secs(5);

/// Shows the progress of a sweep.
pub struct Reporter<'a> {
    err: &'a mut dyn Write,
    bar: Option<ProgressBar>,
    lines: Option<Lines>,
}

/// Time and share of the last line.
#[derive(Default)]
struct Lines {
    last: Duration,
    twentieths: u64,
}

impl<'a> Reporter<'a> {
    /// In the requested mode; `Auto` uses the bar on a terminal.
    pub fn new(mode: ProgressMode, err: &'a mut dyn Write) -> Self {
        let drawable = !ProgressDrawTarget::stderr().is_hidden();
        let bar = mode == ProgressMode::Bar || mode == ProgressMode::Auto && drawable;
        let plain = mode == ProgressMode::Plain || mode == ProgressMode::Auto && !drawable;
        // The message is cut to the rest of the line; it needs about 50 columns.
        let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0);
        let template = if width < 72 { "{percent:>3}% {wide_msg}" } else { "{bar:16} {percent:>3}% {wide_msg}" };
        let style = ProgressStyle::with_template(template).expect("a constant template");
        Reporter {
            err,
            bar: bar
                .then(|| ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(10)))
                .map(|bar| bar.with_style(style)),
            lines: plain.then(Lines::default),
        }
    }

    /// Prints a failure, above the bar if there is one.
    pub fn failure(&mut self, text: &str) {
        let err = &mut self.err;
        let mut print = || {
            let _ = writeln!(err, "{text}");
        };
        // `println` of a bar prints nothing if the bar is hidden; `suspend` always does.
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Shows the progress, if the interval has passed.
    pub fn progress(&mut self, progress: &SweepProgress) {
        if let Some(bar) = &self.bar {
            bar.set_position(permille(progress));
            bar.set_message(tail(progress));
        }
        if let Some(lines) = &mut self.lines {
            let since = progress.elapsed.saturating_sub(lines.last);
            let twentieths = permille(progress) / 50;
            let due = twentieths > lines.twentieths && (since >= SHORTEST || twentieths == 20) || since >= LONGEST;
            if due {
                *lines = Lines { last: progress.elapsed, twentieths };
                let _ = writeln!(self.err, "{}", line(progress));
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// `[ 35%] 350/1000 runs, 2 failing, 812 runs/s, eta 8s`.
pub fn line(progress: &SweepProgress) -> String {
    format!("[{:>3}%] {}", permille(progress) / 10, tail(progress))
}

fn tail(progress: &SweepProgress) -> String {
    let total = progress.total.map_or_else(String::new, |total| format!("/{total}"));
    let ms = progress.elapsed.as_millis().max(1);
    let rate = u128::from(progress.runs) * 1000 / ms;
    format!("{}{total} runs, {} failing, {rate} runs/s, eta {}s", progress.runs, progress.failed, eta_seconds(progress))
}

/// The share that is nearer to its end, of runs or of time.
fn permille(progress: &SweepProgress) -> u64 {
    let share = |done: u128, all: u128| u64::try_from(done * 1000 / all.max(1)).unwrap_or(1000).min(1000);
    let by_runs = progress.total.map(|total| share(progress.runs.into(), total.into()));
    let by_time = progress.limit.map(|limit| share(progress.elapsed.as_millis(), limit.as_millis()));
    by_runs.max(by_time).unwrap_or(0)
}

fn eta_seconds(progress: &SweepProgress) -> u128 {
    let by_time = progress.limit.map(|limit| limit.saturating_sub(progress.elapsed).as_millis());
    let left = progress.total.map(|total| u128::from(total.saturating_sub(progress.runs)));
    let by_runs = left.map(|left| left * progress.elapsed.as_millis() / u128::from(progress.runs.max(1)));
    by_runs.into_iter().chain(by_time).min().unwrap_or(0).div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_share_count_failures_rate_and_rest() {
        let progress = SweepProgress {
            runs: 350,
            failed: 2,
            total: Some(1000),
            elapsed: Duration::from_millis(4310),
            limit: None,
        };
        assert_eq!(line(&progress), "[ 35%] 350/1000 runs, 2 failing, 81 runs/s, eta 9s");
        let timed = SweepProgress { total: None, limit: Some(Duration::from_secs(10)), ..progress };
        assert_eq!(line(&timed), "[ 43%] 350 runs, 2 failing, 81 runs/s, eta 6s");
    }
}
