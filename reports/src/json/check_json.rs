//! `kraftsim.check.v1`.

use scenarios::history::judge::Finding;
use scenarios::history::{History, Op};
use serde::Serialize;

use super::Seconds;
use crate::history::text::words;

/// The file.
#[derive(Debug, Serialize)]
pub struct CheckJson {
    /// [`CheckJson::SCHEMA`].
    pub schema: &'static str,
    /// `linearizable`, `violated` or `unknown`.
    pub verdict: &'static str,
    /// Number of operations read.
    pub operations: usize,
    /// Number of objects that were checked separately.
    pub partitions: usize,
    /// Time without reading the file.
    pub wall_seconds: Seconds,
    /// Present for a violation.
    pub witness: Option<WitnessJson>,
}

impl CheckJson {
    /// The schema's id.
    pub const SCHEMA: &'static str = "kraftsim.check.v1";
}

/// Why a history is not linearizable.
#[derive(Debug, Serialize)]
pub struct WitnessJson {
    object: String,
    why: Option<String>,
    /// Operations in an order that explains every response before that of `stuck`; if `why` is given, the operations
    /// that contradict it.
    prefix: Vec<StepJson>,
    stuck: StepJson,
}

#[derive(Debug, Serialize)]
struct StepJson {
    process: u64,
    called: u64,
    returned: Option<u64>,
    said: String,
    on: Op,
}

impl WitnessJson {
    /// In words and as data.
    pub fn of(finding: &Finding, history: &History) -> WitnessJson {
        let step = |place: usize| {
            let operation = &history.operations[place];
            StepJson {
                process: operation.process,
                called: operation.called,
                returned: operation.returned,
                said: words(&operation.op),
                on: operation.op.clone(),
            }
        };
        WitnessJson {
            object: finding.object.clone(),
            why: finding.why.clone(),
            prefix: finding.prefix.iter().map(|place| step(*place)).collect(),
            stuck: step(finding.stuck),
        }
    }
}
