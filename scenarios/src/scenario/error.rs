//! The one message a bad scenario gets, and where in the file it points.

use toml::de::{DeTable, DeValue};

/// What is wrong with a scenario: `FILE:LINE: WHAT`, with the allowed values where there are few.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(pub String);

impl From<raft::config::ConfigError> for ScenarioError {
    fn from(error: raft::config::ConfigError) -> ScenarioError {
        ScenarioError(error.to_string())
    }
}

/// A value that reads well and makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Dotted path of the field.
    pub path: String,
    /// What is wrong, and what would do; starts with ` = VALUE` where the value is worth repeating.
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

    /// The message where there is no file.
    pub fn message(&self) -> String {
        let separator = if self.problem.starts_with(" = ") { "" } else { ": " };
        format!("{}{separator}{}", self.path, self.problem)
    }
}

/// The message for text that is no scenario at all.
pub(crate) fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> ScenarioError {
    let at = error.span().map(|span| format!(":{}", line_at(text, span.start))).unwrap_or_default();
    ScenarioError(format!("{file}{at}: {}", error.message().replace('\n', ", ")))
}

fn line_at(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// The line of the deepest part of a dotted path that is in the text. A key may itself
/// hold dots, as property names do.
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
