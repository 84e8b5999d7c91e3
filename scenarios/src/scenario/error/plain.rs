//! Serde's errors about values that it cannot read, in plain words.

use crate::scenario::nearest;

/// Why a value could not be read.
pub(crate) enum Why {
    /// It is of another type, or out of the type's range: the value found, and what the type allows.
    Type { found: String, allowed: String },
    /// There is no field of this name; the existing ones.
    UnknownField { name: String, allowed: Vec<String> },
    /// There is no value of this name; the allowed ones.
    UnknownName { name: String, allowed: Vec<String> },
    /// A required field is missing.
    MissingField { name: String },
    /// The type's own message.
    Other(String),
}

impl Why {
    pub fn of(message: &str) -> Why {
        let name = |rest: &str| rest.split_once('`').map_or(rest, |(name, _)| name).to_owned();
        let names = |rest: &str| rest.split('`').skip(2).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let mismatch = ["invalid type: ", "invalid value: ", "invalid length "];
        let mismatch = mismatch.iter().find_map(|start| message.strip_prefix(start)?.rsplit_once(", expected "));
        if let Some((found, expected)) = mismatch {
            let number = found.strip_prefix("integer `").and_then(|rest| rest.strip_suffix('`'));
            let is_out_of_range = message.starts_with("invalid value: ");
            let out_of_range = number.filter(|_| is_out_of_range).map(|number| format!("{number} is out of range"));
            Why::Type { found: out_of_range.unwrap_or_else(|| what_it_is(found)), allowed: type_in_words(expected) }
        } else if let Some(rest) = message.strip_prefix("unknown field `") {
            Why::UnknownField { name: name(rest), allowed: names(rest) }
        } else if let Some(rest) = message.strip_prefix("unknown variant `") {
            Why::UnknownName { name: name(rest), allowed: names(rest) }
        } else if let Some(rest) = message.strip_prefix("missing field `") {
            Why::MissingField { name: name(rest) }
        } else {
            Why::Other(message.replace('\n', ", "))
        }
    }
}

/// Serde's message about a bad value, in plain words.
pub fn plain(message: &str) -> String {
    match Why::of(message) {
        Why::Type { found, allowed } => format!("{found}; allowed: {allowed}"),
        Why::UnknownField { name, allowed } => format!("no field is named {name:?}{}", one_of(&name, &allowed)),
        Why::UnknownName { name, allowed } => format!("{name:?} is unknown{}", one_of(&name, &allowed)),
        Why::MissingField { name } => format!("the field {name} is missing"),
        Why::Other(message) => message,
    }
}

/// `; did you mean X? allowed: X, Y, Z`, the names of the fields.
pub(crate) fn one_of(name: &str, fields: &[String]) -> String {
    match fields {
        [] => "; allowed: none".to_owned(),
        _ => nearest::allowed(name, fields.iter().map(String::as_str)),
    }
}

/// `serde::de::Unexpected`, such as ``integer `5` ``.
fn what_it_is(found: &str) -> String {
    let types = [
        ("string ", "text"),
        ("integer ", "integer"),
        ("floating point ", "number with a fraction"),
        ("boolean ", "boolean"),
    ];
    match types.iter().find_map(|(serde, plain)| Some((found.strip_prefix(serde)?.trim_matches('`'), plain))) {
        Some((value, plain)) => format!("{value} is {} {plain}", article(plain)),
        None if found.starts_with("sequence") => "this is a list".to_owned(),
        None if found.starts_with("map") => "this is a table".to_owned(),
        None => format!("this is {found}"),
    }
}

/// Serde's name of an expected type, in plain words.
fn type_in_words(expected: &str) -> String {
    let range = |min: i128, max: i128| format!("an integer of {min}..{max}");
    match expected {
        "u8" => range(0, u8::MAX.into()),
        "u16" => range(0, u16::MAX.into()),
        "u32" => range(0, u32::MAX.into()),
        "u64" | "usize" => range(0, u64::MAX.into()),
        "i16" => range(i16::MIN.into(), i16::MAX.into()),
        "i32" => range(i32::MIN.into(), i32::MAX.into()),
        "i64" => range(i64::MIN.into(), i64::MAX.into()),
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table of names and values".to_owned(),
        _ if expected.starts_with("struct ") => "a table of fields".to_owned(),
        _ if expected.starts_with("a tuple of size ") => {
            format!("a list of {} values", expected.trim_start_matches("a tuple of size "))
        }
        _ => expected.to_owned(),
    }
}

/// The indefinite article before this word.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}
