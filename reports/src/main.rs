//! The kraftsim command.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reports::catalog::Catalog;
use reports::output::Streams;
use reports::{exit, verb};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // The first Ctrl-C ends a sweep after the runs it is in, the second ends it at once.
    let heard = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
    });
    if let Err(error) = heard {
        eprintln!("note: Ctrl-C will not be answered with partial results: {error}");
    }
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut streams = Streams { out: &mut io::stdout(), err: &mut io::stderr() };
    ExitCode::from(verb::run(&words, &Catalog, &interrupted, &mut streams))
}
