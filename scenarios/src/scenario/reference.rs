//! Every field of a scenario file, with type, default, bounds and meaning: what `scenarios/README.md`
//! prints. A test compares the list with the reader (`scenarios/tests/suite/documents/fields.rs`).

mod fields;
mod json_schema;

use super::error::plain;
use super::values::Nanos;

pub use fields::FIELDS;
pub use json_schema::json_schema;

#[derive(Clone, Copy, Debug)]
pub struct ScenarioField {
    /// Dotted path in a scenario file. A field in an array of tables has the array's path as its prefix.
    pub path: &'static str,
    pub kind: FieldKind,
    pub presence: Presence,
    pub about: &'static str,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    /// An integer or a range of integers, with both ends.
    IntegerRange {
        min: i64,
        max: i64,
    },
    Duration {
        min_ns: u64,
        max_ns: u64,
    },
    /// A duration or a range of durations, with both ends.
    DurationRange {
        min_ns: u64,
        max_ns: u64,
    },
    Latency,
    OneOf(&'static [&'static str]),
    /// A list of these integers.
    IntegersOf(&'static str),
    /// A list of these names.
    NamesOf(&'static str),
    /// One of these names.
    NameOf(&'static str),
    /// A table with the listed fields.
    Table,
    /// An array of such tables.
    Tables,
    /// A table of names, with values of this kind.
    Map(&'static str),
}

// Types that several fields have.

pub const LONGEST: u64 = sim::latency::MAX_NS;
pub const ANY: FieldKind = FieldKind::Duration { min_ns: 0, max_ns: LONGEST };
pub const RANGE: FieldKind = FieldKind::DurationRange { min_ns: 0, max_ns: LONGEST };
pub const PPM: FieldKind = FieldKind::Integer { min: 0, max: 1_000_000 };
pub const PPM_RANGE: FieldKind = FieldKind::IntegerRange { min: 0, max: 1_000_000 };
pub const DRIFT: FieldKind = FieldKind::IntegerRange { min: -500_000, max: 500_000 };
pub const STEP: FieldKind = FieldKind::IntegerRange { min: -3_600_000, max: 3_600_000 };
pub const COUNT: FieldKind = FieldKind::Integer { min: 0, max: i64::MAX };

pub const fn from_ms(ms: u64) -> FieldKind {
    FieldKind::Duration { min_ns: Nanos::from_ms(ms).0, max_ns: LONGEST }
}

pub const fn up_to(min: i64, max: i64) -> FieldKind {
    FieldKind::Integer { min, max }
}

/// Whether the field is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Required; a valid value, as TOML.
    Required(&'static str),
    /// Optional, with this default, as TOML.
    Default(&'static str),
    /// Optional; the meaning of its absence.
    Unset(&'static str),
}

/// What the field of this path allows, in words; none if the list does not contain it.
pub fn allowed(path: &str) -> Option<String> {
    FIELDS.iter().find(|field| field.path == path).map(|field| field.kind.in_words())
}

fn is_within(duration: &str, min_ns: u64, max_ns: u64) -> bool {
    duration.parse::<Nanos>().is_ok_and(|duration| (min_ns..=max_ns).contains(&duration.0))
}

impl FieldKind {
    /// The type with its bounds, in words.
    pub fn in_words(self) -> String {
        let allowed = self.allowed().replace('`', "");
        let name = self.name();
        let of_type = format!("{} {name}", plain::article(name));
        match self {
            FieldKind::Boolean => "true or false".to_owned(),
            FieldKind::OneOf(_) => format!("one of {allowed}"),
            FieldKind::NameOf(_) => format!("one of the {}", allowed.trim_end_matches(", see below")),
            FieldKind::IntegersOf(_) | FieldKind::NamesOf(_) => {
                format!("a list of {}", allowed.trim_end_matches(", see below"))
            }
            FieldKind::Map(_) => format!("a table of {}", allowed.trim_end_matches(", see below")),
            FieldKind::Text | FieldKind::Table | FieldKind::Tables => of_type,
            FieldKind::Duration { min_ns, max_ns } => {
                let example = ["500ms", "30s", "5us"].into_iter().find(|example| is_within(example, min_ns, max_ns));
                format!("{of_type}, {allowed}, such as {:?}", example.unwrap_or("0ns"))
            }
            FieldKind::DurationRange { min_ns, max_ns } => {
                let ranges = [("1s", "5s"), ("1ms", "5ms"), ("30s", "60s")];
                let fits = |(from, to): &(&str, &str)| is_within(from, min_ns, max_ns) && is_within(to, min_ns, max_ns);
                let (from, to) = ranges.into_iter().find(fits).unwrap_or(("0ns", "1ns"));
                format!("{of_type}, {allowed}, such as \"{from}..{to}\"")
            }
            FieldKind::Latency => {
                format!("{of_type}, {allowed}, such as \"500us\", \"1ms..5ms\" or \"lognormal(1ms, 0.5)\"")
            }
            _ => format!("{of_type}, {allowed}"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Text | FieldKind::OneOf(_) | FieldKind::NameOf(_) => "text",
            FieldKind::Boolean => "boolean",
            FieldKind::Integer { .. } => "integer",
            FieldKind::IntegerRange { .. } => "integer or range",
            FieldKind::Duration { .. } => "duration",
            FieldKind::DurationRange { .. } => "duration or range",
            FieldKind::Latency => "latency",
            FieldKind::IntegersOf(_) => "list of integers",
            FieldKind::NamesOf(_) => "list of texts",
            FieldKind::Table => "table",
            FieldKind::Tables => "array of tables",
            FieldKind::Map(_) => "table of names",
        }
    }

    /// The allowed values, if they are not all values of the type.
    pub fn allowed(self) -> String {
        match self {
            FieldKind::Text | FieldKind::Boolean | FieldKind::Table | FieldKind::Tables => String::new(),
            FieldKind::Integer { min, max: i64::MAX } => format!("{min} and more"),
            FieldKind::Integer { min, max } | FieldKind::IntegerRange { min, max } => format!("{min}..{max}"),
            FieldKind::Duration { min_ns: 0, max_ns } | FieldKind::DurationRange { min_ns: 0, max_ns } => {
                format!("at most {}", Nanos(max_ns))
            }
            FieldKind::Duration { min_ns, max_ns } | FieldKind::DurationRange { min_ns, max_ns } => {
                format!("{}..{}", Nanos(min_ns), Nanos(max_ns))
            }
            FieldKind::Latency => "median 1ns..3600s".to_owned(),
            FieldKind::OneOf(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            FieldKind::IntegersOf(of) | FieldKind::NamesOf(of) | FieldKind::NameOf(of) | FieldKind::Map(of) => {
                of.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_the_bounds_of_their_fields() {
        for field in FIELDS {
            let (min_ns, max_ns) = match field.kind {
                FieldKind::Duration { min_ns, max_ns } | FieldKind::DurationRange { min_ns, max_ns } => {
                    (min_ns, max_ns)
                }
                _ => continue,
            };
            let words = field.kind.in_words();
            let example = words.split('"').nth(1).expect("an example");
            assert!(example.split("..").all(|bound| is_within(bound, min_ns, max_ns)), "{}: {words}", field.path);
        }
    }
}
