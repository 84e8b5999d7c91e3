//! The command line, one word per line: accepted, or rejected with one message.
#![no_main]

use clap::Parser as _;
use libfuzzer_sys::fuzz_target;
use reports::args::Cli;

fuzz_target!(|text: &str| {
    let words = std::iter::once("kraftsim").chain(text.lines());
    if let Err(error) = Cli::try_parse_from(words) {
        assert!(!error.render().to_string().trim().is_empty());
    }
});
