//! The part of EDN that histories use: nil, booleans, whole numbers, strings, keywords, symbols, vectors, lists, sets
//! and maps; tags are skipped, other numbers are kept as text.

use std::fmt;

use serde_json::Value as Json;

/// A form.
#[derive(Clone, Debug, PartialEq)]
pub enum Edn {
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// `12`
    Int(i64),
    /// `"text"`
    Text(String),
    /// `:name`, without the colon
    Keyword(String),
    /// Any other single word.
    Symbol(String),
    /// `[…]`, `(…)` and `#{…}`
    Vector(Vec<Edn>),
    /// `{…}`
    Map(Vec<(Edn, Edn)>),
}

impl Edn {
    /// The value of a keyword in a map; nil if absent.
    pub fn get(&self, key: &str) -> &Edn {
        let entries = match self {
            Edn::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        let found = entries.iter().find(|(name, _)| matches!(name, Edn::Keyword(name) if name == key));
        found.map_or(&Edn::Nil, |(_, value)| value)
    }

    /// In JSON: keywords and symbols are strings.
    pub fn to_json(&self) -> Json {
        match self {
            Edn::Nil => Json::Null,
            Edn::Bool(value) => Json::Bool(*value),
            Edn::Int(value) => Json::from(*value),
            Edn::Text(text) | Edn::Keyword(text) | Edn::Symbol(text) => Json::String(text.clone()),
            Edn::Vector(items) => items.iter().map(Edn::to_json).collect(),
            Edn::Map(entries) => {
                let text = |key: &Edn| match key {
                    Edn::Text(text) | Edn::Keyword(text) | Edn::Symbol(text) => text.clone(),
                    other => other.to_string(),
                };
                Json::Object(entries.iter().map(|(key, value)| (text(key), value.to_json())).collect())
            }
        }
    }

    /// From JSON; keys of objects become texts, because they may be arbitrary names.
    pub fn from_json(json: &Json) -> Edn {
        match json {
            Json::Null => Edn::Nil,
            Json::Bool(value) => Edn::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(|| Edn::Symbol(number.to_string()), Edn::Int),
            Json::String(text) => Edn::Text(text.clone()),
            Json::Array(items) => Edn::Vector(items.iter().map(Edn::from_json).collect()),
            Json::Object(entries) => {
                let entry = |(key, value): (&String, &Json)| (Edn::Text(key.clone()), Edn::from_json(value));
                Edn::Map(entries.iter().map(entry).collect())
            }
        }
    }
}

impl fmt::Display for Edn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edn::Nil => f.write_str("nil"),
            Edn::Bool(value) => write!(f, "{value}"),
            Edn::Int(value) => write!(f, "{value}"),
            // JSON's escapes are also EDN's.
            Edn::Text(text) => f.write_str(&Json::String(text.clone()).to_string()),
            Edn::Keyword(name) => write!(f, ":{name}"),
            Edn::Symbol(name) => f.write_str(name),
            Edn::Vector(items) => {
                let items: Vec<String> = items.iter().map(Edn::to_string).collect();
                write!(f, "[{}]", items.join(" "))
            }
            Edn::Map(entries) => {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} {value}")).collect();
                write!(f, "{{{}}}", entries.join(", "))
            }
        }
    }
}

/// An error and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// Description in one sentence.
    pub what: String,
}

/// Reads all forms of a text, with the line in which each begins.
pub fn read_all(text: &str) -> Result<Vec<(usize, Edn)>, Wrong> {
    let mut reader = Reader { rest: text, line: 1, depth: 0 };
    let mut forms = Vec::new();
    loop {
        reader.skip();
        if reader.rest.is_empty() {
            return Ok(forms);
        }
        let line = reader.line;
        forms.push((line, reader.form()?));
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    depth: usize,
}

/// Maximum depth: real histories are not nested deeper, and the stack is limited.
const DEEPEST: usize = 64;

impl Reader<'_> {
    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong { line: self.line, what: what.into() })
    }

    /// Skips blanks, commas and comments.
    fn skip(&mut self) {
        loop {
            let trimmed = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            self.pass(self.rest.len() - trimmed.len());
            if !self.rest.starts_with(';') {
                return;
            }
            self.pass(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn pass(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }

    fn form(&mut self) -> Result<Edn, Wrong> {
        self.skip();
        match self.rest.chars().next() {
            None => self.wrong("it ends in the middle of a form"),
            Some('[') => Ok(Edn::Vector(self.items(']')?)),
            Some('(') => Ok(Edn::Vector(self.items(')')?)),
            Some('{') => self.map(),
            Some('"') => self.text(),
            Some('#') => self.tagged(),
            Some(c @ (']' | ')' | '}')) => self.wrong(format!("`{c}` closes nothing")),
            Some(_) => self.word(),
        }
    }

    /// `#{…}`, or a tag and its form.
    fn tagged(&mut self) -> Result<Edn, Wrong> {
        self.pass(1);
        if self.rest.starts_with('{') {
            return Ok(Edn::Vector(self.items('}')?));
        }
        self.nested(|reader| {
            reader.word()?;
            reader.form()
        })
    }

    fn items(&mut self, close: char) -> Result<Vec<Edn>, Wrong> {
        let opened = self.line;
        self.pass(1);
        self.nested(|reader| {
            let mut items = Vec::new();
            loop {
                reader.skip();
                if reader.rest.is_empty() {
                    return Err(Wrong { line: opened, what: format!("`{close}` is missing") });
                }
                if reader.rest.starts_with(close) {
                    reader.pass(1);
                    return Ok(items);
                }
                items.push(reader.form()?);
            }
        })
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.wrong(format!("forms are nested more than {DEEPEST} deep"));
        }
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn map(&mut self) -> Result<Edn, Wrong> {
        let line = self.line;
        let items = self.items('}')?;
        if !items.len().is_multiple_of(2) {
            return Err(Wrong { line, what: "a map has a key without a value".to_owned() });
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(Edn::Map(entries))
    }

    fn text(&mut self) -> Result<Edn, Wrong> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else { return self.wrong("a text has no end") };
        let quoted = &self.rest[..=end];
        // JSON's escapes are also EDN's; line ends in a string are allowed in EDN, but not in JSON.
        let read = serde_json::from_str(&quoted.replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r"));
        match read {
            Ok(text) => {
                self.pass(end + 1);
                Ok(Edn::Text(text))
            }
            Err(_) => self.wrong(format!("{quoted} is no text")),
        }
    }

    fn word(&mut self) -> Result<Edn, Wrong> {
        let ends = |c: char| c.is_whitespace() || ",;\"()[]{}".contains(c);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        if end == 0 {
            return self.wrong("a word is missing");
        }
        let word = self.rest[..end].to_owned();
        self.pass(end);
        Ok(match word.as_str() {
            "nil" => Edn::Nil,
            "true" => Edn::Bool(true),
            "false" => Edn::Bool(false),
            _ => match (word.strip_prefix(':'), word.parse()) {
                (Some(name), _) => Edn::Keyword(name.to_owned()),
                (None, Ok(number)) => Edn::Int(number),
                (None, Err(_)) => Edn::Symbol(word),
            },
        })
    }
}
