//! Every field of a scenario file, with type, default, bounds and meaning: what `scenarios/README.md`
//! prints. A test compares the list with the reader (`scenarios/tests/suite/documents/fields.rs`).

mod fields;

use super::error::plain;
use super::values::Nanos;

pub use fields::FIELDS;

#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Dotted path in a scenario file. A field in an array of tables has the array's path as its prefix.
    pub path: &'static str,
    pub kind: Kind,
    pub presence: Presence,
    pub about: &'static str,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
pub const ANY: Kind = Kind::Duration { min_ns: 0, max_ns: LONGEST };
pub const RANGE: Kind = Kind::DurationRange { min_ns: 0, max_ns: LONGEST };
pub const PPM: Kind = Kind::Integer { min: 0, max: 1_000_000 };
pub const PPM_RANGE: Kind = Kind::IntegerRange { min: 0, max: 1_000_000 };
pub const DRIFT: Kind = Kind::IntegerRange { min: -500_000, max: 500_000 };
pub const STEP: Kind = Kind::IntegerRange { min: -3_600_000, max: 3_600_000 };
pub const COUNT: Kind = Kind::Integer { min: 0, max: i64::MAX };

pub const fn from_ms(ms: u64) -> Kind {
    Kind::Duration { min_ns: Nanos::from_ms(ms).0, max_ns: LONGEST }
}

pub const fn up_to(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
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

impl Kind {
    /// The type with its bounds, in words.
    pub fn in_words(self) -> String {
        let allowed = self.allowed().replace('`', "");
        let name = self.name();
        let of_type = format!("{} {name}", plain::article(name));
        match self {
            Kind::Boolean => "true or false".to_owned(),
            Kind::OneOf(_) => format!("one of {allowed}"),
            Kind::NameOf(_) => format!("one of the {}", allowed.trim_end_matches(", see below")),
            Kind::IntegersOf(_) | Kind::NamesOf(_) => format!("a list of {}", allowed.trim_end_matches(", see below")),
            Kind::Map(_) => format!("a table of {}", allowed.trim_end_matches(", see below")),
            Kind::Text | Kind::Table | Kind::Tables => of_type,
            Kind::Duration { min_ns, max_ns } => {
                let example = ["500ms", "30s", "5us"].into_iter().find(|example| is_within(example, min_ns, max_ns));
                format!("{of_type}, {allowed}, such as {:?}", example.unwrap_or("0ns"))
            }
            Kind::DurationRange { min_ns, max_ns } => {
                let ranges = [("1s", "5s"), ("1ms", "5ms"), ("30s", "60s")];
                let fits = |(from, to): &(&str, &str)| is_within(from, min_ns, max_ns) && is_within(to, min_ns, max_ns);
                let (from, to) = ranges.into_iter().find(fits).unwrap_or(("0ns", "1ns"));
                format!("{of_type}, {allowed}, such as \"{from}..{to}\"")
            }
            Kind::Latency => {
                format!("{of_type}, {allowed}, such as \"500us\", \"1ms..5ms\" or \"lognormal(1ms, 0.5)\"")
            }
            _ => format!("{of_type}, {allowed}"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Text | Kind::OneOf(_) | Kind::NameOf(_) => "text",
            Kind::Boolean => "boolean",
            Kind::Integer { .. } => "integer",
            Kind::IntegerRange { .. } => "integer or range",
            Kind::Duration { .. } => "duration",
            Kind::DurationRange { .. } => "duration or range",
            Kind::Latency => "latency",
            Kind::IntegersOf(_) => "list of integers",
            Kind::NamesOf(_) => "list of texts",
            Kind::Table => "table",
            Kind::Tables => "array of tables",
            Kind::Map(_) => "table of names",
        }
    }

    /// The allowed values, if they are not all values of the type.
    pub fn allowed(self) -> String {
        match self {
            Kind::Text | Kind::Boolean | Kind::Table | Kind::Tables => String::new(),
            Kind::Integer { min, max: i64::MAX } => format!("{min} and more"),
            Kind::Integer { min, max } | Kind::IntegerRange { min, max } => format!("{min}..{max}"),
            Kind::Duration { min_ns: 0, max_ns } | Kind::DurationRange { min_ns: 0, max_ns } => {
                format!("at most {}", Nanos(max_ns))
            }
            Kind::Duration { min_ns, max_ns } | Kind::DurationRange { min_ns, max_ns } => {
                format!("{}..{}", Nanos(min_ns), Nanos(max_ns))
            }
            Kind::Latency => "median 1ns..3600s".to_owned(),
            Kind::OneOf(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            Kind::IntegersOf(of) | Kind::NamesOf(of) | Kind::NameOf(of) | Kind::Map(of) => of.to_owned(),
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
                Kind::Duration { min_ns, max_ns } | Kind::DurationRange { min_ns, max_ns } => (min_ns, max_ns),
                _ => continue,
            };
            let words = field.kind.in_words();
            let example = words.split('"').nth(1).expect("an example");
            assert!(example.split("..").all(|bound| is_within(bound, min_ns, max_ns)), "{}: {words}", field.path);
        }
    }
}
