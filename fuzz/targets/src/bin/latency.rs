//! Latencies as text and as CSV: a parsed latency keeps its bounds, does not decrease as the draw increases, and prints
//! text that is parsed as equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sim::latency::{Latency, MAX_NS};

fuzz_target!(|text: &str| {
    if let Ok(latency) = Latency::parse(text) {
        assert_eq!(Latency::parse(&latency.to_string()).as_ref(), Ok(&latency));
        bounded(&latency);
    }
    if let Ok(measured) = Latency::from_csv(text) {
        bounded(&measured);
    }
});

fn bounded(latency: &Latency) {
    assert_eq!(latency.check(), Ok(()));
    let draws = (0..=64).map(|bit| u64::MAX.checked_shr(64 - bit).unwrap_or(0));
    let samples: Vec<u64> = draws.map(|draw| latency.sample(draw)).collect();
    assert!(samples.is_sorted() && samples.iter().all(|ns| *ns <= MAX_NS), "{latency:?}: {samples:?}");
}
