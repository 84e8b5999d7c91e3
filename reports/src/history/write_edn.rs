//! Writes a history in Jepsen's format: one map for each call and each response.

use std::fmt::Write;

use scenarios::history::admin::{AdminOp, Answered};
use scenarios::history::log::LogOp;
use scenarios::history::{History, Op};
use scenarios::wgl::kv::KvOp;
use scenarios::wgl::register::RegisterOp;

use super::edn::Edn;

/// The text of a history, in the order of calls and responses.
pub fn text(history: &History) -> String {
    let mut ends: Vec<(u64, usize, bool)> = Vec::new();
    for (number, operation) in history.operations.iter().enumerate() {
        ends.push((operation.called, number, false));
        ends.extend(operation.returned.map(|returned| (returned, number, true)));
    }
    ends.sort_unstable();
    let mut text = String::new();
    for (index, (place, number, is_answer)) in ends.into_iter().enumerate() {
        let operation = &history.operations[number];
        let time = history.time_ns(place).map(|ns| format!(", :time {ns}")).unwrap_or_default();
        let Said { f, key, requested, answered, failed } = Said::of(&operation.op);
        let (end, value) = match (is_answer, failed) {
            (false, _) => ("invoke", requested),
            (true, false) => ("ok", answered),
            (true, true) => ("fail", answered),
        };
        let key = key.map(|key| format!(", :key {}", Edn::Text(key))).unwrap_or_default();
        let process = operation.process;
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{{:index {index}{time}, :type :{end}, :process {process}, :f :{f}{key}, :value {value}}}");
    }
    text
}

/// The words of an operation.
struct Said {
    f: &'static str,
    key: Option<String>,
    requested: Edn,
    answered: Edn,
    failed: bool,
}

impl Said {
    fn of(op: &Op) -> Said {
        match op {
            Op::Register { name, op } => on_register(name, op),
            Op::Key { name, op } => on_key(name, op),
            Op::Log { name, op } => on_log(name, op),
            Op::Topic { name, op } => on_resource("topic", name, op),
            Op::Broker { name, op } => on_resource("broker", name, op),
            Op::ProducerId { given } => {
                let answered = given.map_or(Edn::Nil, Edn::Int);
                Said { f: "producer-id", key: None, requested: Edn::Nil, answered, failed: given.is_none() }
            }
        }
    }
}

fn on_register(name: &str, op: &RegisterOp<String>) -> Said {
    let value = |value: &Option<String>| value.clone().map_or(Edn::Nil, Edn::Text);
    let keyed = |value: Edn| if name.is_empty() { value } else { Edn::Vector(vec![Edn::Text(name.to_owned()), value]) };
    let both = |from: &Option<String>, to: Edn| Edn::Vector(vec![value(from), to]);
    let (f, requested, answered, failed) = match op {
        RegisterOp::Read(found) => ("read", Edn::Nil, value(found), false),
        RegisterOp::Write(written) => ("write", value(written), value(written), false),
        RegisterOp::Cas(from, to) => ("cas", both(from, value(to)), both(from, value(to)), false),
        RegisterOp::CasMismatch(from) => ("cas", both(from, Edn::Nil), both(from, Edn::Nil), true),
    };
    Said { f, key: None, requested: keyed(requested), answered: keyed(answered), failed }
}

fn on_key(name: &str, op: &KvOp) -> Said {
    let (f, requested, answered) = match op {
        KvOp::Get(found) => ("get", Edn::Nil, Edn::Text(found.clone())),
        KvOp::Put(value) => ("put", Edn::Text(value.clone()), Edn::Text(value.clone())),
        KvOp::Append(value) => ("append", Edn::Text(value.clone()), Edn::Text(value.clone())),
    };
    Said { f, key: Some(name.to_owned()), requested, answered, failed: false }
}

/// In the format of Jepsen's Kafka tests.
fn on_log(name: &str, op: &LogOp) -> Said {
    let key = || Edn::Text(name.to_owned());
    let number = |value: &u64| Edn::Int(i64::try_from(*value).unwrap_or(i64::MAX));
    let step = |f: &str, more: Vec<Edn>| Edn::Vector(std::iter::once(Edn::Keyword(f.to_owned())).chain(more).collect());
    let sends = |values: &[u64]| Edn::Vector(values.iter().map(|v| step("send", vec![key(), number(v)])).collect());
    match op {
        LogOp::Append { values, offset } => {
            let reported = |(place, value): (i64, &u64)| {
                let value = match offset {
                    Some(base) => Edn::Vector(vec![Edn::Int(base + place), number(value)]),
                    None => number(value),
                };
                step("send", vec![key(), value])
            };
            let answered = Edn::Vector((0..).zip(values).map(reported).collect());
            Said { f: "send", key: None, requested: sends(values), answered, failed: false }
        }
        LogOp::Refused { values } => {
            Said { f: "send", key: None, requested: sends(values), answered: sends(values), failed: true }
        }
        LogOp::Read { records } => {
            let record = |(offset, value): &(i64, u64)| Edn::Vector(vec![Edn::Int(*offset), number(value)]);
            let records = Edn::Vector(records.iter().map(record).collect());
            let answered = Edn::Vector(vec![step("poll", vec![Edn::Map(vec![(key(), records)])])]);
            Said {
                f: "poll",
                key: None,
                requested: Edn::Vector(vec![step("poll", Vec::new())]),
                answered,
                failed: false,
            }
        }
    }
}

fn on_resource(f: &'static str, name: &str, op: &AdminOp) -> Said {
    let text = |op: &AdminOp| Edn::from_json(&serde_json::to_value(op).expect("plain data"));
    let requested = text(&AdminOp { requested: op.requested.clone(), answered: None });
    let failed = matches!(op.answered, Some(Answered::Refused { .. }));
    Said { f, key: Some(name.to_owned()), requested, answered: text(op), failed }
}
