//! The trace of a run: the inputs, effects and observations of each node, and their causes, one line each.
//!
//! * [`dialogue`]: what one raft client received and requested; [`controller`]: the same of a `QuorumController`,
//!   [`client`]: of a producer or consumer, [`partition`]: of a broker's replica
//! * `line`: one line; `graph`: a trace; `recorder`: the listener that records it
//! * [`shown`]: a line's fields by name; [`said`]: observations of nodes; [`text`]: a line as text;
//!   `state_change`: changes of state; `repetition`: what a run repeats that does not recover

pub mod client;
pub mod controller;
pub mod dialogue;
mod graph;
mod line;
pub mod partition;
mod recorder;
mod repetition;
pub mod said;
pub mod shown;
mod state_change;
pub mod text;
mod violation;

pub use raft::message::{Value, api_names};

use crate::report::RunReport;
use crate::run::Request;
use crate::run::listener::listen;
pub use graph::{Relation, Trace, touched};
pub use line::{DiskAccess, Line, LineId, Stage, What};
use recorder::Recorder;
pub use repetition::Repetition;
pub use state_change::StateChange;

impl Trace {
    /// Runs a request on the bare loop and records its trace.
    pub fn of(request: &Request<'_>) -> Result<(RunReport, Trace), String> {
        let (report, recorder, topics) = listen(request, Recorder::new)?;
        let names = request.scenario.clients.topics().names;
        let client_topics = names.iter().map(|name| name.to_string()).collect();
        let mut trace = Trace { topics, client_topics, ..recorder.into_trace() };
        trace.find_cause_in_step_before();
        Ok((report, trace))
    }
}
