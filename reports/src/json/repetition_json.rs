//! What a run that did not recover repeated since its faults ended, in the JSON of `replay` and `why`.

use scenarios::trace::Repetition;
use serde::Serialize;

/// See [`Repetition`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepetitionJson {
    pub what: String,
    pub count: usize,
    pub first_ns: u64,
    pub last_ns: u64,
}

impl From<&Repetition> for RepetitionJson {
    fn from(of: &Repetition) -> Self {
        RepetitionJson { what: of.what.clone(), count: of.count, first_ns: of.first_ns, last_ns: of.last_ns }
    }
}
