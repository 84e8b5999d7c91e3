//! The whole state of servers at an instant: roles, epochs, timers, queues, replicas, and files with what of them is
//! durable.

use raft::message::Value;

use super::moment::ServerNow;
use crate::log_directory::metadata_from;

/// The state of a server's process by role; empty if it is down.
pub fn of_process(server: &ServerNow<'_>) -> Value {
    let described = server.server.and_then(|process| process.described(server.clocks()));
    described.unwrap_or(Value::Struct(Vec::new()))
}

/// The state of a server, with the parts of its process by role, and `files`.
pub fn of_server(server: &ServerNow<'_>) -> Value {
    let mut parts = match of_process(server) {
        Value::Struct(roles) => roles,
        _ => Vec::new(),
    };
    let process = if parts.is_empty() { "down" } else { "up" };
    parts.insert(0, ("process".to_owned(), Value::text(process)));
    parts.push(("uncommittedMetadata".to_owned(), uncommitted(server)));
    parts.push(("files".to_owned(), files(server)));
    Value::Struct(parts)
}

/// Of more uncommitted records than twice this, so many of the first and of the last are shown.
const FEW_RECORDS: usize = 5;

/// The records of its metadata log from its high watermark on; none if it does not know that.
fn uncommitted(server: &ServerNow<'_>) -> Value {
    let Some(high_watermark) = server.high_watermark() else { return Value::Null };
    let mut records = metadata_from(&server.files(), high_watermark);
    if let Some(more) = records.len().checked_sub(2 * FEW_RECORDS).filter(|more| *more > 0) {
        records.splice(FEW_RECORDS..FEW_RECORDS + more, [format!("and {more} more")]);
    }
    Value::List(records.into_iter().map(Value::text).collect())
}

/// Each file with its length, and how much of it a power loss would certainly leave.
fn files(server: &ServerNow<'_>) -> Value {
    let of = |path: std::rc::Rc<str>| {
        let length = server.disk.read(&path).map_or(Value::text("unreadable"), |bytes| Value::count(bytes.len()));
        let durable = Value::count(server.disk.durable_len(&path) as usize);
        (path.to_string(), Value::of([("bytes", length), ("durable", durable)]))
    };
    Value::Struct(server.disk.paths().into_iter().map(of).collect())
}

/// Lines, indented by depth. A struct or list of plain values is one line.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    lines(value, 0, &mut text);
    text
}

fn lines(value: &Value, depth: usize, into: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Struct(fields) => {
            for (name, field) in fields {
                match is_flat(field) {
                    true => *into += &format!("{indent}{name}: {}\n", inline(field)),
                    false => {
                        *into += &format!("{indent}{name}:\n");
                        lines(field, depth + 1, into);
                    }
                }
            }
        }
        Value::List(elements) => elements.iter().for_each(|element| *into += &format!("{indent}{}\n", inline(element))),
        plain => *into += &format!("{indent}{}\n", inline(plain)),
    }
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Struct(_) | Value::List(_))
}

/// Fields of the process itself are a line each; what is small and deep down is one.
fn is_flat(value: &Value) -> bool {
    match value {
        Value::Struct(fields) => fields.len() <= 4 && fields.iter().all(|(_, field)| is_plain(field)),
        Value::List(elements) => elements.iter().all(is_plain),
        _ => true,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        Value::Text(it) => it.clone(),
        Value::List(elements) => format!("[{}]", elements.iter().map(inline).collect::<Vec<String>>().join(", ")),
        Value::Struct(fields) => {
            let fields = fields.iter().map(|(name, field)| format!("{name}={}", inline(field)));
            fields.collect::<Vec<String>>().join(" ")
        }
    }
}

/// What differs, by path: what it was, and is; `None` where there is none.
pub fn difference(before: &Value, after: &Value) -> Vec<(String, Option<String>, Option<String>)> {
    let mut differing = Vec::new();
    compare("", Some(before), Some(after), &mut differing);
    differing
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    into: &mut Vec<(String, Option<String>, Option<String>)>,
) {
    let below = |value: Option<&Value>| match value {
        Some(Value::Struct(fields)) => Some(fields.iter().map(|(name, _)| name.clone()).collect()),
        Some(Value::List(elements)) if !elements.iter().all(is_plain) => {
            Some((0..elements.len()).map(|at| at.to_string()).collect())
        }
        _ => None::<Vec<String>>,
    };
    let mut names = below(before).unwrap_or_default();
    names.extend(below(after).unwrap_or_default());
    if names.is_empty() {
        if before != after {
            into.push((path.to_owned(), before.map(inline), after.map(inline)));
        }
        return;
    }
    names.dedup();
    let mut seen: Vec<&String> = Vec::new();
    for name in &names {
        if !seen.contains(&name) {
            seen.push(name);
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            compare(&path, child(before, name), child(after, name), into);
        }
    }
}

fn child<'a>(value: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    match value? {
        Value::List(elements) => elements.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    }
}
