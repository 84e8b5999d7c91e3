//! Histories as files: Jepsen's EDN, the two log formats of porcupine's test data, and our own JSON; the format is
//! detected from the text.

pub mod edn;
pub mod events;
pub mod json;
pub mod text;
pub mod write_edn;

use std::path::Path;

use scenarios::history::{History, Op};

use self::edn::{Edn, Wrong, read_all};
use self::events::{End, FailedCas, LoggedEvent, pair};
use crate::engine::Problem;
use crate::output::OutputTarget;

/// What a history's objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ModelKind {
    /// Keys with strings: get, put, append
    Kv,
    /// Logs whose answers carry offsets: send, poll
    Log,
    /// Registers: read, write, cas
    Register,
}

impl ModelKind {
    fn has(self, op: &Op) -> bool {
        match self {
            ModelKind::Kv => matches!(op, Op::Key { .. }),
            ModelKind::Log => matches!(op, Op::Log { .. }),
            ModelKind::Register => matches!(op, Op::Register { .. }),
        }
    }
}

/// Reads a history, and keeps only the objects of this kind if one is given.
pub fn read(file: &str, text: &str, model: Option<ModelKind>) -> Result<History, Problem> {
    let at_line = |wrong: Wrong| Problem::new(format!("{file}:{}: {}", wrong.line, wrong.what));
    let is_json = text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'));
    let mut history = if is_json {
        json::read(file, text)?
    } else if text.contains(LOGGED) {
        pair(&logged(text).map_err(at_line)?, FailedCas::Mismatch).map_err(at_line)?
    } else if text.trim().is_empty() {
        return Err(Problem::new(format!("{file}: is empty; {WANTED}")));
    } else {
        pair(&maps(text).map_err(at_line)?, FailedCas::NotDone).map_err(at_line)?
    };
    if let Some(model) = model {
        history.operations.retain(|operation| model.has(&operation.op));
    }
    if history.operations.is_empty() {
        return Err(Problem::new(format!("{file}: no operation that could be judged; {WANTED}")));
    }
    Ok(history)
}

/// Formats in which a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Jepsen's EDN
    Edn,
    /// `kraftsim.history.v1`
    Json,
}

impl Form {
    /// The target and format, by the extension of a path; checked before anything is run.
    pub fn target(path: &Path) -> Result<(OutputTarget, Form), Problem> {
        let form = match path.extension().and_then(|ending| ending.to_str()) {
            Some("edn") => Form::Edn,
            Some("json") => Form::Json,
            _ => {
                let what = format!("--history {}: the ending says the form; allowed: .edn, .json", path.display());
                return Err(Problem::new(what));
            }
        };
        Ok((OutputTarget::checked(path)?, form))
    }

    /// The text of a history.
    pub fn text(self, history: &History) -> String {
        match self {
            Form::Edn => write_edn::text(history),
            Form::Json => json::text(history),
        }
    }
}

/// The supported formats.
const WANTED: &str = "allowed: Jepsen's EDN with read, write and cas, with get, put and append and a :key, or with \
                      send, poll and txn; lines of jepsen.util; kraftsim.history.v1";

/// Precedes each event of a log of `jepsen.util`.
const LOGGED: &str = "jepsen.util";

/// `INFO  jepsen.util - 4 :invoke :write 3`, with tabs or blanks between the words.
fn logged(text: &str) -> Result<Vec<LoggedEvent>, Wrong> {
    let mut events = Vec::new();
    for (line, said) in (1..).zip(text.lines()) {
        let Some((_, said)) = said.split_once(LOGGED).and_then(|(_, said)| said.split_once("- ")) else { continue };
        let forms = read_all(said).map_err(|wrong| Wrong { line, what: wrong.what })?;
        let forms: Vec<Edn> = forms.into_iter().map(|(_, form)| form).collect();
        let [process, Edn::Keyword(end), Edn::Keyword(f), value] = forms.as_slice() else {
            return Err(Wrong { line, what: format!("`{}`: process, type, name and value are wanted", said.trim()) });
        };
        let Some(process) = process_of(process) else { continue };
        let end = end_of(end, line)?;
        let (f, key) = (f.clone(), Edn::Nil);
        // `:timed-out` is in place of a value.
        let timed_out = matches!(value, Edn::Keyword(_)) && end != End::Invoke;
        let (end, value) = if timed_out && f != "read" { (End::Info, Edn::Nil) } else { (end, value.clone()) };
        events.push(LoggedEvent { line, process, end, f, key, value, at_ns: None });
    }
    Ok(events)
}

/// Maps with `:process`, `:type`, `:f` and `:value`, one after another or in one list.
fn maps(text: &str) -> Result<Vec<LoggedEvent>, Wrong> {
    let mut forms = read_all(text)?;
    if let [(line, Edn::Vector(_))] = forms.as_slice() {
        let line = *line;
        let Some((_, Edn::Vector(items))) = forms.pop() else { return Ok(Vec::new()) };
        forms = items.into_iter().map(|item| (line, item)).collect();
    }
    let mut events = Vec::new();
    for (line, map) in forms {
        if !matches!(map, Edn::Map(_)) {
            return Err(Wrong { line, what: format!("{} is no map of an event", short(&map)) });
        }
        let Some(process) = process_of(map.get("process")) else {
            match map.get("process") {
                Edn::Nil => return Err(Wrong { line, what: "an event without :process".to_owned() }),
                Edn::Keyword(_) => continue, // :nemesis
                other => return Err(Wrong { line, what: format!("{other} is no :process") }),
            }
        };
        let (Edn::Keyword(end), Edn::Keyword(f)) = (map.get("type"), map.get("f")) else {
            return Err(Wrong { line, what: "an event needs a :type and an :f, which are keywords".to_owned() });
        };
        let at_ns = match map.get("time") {
            Edn::Int(time) => u64::try_from(*time).ok(),
            _ => None,
        };
        events.push(LoggedEvent {
            line,
            process,
            end: end_of(end, line)?,
            f: f.clone(),
            key: map.get("key").clone(),
            value: map.get("value").clone(),
            at_ns,
        });
    }
    Ok(events)
}

fn process_of(process: &Edn) -> Option<u64> {
    match process {
        Edn::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn end_of(name: &str, line: usize) -> Result<End, Wrong> {
    let what = || format!("the type :{name} of an event; allowed: :invoke, :ok, :fail, :info");
    End::of(name).ok_or_else(|| Wrong { line, what: what() })
}

/// The beginning of a form.
fn short(form: &Edn) -> String {
    let text = form.to_string();
    if text.chars().count() <= 40 { text } else { format!("{}…", text.chars().take(40).collect::<String>()) }
}
