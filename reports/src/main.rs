//! The kraftsim command.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reports::catalog::Catalog;
use reports::output::Streams;
use reports::show::columns::width_of_stdout;
use reports::show::step_summary;
use reports::{exit, verb};
use signal_hook::{consts, flag};

/// A CI ends a cancelled or timed out step by SIGINT or SIGTERM; a closed terminal sends SIGHUP.
#[cfg(unix)]
const ENDING: [i32; 3] = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP];
#[cfg(not(unix))]
const ENDING: [i32; 2] = [consts::SIGINT, consts::SIGTERM];

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    if let Err(error) = answer_signals(&interrupted) {
        eprintln!("note: signals are not answered with partial results: {error}");
    }
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let width = width_of_stdout();
    let step_summary = step_summary::file();
    let mut streams = Streams { out: &mut io::stdout(), err: &mut io::stderr(), width, step_summary, waiting: None };
    ExitCode::from(verb::run(&words, &Catalog, &interrupted, &mut streams))
}

/// The first signal ends a sweep after the runs that have begun, the second one ends the process immediately.
fn answer_signals(interrupted: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
        // In this order: the shutdown reads the flag, which the second action sets.
        flag::register_conditional_shutdown(signal, i32::from(exit::INTERRUPTED), Arc::clone(interrupted))?;
        flag::register(signal, Arc::clone(interrupted))?;
    }
    Ok(())
}

/// Was the process started with this signal ignored, as `nohup` does with SIGHUP? Then it stays ignored.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
