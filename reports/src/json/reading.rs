//! JSON files of users: errors with their lines.

use std::collections::BTreeMap;

use scenarios::scenario::error::plain::plain;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::engine::Problem;
use crate::input::line_at;

/// Reads a file of a schema. The schema is checked first, so that a file of another kind gets a clear message.
pub fn read<T: DeserializeOwned>(file: &str, text: &str, schema: &str) -> Result<T, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(format!("{file}: is empty; {schema} is wanted")));
    }
    let wrong = |what: &str, error: &serde_json::Error| {
        Problem::new(format!("{file}:{}: {what}: {}", error.line().max(1), said(text, error)))
    };
    let value: Value = serde_json::from_str(text).map_err(|error| wrong("not JSON", &error))?;
    match value.get("schema") {
        Some(Value::String(name)) if name == schema => {}
        Some(other) => {
            let problem = Problem::at("/schema", format!("its schema is {other}; {schema} is wanted"));
            return Err(in_file(problem, file, text));
        }
        None => return Err(Problem::new(format!("{file}: it has no schema; {schema} is wanted"))),
    }
    serde_json::from_str(text).map_err(|error| wrong(&format!("not {schema}"), &error))
}

/// The error in a JSON text, in plain words, with its field.
pub fn said(text: &str, error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let plain = plain(said);
    let is_about_value = error.is_data() && !["unknown field", "missing field"].iter().any(|it| said.starts_with(it));
    match field(text, error.line(), error.column()).filter(|_| is_about_value) {
        Some(field) => format!("{field}: {plain}"),
        None => plain,
    }
}

/// The field whose value is read in this line and column, such as `overrides.set`.
fn field(text: &str, line: usize, column: usize) -> Option<String> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let mut names: Vec<Option<String>> = Vec::new();
    let (mut last, mut begins) = (None, None);
    let mut bytes = text.as_bytes().iter().enumerate().take(before + column);
    while let Some((at, byte)) = bytes.next() {
        match (byte, begins) {
            (b'\\', Some(_)) => drop(bytes.next()),
            (b'"', Some(from)) => (last, begins) = (text.get(from..at), None),
            (_, Some(_)) => {}
            (b'"', None) => begins = Some(at + 1),
            (b'{' | b'[', None) => names.push(None),
            (b'}' | b']', None) => drop(names.pop()),
            (b':', None) => *names.last_mut()? = last.map(str::to_owned),
            _ => {}
        }
    }
    let names: Vec<String> = names.into_iter().flatten().collect();
    (!names.is_empty()).then(|| names.join("."))
}

/// Rejects integers above `max` anywhere; `text` is JSON.
pub fn numbers_up_to(max: u64, text: &str) -> Result<(), Problem> {
    fn check(value: &Value, at: &str, max: u64) -> Result<(), Problem> {
        let below = |key: &dyn std::fmt::Display, value| check(value, &format!("{at}/{key}"), max);
        match value {
            Value::Number(number) if number.as_u64().is_some_and(|n| n > max) => {
                Err(Problem::at(at, format!("{number} is too large; allowed: up to {max}")))
            }
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| below(&index, item)),
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| below(key, value)),
            _ => Ok(()),
        }
    }
    serde_json::from_str(text).map_or(Ok(()), |value| check(&value, "", max))
}

/// Adds the name of this file and the line to the problem. A value whose position is not in this file comes from
/// elsewhere, for example a flag.
pub fn in_file(problem: Problem, file: &str, text: &str) -> Problem {
    let line = problem.pointer.as_deref().map(|pointer| line_of(text, pointer));
    match line {
        Some(Some(line)) => problem.about(&format!("{file}:{line}")),
        Some(None) => problem,
        None => problem.about(file),
    }
}

/// The line in which the value at a JSON pointer begins; `None` if it is absent or null.
fn line_of(text: &str, pointer: &str) -> Option<usize> {
    let mut here: &RawValue = serde_json::from_str(text).ok()?;
    for step in pointer.split('/').skip(1) {
        here = match step.parse::<usize>() {
            Ok(index) => *part::<Vec<&RawValue>>(here)?.get(index)?,
            Err(_) => part::<BTreeMap<String, &RawValue>>(here)?.get(step)?,
        };
    }
    // A raw value is a slice of the text it was read from.
    let at = here.get().as_ptr() as usize - text.as_ptr() as usize;
    (here.get() != "null").then(|| line_at(text.as_bytes(), at))
}

fn part<'a, T: Deserialize<'a>>(of: &'a RawValue) -> Option<T> {
    serde_json::from_str(of.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_named_with_its_field() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct File {
            name: String,
            list: Vec<(u8, bool)>,
        }
        let table = [
            (
                "{\"name\": \"a }: \\\" b\",\n \"list\": [[1, true],\n [256, true]]}",
                "list: 256 is out of range; allowed: an integer of 0..255",
            ),
            ("{\"name\": 5, \"list\": []}", "name: 5 is an integer; allowed: a text"),
            ("{\"name\": \"\", \"list\": {}}", "list: this is a table; allowed: a list"),
            ("{\"name\": \"\", \"list\": [[1, null]]}", "list: this is null; allowed: true or false"),
            ("{\"name\": \"\"}", "the field list is missing"),
        ];
        for (text, message) in table {
            let error = serde_json::from_str::<File>(text).expect_err(message);
            assert_eq!(said(text, &error), message);
        }
    }

    #[test]
    fn a_pointer_leads_to_its_line() {
        let text = "{\n  \"plan\": [\n    {\"a\": 1},\n    {\n      \"b\": [2,\n 3]}],\n  \"c\": null}";
        for (pointer, line) in [("/plan", 2), ("/plan/0", 3), ("/plan/1/b", 5), ("/plan/1/b/1", 6)] {
            assert_eq!(line_of(text, pointer), Some(line), "{pointer}");
        }
        for pointer in ["/plan/2", "/plan/b", "/d", "/c", "/plan/0/a/x"] {
            assert_eq!(line_of(text, pointer), None, "{pointer}");
        }
    }
}
