//! The one message each mistake of a configuration gets: where it is, what it says, what would do.

/// What is wrong with a configuration, and where.
///
/// Reads `FILE:LINE: KEY = "VALUE": PROBLEM; allowed: ALLOWED`; parts that do not apply are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct ConfigError {
    /// The file as its reader named it.
    pub file: Box<str>,
    /// Line in it, from 1; `None` when something is missing or the file as a whole is wrong.
    pub line: Option<u32>,
    /// The property.
    pub key: Option<Box<str>>,
    /// Its value as written; `None` when it is missing.
    pub value: Option<Box<str>>,
    /// What is wrong, in a few words.
    pub problem: Box<str>,
    /// What would be accepted.
    pub allowed: Option<Box<str>>,
}

impl ConfigError {
    /// A problem of a file as a whole.
    pub fn in_file(file: &str, problem: impl Into<Box<str>>) -> ConfigError {
        ConfigError { file: file.into(), problem: problem.into(), ..ConfigError::default() }
    }

    fn message(&self) -> String {
        let mut text = String::from(&*self.file);
        if let Some(line) = self.line {
            text += &format!(":{line}");
        }
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => text += &format!(": {key} = {value:?}: {}", self.problem),
            (Some(key), None) => text += &format!(": {key}: {}", self.problem),
            (None, _) => text += &format!(": {}", self.problem),
        }
        if let Some(allowed) = &self.allowed {
            // Kafka's sentences end with a full stop.
            text.truncate(text.trim_end_matches('.').len());
            text += &format!("; allowed: {allowed}");
        }
        text
    }
}

/// All that is wrong with the files of a cluster, in the order of the files, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ConfigError::message).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> ConfigErrors {
        ConfigErrors(vec![error])
    }
}

/// What is wrong with one value; the file, line and key are its reader's to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is wrong, in a few words.
    pub problem: String,
    /// What would be accepted.
    pub allowed: Option<String>,
}

impl Refused {
    pub fn new(problem: impl Into<String>) -> Refused {
        Refused { problem: problem.into(), allowed: None }
    }

    pub fn allowed(problem: impl Into<String>, allowed: impl Into<String>) -> Refused {
        Refused { problem: problem.into(), allowed: Some(allowed.into()) }
    }
}
