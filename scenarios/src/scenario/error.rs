//! The error message for an invalid scenario, with the place in the file. `plain`: serde's messages in plain words.

pub mod plain;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use self::plain::{Why, one_of};
use super::reference;

/// What is wrong with a scenario: `FILE:LINE: WHAT`, with the allowed values if they are few.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(pub String);

impl From<raft::config::ConfigErrors> for ScenarioError {
    fn from(error: raft::config::ConfigErrors) -> ScenarioError {
        ScenarioError(error.to_string())
    }
}

/// A value that can be read but is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub path: String,
    /// What is wrong, and what is allowed; starts with ` = VALUE` if the message shows the value.
    pub problem: String,
}

impl Refusal {
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Refusal {
        Refusal { path: path.into(), problem: problem.into() }
    }

    /// The message for a file; the line is that of the field, or of the nearest table around it.
    pub fn in_file(&self, file: &str, text: &str) -> ScenarioError {
        let at = line_of(text, &self.path).map(|line| format!(":{line}")).unwrap_or_default();
        ScenarioError(format!("{file}{at}: {}", self.message()))
    }

    /// The message if there is no file.
    pub fn message(&self) -> String {
        let separator = if self.problem.starts_with(" = ") { "" } else { ": " };
        format!("{}{separator}{}", self.path, self.problem)
    }
}

/// The message for text that is not a scenario: the field where reading it ended, and what is allowed there.
pub(crate) fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> ScenarioError {
    let at = error.span().map(|span| format!(":{}", line_at(text, span.start))).unwrap_or_default();
    let place = error.span().and_then(|span| {
        let root = DeTable::parse(text).ok()?;
        place(root.get_ref(), span.start, "")
    });
    // The whole text lacks a field: its first byte may belong to another one.
    let is_root = |place: &Place| {
        let lacks = matches!(Why::of(error.message()), Why::MissingField { .. });
        lacks && error.span().is_some_and(|span| span.start == 0 && place.value.as_ref() != Some(&span))
    };
    let place = place.filter(|place| !is_root(place));
    let is_about_value = matches!(Why::of(error.message()), Why::Type { .. } | Why::UnknownName { .. } | Why::Other(_));
    let problem = match place {
        Some(Place { path, value: Some(value) }) if is_about_value => {
            let value = text.get(value).unwrap_or_default();
            let allowed = reference::allowed(&path).map(|allowed| format!("; allowed: {allowed}"));
            if value.starts_with("[[") {
                format!("{path}: [[{path}]] makes a list of tables{}, [{path}]", allowed.unwrap_or_default())
            } else if holds_properties(&path) {
                // The value, and serde's message about it, may contain a secret.
                let of_property = || "; allowed: a text, an integer, true or false".to_owned();
                let allowed = allowed.unwrap_or_else(of_property);
                format!("{path}: the value is of another type{allowed}")
            } else {
                let shown = if value.contains('\n') { String::new() } else { format!(" = {value}") };
                format!("{path}{shown}: {}", not_allowed(&path, error.message()))
            }
        }
        Some(Place { path, .. }) => not_allowed(&path, error.message()),
        None => not_allowed("", error.message()),
    };
    ScenarioError(format!("{file}{at}: {problem}"))
}

/// Whether the value of this field is Kafka properties, or a table with some.
pub(crate) fn holds_properties(path: &str) -> bool {
    let tables = ["cluster.config", "cluster.node", "clients.config"];
    tables.iter().any(|table| path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Serde's message about a field's value, with what the reference of fields allows.
pub(crate) fn not_allowed(path: &str, message: &str) -> String {
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match Why::of(message) {
        Why::Type { found, allowed } => format!("{found}; allowed: {}", reference::allowed(path).unwrap_or(allowed)),
        Why::UnknownField { name, allowed } => {
            // The message may refer to the field itself, one below it, or the table around it.
            let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
            let is_named = |outer: &&str| outer.strip_suffix(&name).is_some_and(|o| o.is_empty() || o.ends_with('.'));
            let path = ends.map(|end| &path[..end]).rfind(is_named).map_or_else(|| child(&name), str::to_owned);
            format!("{path}: no such field{}", one_of(&name, &allowed))
        }
        Why::UnknownName { name, allowed } => format!("{name:?} is unknown{}", one_of(&name, &allowed)),
        Why::MissingField { name } => {
            let path = child(&name);
            let allowed = reference::allowed(&path).map(|allowed| format!("; allowed: {allowed}"));
            format!("{path}: the field is missing, and has no default{}", allowed.unwrap_or_default())
        }
        Why::Other(message) if message.contains("allowed") => message,
        Why::Other(message) => match reference::allowed(path) {
            Some(allowed) => format!("{message}; allowed: {allowed}"),
            None => message,
        },
    }
}

/// A place in a TOML text: the field, and its value unless the place is its name.
struct Place {
    path: String,
    value: Option<Range<usize>>,
}

/// The innermost field that a byte belongs to. The tables of a `[header]` lie outside the values around them.
fn place(table: &DeTable<'_>, byte: usize, outer: &str) -> Option<Place> {
    table.iter().find_map(|(key, value)| {
        let path = if outer.is_empty() { key.get_ref().to_string() } else { format!("{outer}.{}", key.get_ref()) };
        let tables: Vec<&DeTable<'_>> = match value.get_ref() {
            DeValue::Table(inner) => vec![inner],
            DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_table()).collect(),
            _ => Vec::new(),
        };
        let inner = tables.into_iter().find_map(|table| place(table, byte, &path));
        inner.or_else(|| {
            let value = value.span().contains(&byte).then(|| value.span());
            (value.is_some() || key.span().contains(&byte)).then_some(Place { path, value })
        })
    })
}

fn line_at(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// The line of the deepest part of a dotted path that is in the text. A key may itself contain dots, as property names
/// do.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut rest = path;
    let mut line = None;
    loop {
        let fits = |key: &str| rest == key || rest.strip_prefix(key).is_some_and(|after| after.starts_with('.'));
        let Some((key, value)) = table.iter().find(|(key, _)| fits(key.get_ref())) else { return line };
        line = Some(line_at(text, key.span().start));
        rest = rest[key.get_ref().len()..].trim_start_matches('.');
        match value.get_ref() {
            DeValue::Table(inner) if !rest.is_empty() => table = inner,
            _ => return line,
        }
    }
}
