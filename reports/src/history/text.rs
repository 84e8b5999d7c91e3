//! Operations as text.

use scenarios::history::admin::{AdminAction, AdminOp, Answered};
use scenarios::history::log::LogOp;
use scenarios::history::{History, Op};
use scenarios::wgl::kv::KvOp;
use scenarios::wgl::register::RegisterOp;

/// Longer texts are cut.
const LONGEST: usize = 60;
/// Maximum number of records of a log that are shown.
const RECORDS: usize = 6;

/// One operation, with its call and response as the numbers of events from 1.
pub fn operation(history: &History, place: usize) -> String {
    let operation = &history.operations[place];
    let ended = match operation.returned {
        Some(returned) => format!("{}", returned + 1),
        None => "…".to_owned(),
    };
    let time = history.time_ns(operation.called).map(|ns| format!(", {}", time(ns))).unwrap_or_default();
    format!(
        "process {}  {}  (events {} to {ended}{time})",
        operation.process,
        words(&operation.op),
        operation.called + 1
    )
}

fn time(ns: u64) -> String {
    sim::duration::show_us(ns / 1_000)
}

/// The request and the response, without the object.
pub fn words(op: &Op) -> String {
    match op {
        Op::Register { op, .. } => register(op),
        Op::Key { op, .. } => match op {
            KvOp::Get(value) => format!("gets {}", quoted(value)),
            KvOp::Put(value) => format!("puts {}", quoted(value)),
            KvOp::Append(value) => format!("appends {}", quoted(value)),
        },
        Op::Log { op, .. } => log(op),
        Op::Topic { op, .. } | Op::Broker { op, .. } => admin(op),
        Op::ProducerId { given: Some(id) } => format!("is given producer id {id}"),
        Op::ProducerId { given: None } => "is given no producer id".to_owned(),
    }
}

fn register(op: &RegisterOp<String>) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nil".to_owned());
    match op {
        RegisterOp::Read(found) => format!("reads {}", value(found)),
        RegisterOp::Write(written) => format!("writes {}", value(written)),
        RegisterOp::Cas(from, to) => format!("finds {} and writes {}", value(from), value(to)),
        RegisterOp::CasMismatch(from) => format!("does not find {}", value(from)),
    }
}

fn log(op: &LogOp) -> String {
    let list = |values: &[u64]| listed(values.iter().map(u64::to_string), values.len());
    match op {
        LogOp::Append { values, offset: Some(offset) } => format!("appends {} at offset {offset}", list(values)),
        LogOp::Append { values, offset: None } => format!("appends {}", list(values)),
        LogOp::Refused { values } => format!("is refused to append {}", list(values)),
        LogOp::Read { records } => {
            let shown = records.iter().map(|(offset, value)| format!("{offset}: {value}"));
            format!("reads {}", listed(shown, records.len()))
        }
    }
}

fn listed(items: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<String> = items.take(RECORDS).collect();
    let more = count.saturating_sub(RECORDS);
    if more == 0 { format!("[{}]", shown.join(", ")) } else { format!("[{}, and {more} more]", shown.join(", ")) }
}

fn admin(op: &AdminOp) -> String {
    let requested = match &op.requested {
        AdminAction::Create { partitions: Some(partitions), .. } => format!("create it with {partitions} partitions"),
        AdminAction::Create { partitions: None, .. } => "create it".to_owned(),
        AdminAction::Delete => "delete it".to_owned(),
        AdminAction::Grow { partitions } => format!("grow it to {partitions} partitions"),
        AdminAction::Alter(changes) => format!("alter {changes:?}"),
        AdminAction::Describe => "describe it".to_owned(),
    };
    let answered = match &op.answered {
        None => "no answer".to_owned(),
        Some(Answered::Done { id: Some(id) }) => format!("done, id {id}"),
        Some(Answered::Done { id: None }) => "done".to_owned(),
        Some(Answered::Described(configs)) => format!("{configs:?}"),
        Some(Answered::Refused { error }) => format!("refused, {error}"),
    };
    format!("asks to {requested}: {answered}")
}

fn quoted(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let end: Vec<char> = text.chars().rev().take(LONGEST).collect();
    format!("…{:?}", end.into_iter().rev().collect::<String>())
}
