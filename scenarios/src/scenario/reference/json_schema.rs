//! The reference as a JSON Schema (draft 7), which editors use for TOML files, too.

use serde_json::{Map, Value, json};

use super::{FIELDS, FieldKind, Presence, ScenarioField};

const DURATION: &str = r"[0-9]+(\.[0-9]+)?\s*(ns|us|ms|s|m|h)";
const INTEGER: &str = "-?[0-9]+";

/// The schema of a scenario file.
pub fn json_schema() -> Value {
    let mut schema = table("");
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("A scenario of kraftsim");
    schema
}

/// The table of this path, with the tables in it; no other fields are allowed there.
fn table(path: &str) -> Value {
    let is_in = |field: &&ScenarioField| field.path.rsplit_once('.').map_or("", |(parent, _)| parent) == path;
    let fields = || FIELDS.iter().filter(is_in).map(|field| (name(field), field));
    let required: Vec<&str> = fields().filter(|(_, field)| is_required(field)).map(|(name, _)| name).collect();
    let properties: Map<String, Value> = fields().map(|(name, field)| (name.to_owned(), described(field))).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn name(field: &ScenarioField) -> &'static str {
    field.path.rsplit_once('.').map_or(field.path, |(_, name)| name)
}

fn is_required(field: &ScenarioField) -> bool {
    matches!(field.presence, Presence::Required(_))
}

fn described(field: &ScenarioField) -> Value {
    let mut schema = of_kind(field);
    let allowed = field.kind.allowed();
    let mut about =
        if allowed.is_empty() { field.about.to_owned() } else { format!("{} Allowed: {allowed}", field.about) };
    match field.presence {
        Presence::Default(literal) => {
            let value = format!("value = {literal}").parse::<toml::Table>().ok().and_then(|mut it| it.remove("value"));
            schema["default"] = json!(value);
        }
        Presence::Unset(meaning) => about += &format!(" If absent: {meaning}."),
        Presence::Required(_) => {}
    }
    schema["description"] = about.trim().into();
    schema
}

fn of_kind(field: &ScenarioField) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": format!("^\\s*{pattern}\\s*$") });
    let range = |of: &str| format!(r"{of}\s*\.\.\s*{of}");
    match field.kind {
        FieldKind::Text | FieldKind::NameOf(_) | FieldKind::Latency => json!({ "type": "string" }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Integer { min, max: i64::MAX } => json!({ "type": "integer", "minimum": min }),
        FieldKind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        FieldKind::IntegerRange { min, max } => {
            json!({ "anyOf": [{ "type": "integer", "minimum": min, "maximum": max }, text(&format!("({INTEGER}|{})", range(INTEGER)))] })
        }
        FieldKind::Duration { .. } => text(DURATION),
        FieldKind::DurationRange { .. } => text(&format!("({DURATION}|{})", range(DURATION))),
        FieldKind::OneOf(names) => json!({ "enum": names }),
        FieldKind::IntegersOf(_) => json!({ "type": "array", "items": { "type": "integer" } }),
        FieldKind::NamesOf(_) => json!({ "type": "array", "items": { "type": "string" } }),
        FieldKind::Table => table(field.path),
        FieldKind::Tables => json!({ "type": "array", "items": table(field.path) }),
        FieldKind::Map(_) => json!({ "type": "object" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    /// The fields of a file are in the schema, those that it requires are there, and plain values have their types.
    fn check(value: &Value, schema: &Value, path: &str) {
        let is = |of: &str| schema["type"] == of;
        match value {
            Value::Object(fields) if is("object") => {
                let Some(properties) = schema["properties"].as_object() else { return };
                for (name, value) in fields {
                    let field = properties.get(name).unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
                    check(value, field, &format!("{path}.{name}"));
                }
                let required = schema["required"].as_array().expect("a list");
                assert!(required.iter().all(|name| fields.contains_key(name.as_str().expect("a name"))), "{path}");
            }
            Value::Array(elements) if is("array") => {
                elements.iter().for_each(|element| check(element, &schema["items"], &format!("{path}[]")));
            }
            Value::Number(number) => {
                let schema = if schema["anyOf"].is_array() { &schema["anyOf"][0] } else { schema };
                let bound = |name: &str, or: i64| schema[name].as_i64().unwrap_or(or);
                let number = number.as_i64().expect("whole");
                assert!(schema["type"] == "integer", "{path}");
                assert!((bound("minimum", i64::MIN)..=bound("maximum", i64::MAX)).contains(&number), "{path}");
            }
            Value::String(text) if schema["enum"].is_array() => {
                assert!(schema["enum"].as_array().is_some_and(|names| names.contains(&json!(text))), "{path}: {text}");
            }
            Value::String(_) => assert!(is("string") || schema["anyOf"].is_array(), "{path}"),
            Value::Bool(_) => assert!(is("boolean"), "{path}"),
            other => panic!("{path}: {other}"),
        }
    }

    #[test]
    fn every_scenario_of_the_catalog_fits() {
        let schema = json_schema();
        for entry in catalog::list() {
            let file: Value = toml::from_str(entry.text).expect("TOML");
            check(&file, &schema, entry.name);
        }
    }

    #[test]
    fn every_default_fits_its_own_field() {
        fn all(schema: &Value, path: &str) {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                assert!(
                    !field["default"].is_null() || field.get("default").is_none(),
                    "{path} has an unreadable default"
                );
                if let Some(default) = field.get("default") {
                    check(default, field, &path);
                }
                all(field, &path);
                all(&field["items"], &path);
            }
        }
        all(&json_schema(), "");
    }
}
