//! What a run that did not recover repeated, as text.

use scenarios::trace::Repetition;
use sim::duration::in_words;

/// One line each.
pub fn texts(all: &[Repetition]) -> Vec<String> {
    let text = |of: &Repetition| {
        let (count, from, to) = (of.count, in_words(of.first_ns), in_words(of.last_ns));
        format!("{count} times since all faults ended, from {from} to {to}: {}", of.what)
    };
    all.iter().map(text).collect()
}
