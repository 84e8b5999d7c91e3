//! External histories (EDN, lines of jepsen.util, our JSON): a parsed history is checked, and its encoded form is
//! parsed and checked with the same result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reports::history::{Form, read};
use scenarios::history::judge::{Judgement, Terms, judge};

/// Limit of search steps, so that no input takes long.
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
    // EDN can express less.
    let _ = Form::Edn.text(&history);
});
