//! `kraftsim.history.v1`.

use scenarios::history::log::LogOp;
use scenarios::history::{History, Op};
use scenarios::wgl::Operation;
use serde::{Deserialize, Serialize};

use crate::engine::Problem;
use crate::json::{reading, to_text};

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.history.v1";

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryJson {
    schema: String,
    operations: Vec<OperationJson>,
}

/// An operation. Calls and responses are numbered together, in their order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationJson {
    process: u64,
    called: u64,
    returned: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned_ns: Option<u64>,
    on: Op,
}

/// The text of a history.
pub fn text(history: &History) -> String {
    let operation = |of: &Operation<Op>| OperationJson {
        process: of.process,
        called: of.called,
        returned: of.returned,
        called_ns: history.time_ns(of.called),
        returned_ns: of.returned.and_then(|place| history.time_ns(place)),
        on: of.op.clone(),
    };
    let operations = history.operations.iter().map(operation).collect();
    to_text(&HistoryJson { schema: SCHEMA.to_owned(), operations })
}

/// Reads a history.
pub fn read(file: &str, text: &str) -> Result<History, Problem> {
    let json: HistoryJson = reading::read(file, text, SCHEMA)?;
    let wrong = |place: usize, field: &str, what: &str| {
        let problem = Problem::at(format!("/operations/{place}/{field}"), what);
        Err(reading::in_file(problem, file, text))
    };
    let mut ends = std::collections::BTreeSet::new();
    for (place, operation) in json.operations.iter().enumerate() {
        if operation.called == u64::MAX || operation.returned == Some(u64::MAX) {
            return wrong(place, "called", "no number is larger than all others");
        }
        if let Op::Log { op: LogOp::Append { values, offset: Some(offset) }, .. } = &operation.on
            && offset.checked_add_unsigned(values.len() as u64).is_none()
        {
            return wrong(place, "on", "its offset leaves no room for its values");
        }
        if operation.returned.is_some_and(|returned| returned <= operation.called) {
            return wrong(place, "returned", "it returned before it was called");
        }
        if !ends.insert(operation.called) {
            return wrong(place, "called", "another call or answer has this number");
        }
        if operation.returned.is_some_and(|returned| !ends.insert(returned)) {
            return wrong(place, "returned", "another call or answer has this number");
        }
    }
    let at_ns = times(&json.operations, ends.len());
    let operation =
        |of: OperationJson| Operation { process: of.process, called: of.called, returned: of.returned, op: of.on };
    let mut operations: Vec<Operation<Op>> = json.operations.into_iter().map(operation).collect();
    operations.sort_by_key(|operation| operation.called);
    Ok(History { operations, at_ns })
}

/// The time of each call and response, if all are given without gaps.
fn times(operations: &[OperationJson], ends: usize) -> Vec<u64> {
    let called = operations.iter().map(|of| (of.called, of.called_ns));
    let returned = operations.iter().filter_map(|of| Some((of.returned?, of.returned_ns)));
    let mut times: Vec<(u64, Option<u64>)> = called.chain(returned).collect();
    times.sort_unstable();
    let is_dense = times.last().is_some_and(|(last, _)| usize::try_from(*last).is_ok_and(|last| last + 1 == ends));
    let reported: Option<Vec<u64>> = times.into_iter().map(|(_, at_ns)| at_ns).collect();
    reported.filter(|_| is_dense).unwrap_or_default()
}
