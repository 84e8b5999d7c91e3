//! Events as Jepsen writes them, paired to operations: `:invoke`, and `:ok`, `:fail` or `:info`.
//!
//! * register: `:read`, `:write`, `:cas`; if the history has many, with `:key` or `[key value]` for values
//! * keys: `:get`, `:put`, `:append` with `:key`
//! * logs: `:send`, `:poll`, `:txn` of `[:send key value]` and `[:poll …]`, as in Jepsen's Kafka tests
//! * our own: `:topic`, `:broker`, `:producer-id`
//!
//! With `:info`, or without an end, it is unknown whether the operation took effect.

use std::collections::BTreeMap;

use scenarios::history::admin::{AdminOp, Answered};
use scenarios::history::log::LogOp;
use scenarios::history::{History, Op};
use scenarios::wgl::Operation;
use scenarios::wgl::kv::KvOp;
use scenarios::wgl::register::RegisterOp;

use super::edn::{Edn, Wrong};

/// One line of a history.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    /// Its line, from 1.
    pub line: usize,
    /// The process.
    pub process: u64,
    pub end: End,
    /// Name of the operation.
    pub f: String,
    /// Its key, if it is given separately.
    pub key: Edn,
    /// Its value.
    pub value: Edn,
    /// Time, ns, if known.
    pub at_ns: Option<u64>,
}

/// `:type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `:invoke`
    Invoke,
    /// `:ok`
    Ok,
    /// `:fail`
    Fail,
    /// `:info`
    Info,
}

impl End {
    /// By its name.
    pub fn of(name: &str) -> Option<End> {
        Some(match name {
            "invoke" => End::Invoke,
            "ok" => End::Ok,
            "fail" => End::Fail,
            "info" => End::Info,
            _ => return None,
        })
    }
}

/// Meaning of a failed compare-and-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// It found another value.
    Mismatch,
    /// It was not done, for any reason.
    NotDone,
}

/// Pairs events; the position of an event is its index. An unknown name is an error, because its effect on the objects
/// of the other events is unknown.
pub fn pair(events: &[LoggedEvent], failed_cas: FailedCas) -> Result<History, Wrong> {
    let has_keys = events.iter().any(names_key);
    let mut pairs = Pairs { failed_cas, has_keys, open: BTreeMap::new(), history: History::default() };
    for (place, event) in events.iter().enumerate() {
        pairs.take(place as u64, event)?;
    }
    for (called, begun) in std::mem::take(&mut pairs.open).into_values() {
        pairs.finish(called, begun, None)?;
    }
    pairs.history.operations.sort_by_key(|operation| operation.called);
    if events.iter().all(|event| event.at_ns.is_some()) {
        pairs.history.at_ns = events.iter().filter_map(|event| event.at_ns).collect();
    }
    Ok(pairs.history)
}

/// Does a register's event contain its key in its value?
fn names_key(event: &LoggedEvent) -> bool {
    let Edn::Vector(items) = &event.value else { return false };
    match event.f.as_str() {
        "read" | "write" => items.len() == 2,
        "cas" => matches!(items.as_slice(), [_, Edn::Vector(_)]),
        _ => false,
    }
}

struct Pairs<'a> {
    failed_cas: FailedCas,
    has_keys: bool,
    /// The open call of each process, with its position.
    open: BTreeMap<u64, (u64, &'a LoggedEvent)>,
    history: History,
}

/// Names of operations on clients' objects.
const KNOWN: [&str; 12] =
    ["read", "write", "cas", "get", "put", "append", "send", "poll", "txn", "topic", "broker", "producer-id"];

/// Other operations of Jepsen's Kafka clients, which have no effect on a log.
const OF_CONSUMERS: [&str; 4] = ["assign", "subscribe", "crash", "debug-topic-partitions"];

impl<'a> Pairs<'a> {
    fn take(&mut self, place: u64, event: &'a LoggedEvent) -> Result<(), Wrong> {
        if OF_CONSUMERS.contains(&event.f.as_str()) {
            return Ok(());
        }
        if !KNOWN.contains(&event.f.as_str()) {
            return wrong(event, format!(":{} is none of the operations known here: :{}", event.f, KNOWN.join(", :")));
        }
        if event.end == End::Invoke {
            if let Some((_, before)) = self.open.insert(event.process, (place, event)) {
                let what = format!("process {} calls, and its call of line {} is open", event.process, before.line);
                return Err(Wrong { line: event.line, what });
            }
            return Ok(());
        }
        let Some((called, begun)) = self.open.remove(&event.process) else {
            let what = format!("process {} is answered, and has called nothing", event.process);
            return Err(Wrong { line: event.line, what });
        };
        if begun.f != event.f {
            let what = format!(
                "process {} called :{} in line {}, and is answered :{}",
                event.process, begun.f, begun.line, event.f
            );
            return Err(Wrong { line: event.line, what });
        }
        self.finish(called, begun, Some((place, event)))
    }

    /// An operation is complete, or will never be complete.
    fn finish(&mut self, called: u64, begun: &LoggedEvent, ended: Option<(u64, &LoggedEvent)>) -> Result<(), Wrong> {
        let answered = ended.filter(|(_, event)| event.end != End::Info);
        let ops = match begun.f.as_str() {
            "read" | "write" | "cas" => self.on_register(begun, answered.map(|(_, event)| event))?,
            "get" | "put" | "append" => on_key(begun, answered.map(|(_, event)| event))?,
            "send" | "poll" | "txn" => on_logs(begun, answered.map(|(_, event)| event))?,
            _ => vec![of_ours(begun, ended.map(|(_, event)| event))?],
        };
        let (process, returned) = (begun.process, answered.map(|(place, _)| place));
        let operations = ops.into_iter().map(|op| Operation { process, called, returned, op });
        self.history.operations.extend(operations);
        Ok(())
    }

    fn on_register(&self, begun: &LoggedEvent, ended: Option<&LoggedEvent>) -> Result<Vec<Op>, Wrong> {
        let failed = ended.filter(|event| event.end == End::Fail);
        let says = failed.or(ended).unwrap_or(begun);
        // The end of a failed operation repeats the request, or contains the reason.
        let (key, requested) = self.key_and_value(begun)?;
        let register = |op: RegisterOp<String>| vec![Op::Register { name: key.clone(), op }];
        Ok(match begun.f.as_str() {
            "read" if ended.is_none() || failed.is_some() => Vec::new(),
            "read" => register(RegisterOp::Read(value_of(&self.key_and_value(says)?.1))),
            _ if failed.is_some() && (begun.f == "write" || self.failed_cas == FailedCas::NotDone) => Vec::new(),
            "write" => register(RegisterOp::Write(value_of(&requested))),
            _ => {
                let Edn::Vector(both) = &requested else { return wrong(begun, "a :cas needs [from to]") };
                let [from, to] = both.as_slice() else { return wrong(begun, "a :cas needs [from to]") };
                let (from, to) = (value_of(from), value_of(to));
                register(if failed.is_some() { RegisterOp::CasMismatch(from) } else { RegisterOp::Cas(from, to) })
            }
        })
    }

    fn key_and_value(&self, event: &LoggedEvent) -> Result<(String, Edn), Wrong> {
        if event.key != Edn::Nil {
            return Ok((plain(&event.key), event.value.clone()));
        }
        if !self.has_keys {
            return Ok((String::new(), event.value.clone()));
        }
        match &event.value {
            Edn::Vector(both) if both.len() == 2 => Ok((plain(&both[0]), both[1].clone())),
            _ => wrong(event, "others name a key, this has none: [key value] is wanted"),
        }
    }
}

fn wrong<T>(event: &LoggedEvent, what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { line: event.line, what: what.into() })
}

/// A value as text; `None` is nil.
fn value_of(value: &Edn) -> Option<String> {
    (*value != Edn::Nil).then(|| plain(value))
}

/// Texts without quotes.
fn plain(value: &Edn) -> String {
    match value {
        Edn::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

fn on_key(begun: &LoggedEvent, ended: Option<&LoggedEvent>) -> Result<Vec<Op>, Wrong> {
    if begun.key == Edn::Nil {
        return wrong(begun, format!("a :{} needs a :key", begun.f));
    }
    let text = |event: &LoggedEvent| match &event.value {
        Edn::Nil => Ok(String::new()),
        Edn::Text(text) => Ok(text.clone()),
        other => wrong(event, format!("{other} is no text")),
    };
    let op = match (begun.f.as_str(), ended) {
        (_, Some(event)) if event.end == End::Fail => return Ok(Vec::new()),
        ("get", None) => return Ok(Vec::new()),
        ("get", Some(event)) => KvOp::Get(text(event)?),
        ("put", _) => KvOp::Put(text(begun)?),
        _ => KvOp::Append(text(begun)?),
    };
    Ok(vec![Op::Key { name: plain(&begun.key), op }])
}

/// Sends and polls of one event, each of one log.
fn on_logs(begun: &LoggedEvent, ended: Option<&LoggedEvent>) -> Result<Vec<Op>, Wrong> {
    let says = ended.filter(|event| event.end == End::Ok).unwrap_or(begun);
    let failed = ended.is_some_and(|event| event.end == End::Fail);
    let Edn::Vector(steps) = &says.value else { return wrong(says, "a list of [:send …] and [:poll …] is wanted") };
    let mut ops = Vec::new();
    for step in steps {
        let Edn::Vector(words) = step else {
            return wrong(says, format!("{step} is neither [:send …] nor [:poll …]"));
        };
        match words.as_slice() {
            [Edn::Keyword(f), key, value] if f == "send" => ops.push(sent(says, key, value, failed)?),
            [Edn::Keyword(f), ..] if f == "poll" && (ended.is_none() || failed) => {}
            [Edn::Keyword(f)] if f == "poll" => {}
            [Edn::Keyword(f), Edn::Map(polled)] if f == "poll" => {
                for (key, records) in polled {
                    ops.push(read(says, key, records)?);
                }
            }
            _ => return wrong(says, format!("{step} is neither [:send key value] nor [:poll {{key records}}]")),
        }
    }
    Ok(merged(ops))
}

fn sent(event: &LoggedEvent, key: &Edn, value: &Edn, failed: bool) -> Result<Op, Wrong> {
    let (offset, value) = match value {
        Edn::Vector(both) if both.len() == 2 => (Some(&both[0]).filter(|offset| **offset != Edn::Nil), &both[1]),
        value => (None, value),
    };
    let values = vec![value_number(event, value)?];
    let offset = offset.map(|offset| number(event, offset)).transpose()?;
    if offset.is_some_and(|offset| offset.checked_add(1).is_none()) {
        return wrong(event, "no record can have the largest offset");
    }
    let op = if failed { LogOp::Refused { values } } else { LogOp::Append { values, offset } };
    Ok(Op::Log { name: plain(key), op })
}

fn read(event: &LoggedEvent, key: &Edn, records: &Edn) -> Result<Op, Wrong> {
    let Edn::Vector(records) = records else { return wrong(event, format!("{records} is no list of [offset value]")) };
    let record = |record: &Edn| match record {
        Edn::Vector(both) if both.len() == 2 => Ok((number(event, &both[0])?, value_number(event, &both[1])?)),
        other => wrong(event, format!("{other} is no [offset value]")),
    };
    let records = records.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Op::Log { name: plain(key), op: LogOp::Read { records } })
}

/// Joins values that one event sends to one log with consecutive offsets to one append.
fn merged(ops: Vec<Op>) -> Vec<Op> {
    let mut merged: Vec<Op> = Vec::new();
    for op in ops {
        if let (Some(Op::Log { name: last, op: before }), Op::Log { name, op: more }) = (merged.last_mut(), &op)
            && last == name
        {
            match (before, more) {
                (LogOp::Refused { values }, LogOp::Refused { values: more }) => {
                    values.extend(more);
                    continue;
                }
                (LogOp::Append { values, offset: None }, LogOp::Append { values: more, offset: None }) => {
                    values.extend(more);
                    continue;
                }
                (LogOp::Append { values, offset: Some(base) }, LogOp::Append { values: more, offset: Some(next) })
                    if base.checked_add(values.len() as i64) == Some(*next) =>
                {
                    values.extend(more);
                    continue;
                }
                _ => {}
            }
        }
        merged.push(op);
    }
    merged
}

fn number(event: &LoggedEvent, value: &Edn) -> Result<i64, Wrong> {
    match value {
        Edn::Int(number) => Ok(*number),
        other => wrong(event, format!("{other} is no whole number")),
    }
}

fn value_number(event: &LoggedEvent, value: &Edn) -> Result<u64, Wrong> {
    let number = number(event, value)?;
    u64::try_from(number).or_else(|_| wrong(event, format!("{number}: values of a log are whole numbers from 0")))
}

/// Further operations of our own histories.
fn of_ours(begun: &LoggedEvent, ended: Option<&LoggedEvent>) -> Result<Op, Wrong> {
    let says = ended.unwrap_or(begun);
    let name = plain(&begun.key);
    if begun.f == "producer-id" {
        let given = match says.value {
            Edn::Int(id) if says.end == End::Ok => Some(id),
            _ => None,
        };
        return Ok(Op::ProducerId { given });
    }
    let op: Result<AdminOp, _> = serde_json::from_value(says.value.to_json());
    let op = op.or_else(|error| wrong(says, format!("not {{\"asked\" …, \"answered\" …}}: {error}")))?;
    let open = !matches!(says.end, End::Ok | End::Fail);
    if op.answered.is_none() != open {
        return wrong(says, "an answer belongs to :ok and :fail, and only there");
    }
    if matches!(op.answered, Some(Answered::Refused { .. })) != (says.end == End::Fail) {
        return wrong(says, "what is refused is :fail");
    }
    Ok(if begun.f == "topic" { Op::Topic { name, op } } else { Op::Broker { name, op } })
}
