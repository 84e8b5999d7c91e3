//! Histories from outside (EDN, lines of jepsen.util, our JSON): what is read is judged, and what is
//! written of it reads and is judged as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reports::history::{Form, read};
use scenarios::history::judge::{Judgement, Terms, judge};

/// So that no input takes long.
const STEPS: u64 = 20_000;

fuzz_target!(|text: &str| {
    let Ok(history) = read("fuzzed", text, None) else { return };
    let verdict = |judgement: Judgement| match judgement {
        Judgement::Linearizable => "linearizable",
        Judgement::Violated(_) => "violated",
        Judgement::Unknown { .. } => "unknown",
    };
    let (judged, objects) = judge(&history, Terms::strict(STEPS));
    let judged = verdict(judged);
    let written = Form::Json.text(&history);
    let again = read("written.json", &written, None).unwrap_or_else(|problem| panic!("{problem}: {written}"));
    assert_eq!(Form::Json.text(&again), written);
    let (same, as_many) = judge(&again, Terms::strict(STEPS));
    assert_eq!((verdict(same), as_many), (judged, objects));
    // EDN has words for less.
    let _ = Form::Edn.text(&history);
});
