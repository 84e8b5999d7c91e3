//! Java's `.properties` syntax, as `java.util.Properties.load` reads it.
//!
//! A logical line is a natural line and those it continues onto by an odd number of `\` at its
//! end. `#` or `!` first makes a comment, which never continues. The key ends at the first
//! unescaped `=`, `:` or blank. A later entry for the same key wins. A byte order mark, which
//! Java would take for a part of the first key, is skipped.

use super::definitions::{HIDDEN, is_hidden};
use super::error::ConfigError;

/// One `key = value`, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Name, unescaped.
    pub key: String,
    /// Value, unescaped; blanks at its end are kept, as in Java.
    pub value: String,
    /// Line its logical line starts on, from 1.
    pub line: u32,
}

/// The entries of a file in order of their lines; of several for one key only the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    entries: Vec<Property>,
    repeated: Vec<Repeated>,
}

/// A key that stands in a file again: its later value counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Name.
    pub key: String,
    /// Line of the entry that does not count.
    pub earlier_line: u32,
    /// Line of the one that does, or of one between.
    pub line: u32,
}

impl Properties {
    /// Reads a whole file; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<Properties, ConfigError> {
        let mut properties = Properties::default();
        for (line, logical) in logical_lines(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            let (key, value) = split(&logical);
            let wrong = |key: Option<&str>, problem: &str| ConfigError {
                file: file.into(),
                line: Some(line),
                key: key.map(Box::from),
                problem: problem.into(),
                ..ConfigError::default()
            };
            let key = unescape(key).map_err(|problem| wrong(None, problem))?;
            let value = unescape(value).map_err(|problem| wrong(Some(&key), problem))?;
            properties.put(Property { key, value, line });
        }
        Ok(properties)
    }

    fn put(&mut self, entry: Property) {
        if let Some(index) = self.entries.iter().position(|e| e.key == entry.key) {
            let earlier_line = self.entries.remove(index).line;
            self.repeated.push(Repeated { key: entry.key.clone(), earlier_line, line: entry.line });
        }
        self.entries.push(entry);
    }

    /// Keys that stand in the file more than once, by line.
    pub fn repeated(&self) -> &[Repeated] {
        &self.repeated
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Property> {
        self.entries.iter().find(|e| e.key == key)
    }

    /// All entries, by line.
    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.entries.iter()
    }
}

const BLANK: [char; 3] = [' ', '\t', '\x0c'];

/// Comments and empty lines removed, continuations joined; each with its first line's number.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut logical = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (index, natural) in text.split('\n').enumerate() {
        let content = natural.trim_start_matches(BLANK);
        let (line, mut so_far) = match open.take() {
            Some(continued) => continued,
            None if content.is_empty() || content.starts_with(['#', '!']) => continue,
            None => (index as u32 + 1, String::new()),
        };
        let backslashes = content.len() - content.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            so_far += &content[..content.len() - 1];
            open = Some((line, so_far));
        } else {
            so_far += content;
            logical.push((line, so_far));
        }
    }
    logical.extend(open.filter(|(_, text)| !text.is_empty()));
    logical
}

/// Cuts a logical line at its first unescaped separator; both halves are still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let ends = line.char_indices().find(|&(_, c)| {
        let separates = !escaped && (c == '=' || c == ':' || BLANK.contains(&c));
        escaped = c == '\\' && !escaped;
        separates
    });
    let Some((at, _)) = ends else { return (line, "") };
    let rest = line[at..].trim_start_matches(BLANK);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..at], rest.trim_start_matches(BLANK))
}

/// What is wrong is said without a part of the text, which may be a secret.
fn unescape(text: &str) -> Result<String, &'static str> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    let unit = hex.then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
                    units.push(unit.ok_or("\\u without four hex digits")?);
                    continue;
                }
                Some(other) => other,
                None => continue,
            },
            c => c,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    // Java strings are UTF-16: a pair of \u escapes may make one character.
    String::from_utf16(&units).map_err(|_| "a \\u escape is half of a surrogate pair")
}

/// The file with each entry in its line, without its secrets: their values are hidden, and comments, in
/// which there may be more of them, are left out. A file that cannot be read is returned as it is.
pub fn without_secrets(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<String> = vec![String::new(); text.replace("\r\n", "\n").split(['\n', '\r']).count()];
    for (line, logical) in logical_lines(text) {
        let (key, value) = split(&logical);
        let (Ok(key), Ok(value)) = (unescape(key), unescape(value)) else { return text.to_owned() };
        lines[line as usize - 1] = print(&key, if is_hidden(&key) { HIDDEN } else { &value });
    }
    lines.join("\n")
}

/// `key=value` such that reading it gives both back.
pub fn print(key: &str, value: &str) -> String {
    let mut line = escape(key, true);
    line.push('=');
    line += &escape(value, false);
    line
}

fn escape(text: &str, is_key: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        match c {
            '\\' => escaped += "\\\\",
            '\n' => escaped += "\\n",
            '\r' => escaped += "\\r",
            '\t' => escaped += "\\t",
            '\x0c' => escaped += "\\f",
            ' ' if is_key || index == 0 => escaped += "\\ ",
            '=' | ':' | '#' | '!' if is_key => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String, u32)> {
        let properties = Properties::parse("f", text).expect("well formed");
        properties.iter().map(|e| (e.key.clone(), e.value.clone(), e.line)).collect()
    }

    fn entry(key: &str, value: &str, line: u32) -> (String, String, u32) {
        (key.into(), value.into(), line)
    }

    #[test]
    fn reads_what_java_reads() {
        let text = "# comment \\\n  ! another\n\na=1\r\n b : 2\nc 3\nd\n e\\=f\\:g\\ h = x=y \\\n   # not a comment\n\
                    path=C:\\\\tmp\\u00e9\\n\na = later\neven=\\\\\nlast=\\";
        let expected = [
            entry("b", "2", 5),
            entry("c", "3", 6),
            entry("d", "", 7),
            entry("e=f:g h", "x=y # not a comment", 8),
            entry("path", "C:\\tmp\u{e9}\n", 10),
            entry("a", "later", 11),
            entry("even", "\\", 12),
            entry("last", "", 13),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_repeated_keys_are_named() {
        let properties = Properties::parse("f", "\u{feff}a=1\nb=2\na=3\n").expect("well formed");
        assert_eq!(properties.get("a").map(|e| e.value.as_str()), Some("3"));
        assert_eq!(properties.repeated(), [Repeated { key: "a".into(), earlier_line: 1, line: 3 }]);
    }

    #[test]
    fn a_malformed_escape_is_named_with_its_line() {
        let error = Properties::parse("f.properties", "a=1\nb=\\u12x4\n").expect_err("malformed");
        assert_eq!(error.to_string(), "f.properties:2: b: \\u without four hex digits");
        let error = Properties::parse("f.properties", "b=\\ud800").expect_err("half a pair");
        assert_eq!(error.to_string(), "f.properties:1: b: a \\u escape is half of a surrogate pair");
    }

    #[test]
    fn secrets_and_comments_are_left_out_and_lines_stay() {
        let text = "\u{feff}# ssl.key.password=hunter1\r\nnode.id=1\rsasl.jaas.config=a \\\n  hunter2;\nsasl.jaas.config=hunter3\n\
                    a hunter6\n\n ! hunter4\nssl\\.key.password : hunter5";
        let hidden = without_secrets(text);
        assert!(!hidden.contains("hunter"), "{hidden}");
        assert_eq!(
            read(&hidden),
            [
                entry("node.id", "1", 2),
                entry("sasl.jaas.config", HIDDEN, 5),
                entry("a", HIDDEN, 6),
                entry("ssl.key.password", HIDDEN, 9)
            ]
        );
        assert_eq!(without_secrets(&hidden), hidden);
        let known = Properties::parse("f", &hidden).expect("well formed");
        assert_eq!(known.repeated(), [Repeated { key: "sasl.jaas.config".into(), earlier_line: 3, line: 5 }]);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(key in "\\PC{1,12}", value in "[\\PC\t\n\r\x0c\\\\]{0,20}") {
            let text = print(&key, &value);
            prop_assert_eq!(read(&text), [(key, value, 1)]);
        }
    }
}
