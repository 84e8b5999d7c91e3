//! Values in text form: durations, ranges, latencies, limits. Each prints the text that it reads.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use sim::duration::{DisplayDuration, parse_duration};
use sim::latency::Latency;

/// Serde by `Display` and `FromStr`; an integer is read as its digits.
macro_rules! written_as_text {
    ($($type:ty: $expecting:literal),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                deserializer.deserialize_any(TextVisitor::<$type>($expecting, PhantomData))
            }
        }
    )+};
}

written_as_text! {
    Nanos: "a duration such as \"500ms\"",
    NanosRange: "a duration or a range of durations such as \"1s..5s\"",
    IntRange: "an integer or a range such as \"-250..250\"",
    Limit: "a limit such as \"<= 4s\"",
}

struct TextVisitor<T>(&'static str, PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// A duration, "500ms".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

impl Nanos {
    pub const fn from_ms(ms: u64) -> Nanos {
        Nanos(ms * 1_000_000)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DisplayDuration(self.0).fmt(f)
    }
}

impl FromStr for Nanos {
    type Err = String;

    fn from_str(text: &str) -> Result<Nanos, String> {
        let ns = parse_duration(text)?;
        if ns > sim::latency::MAX_NS {
            return Err(format!("{text:?} is too long; at most 3600s"));
        }
        Ok(Nanos(ns))
    }
}

/// A range of durations with both ends, "1s..5s", or one duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NanosRange {
    pub min_ns: u64,
    pub max_ns: u64,
}

impl fmt::Display for NanosRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Nanos(self.min_ns).fmt(f)?;
        if self.max_ns != self.min_ns { write!(f, "..{}", Nanos(self.max_ns)) } else { Ok(()) }
    }
}

impl FromStr for NanosRange {
    type Err = String;

    fn from_str(text: &str) -> Result<NanosRange, String> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (min, max): (Nanos, Nanos) = (min.parse()?, max.parse()?);
        if min > max {
            return Err(format!("the range {text:?} is empty; the smaller bound comes first"));
        }
        Ok(NanosRange { min_ns: min.0, max_ns: max.0 })
    }
}

/// A range of integers with both ends, "-250..250", or one integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntRange {
    pub min: i64,
    pub max: i64,
}

impl fmt::Display for IntRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max != self.min { write!(f, "{}..{}", self.min, self.max) } else { write!(f, "{}", self.min) }
    }
}

impl FromStr for IntRange {
    type Err = String;

    fn from_str(text: &str) -> Result<IntRange, String> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let integer = |text: &str| {
            text.trim()
                .parse::<i64>()
                .map_err(|_| format!("{text:?} is not an integer; allowed is one, or a range such as -250..250"))
        };
        let range = IntRange { min: integer(min)?, max: integer(max)? };
        if range.min > range.max {
            return Err(format!("the range {text:?} is empty; the smaller bound comes first"));
        }
        Ok(range)
    }
}

const PROFILE: &str = "profile";

/// A latency: as text, as measured quantiles, or as the file that contains these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyProfile {
    /// The distribution.
    Known(Latency),
    /// `empirical(FILE)`, not yet read.
    File(String),
    /// `profile`: that of the machine's profile, not yet in force.
    Profile,
}

impl LatencyProfile {
    /// A constant latency, ns.
    pub const fn constant(ns: u64) -> LatencyProfile {
        LatencyProfile::Known(Latency::Constant { ns })
    }

    /// The error in the value, if any.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            LatencyProfile::Known(latency) => latency.check(),
            LatencyProfile::File(path) => Err(format!("{path} is allowed only where files can be read")),
            LatencyProfile::Profile => Ok(()),
        }
    }

    /// Replaces `profile` by the latency of the machine.
    pub(super) fn follow(&mut self, machine: &Latency) {
        if *self == LatencyProfile::Profile {
            *self = LatencyProfile::Known(machine.clone());
        }
    }

    /// The distribution. A scenario that was read or validated contains no files, and one that is run follows its
    /// profile.
    pub fn known(&self) -> &Latency {
        match self {
            LatencyProfile::Known(latency) => latency,
            LatencyProfile::File(path) => panic!("the latency file {path} was never read"),
            LatencyProfile::Profile => panic!("the latency of the profile is not in force"),
        }
    }

    /// The quantile that one in a million exceeds, ns: a log-normal tail has no maximum.
    pub fn longest_ns(&self) -> u64 {
        self.known().sample(u64::MAX - (u64::MAX >> 20))
    }

    /// The mean of a long series, ns: the mean of 64 quantiles.
    pub fn mean_ns(&self) -> u64 {
        (0..64).map(|part| self.known().sample((part << 58) + (1 << 57)) / 64).sum()
    }
}

impl FromStr for LatencyProfile {
    type Err = String;

    fn from_str(text: &str) -> Result<LatencyProfile, String> {
        if text == PROFILE {
            return Ok(LatencyProfile::Profile);
        }
        match text.trim().strip_prefix("empirical(").and_then(|rest| rest.strip_suffix(')')) {
            Some(file) => Ok(LatencyProfile::File(file.trim().into())),
            None => Latency::parse(text).map(LatencyProfile::Known),
        }
    }
}

impl Serialize for LatencyProfile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            LatencyProfile::Known(Latency::Empirical { quantiles_ns, .. }) => quantiles_ns.serialize(serializer),
            LatencyProfile::Known(latency) => serializer.collect_str(latency),
            LatencyProfile::File(path) => serializer.collect_str(&format_args!("empirical({path})")),
            LatencyProfile::Profile => serializer.collect_str(PROFILE),
        }
    }
}

impl<'de> Deserialize<'de> for LatencyProfile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LatencyProfile, D::Error> {
        deserializer.deserialize_any(LatencyVisitor)
    }
}

struct LatencyVisitor;

impl<'de> Visitor<'de> for LatencyVisitor {
    type Value = LatencyProfile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a latency such as \"500us\", \"1ms..5ms\", \"lognormal(1ms, 0.5)\", \"empirical(FILE)\", \"profile\", or quantiles in ns")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LatencyProfile, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<LatencyProfile, A::Error> {
        let mut quantiles_ns = Vec::new();
        while let Some(ns) = seq.next_element::<u64>()? {
            quantiles_ns.push(ns);
        }
        let latency = Latency::Empirical { quantiles_ns, tails_ns: Vec::new() };
        latency.check().map_err(A::Error::custom)?;
        Ok(LatencyProfile::Known(latency))
    }
}

/// A limit of `[expect]`: "<= 4s" on a time, ">= 10" on a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub relation: Relation,
    /// Times in ns.
    pub bound: u64,
    /// Whether it was written with a unit of time.
    pub is_time: bool,
}

/// The relation of a value to its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

/// Longest first: `<` is a prefix of `<=`.
const RELATIONS: [(&str, Relation); 4] =
    [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];

impl Limit {
    /// Whether `value` (ns for a time) is within the limit.
    pub fn holds(self, value: u64) -> bool {
        match self.relation {
            Relation::AtMost => value <= self.bound,
            Relation::Below => value < self.bound,
            Relation::AtLeast => value >= self.bound,
            Relation::Above => value > self.bound,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = RELATIONS.iter().find(|(_, r)| *r == self.relation).map_or("", |(sign, _)| sign);
        if self.is_time { write!(f, "{sign} {}", Nanos(self.bound)) } else { write!(f, "{sign} {}", self.bound) }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Limit, String> {
        let allowed = "allowed is <=, <, >= or > and a duration or a count, as in \"<= 4s\"";
        let Some((relation, bound)) =
            RELATIONS.iter().find_map(|(sign, r)| Some((*r, text.trim().strip_prefix(sign)?)))
        else {
            return Err(format!("{text:?} is no limit; {allowed}"));
        };
        let bound = bound.trim();
        match (bound.parse::<u64>(), bound.parse::<Nanos>()) {
            (Ok(count), _) => Ok(Limit { relation, bound: count, is_time: false }),
            (_, Ok(time)) => Ok(Limit { relation, bound: time.0, is_time: true }),
            (_, Err(problem)) => Err(format!("{problem}; {allowed}")),
        }
    }
}
