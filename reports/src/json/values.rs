//! Values as they are in files. Invalid values are rejected while a file is read, so that the error has a line.

use fuzz::seeds::{SeedError, parse_seed, show_seed};
use serde::{Deserialize, Serialize};

use crate::args::parse_digest;

/// A seed: `0x` and 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(pub u64);

impl TryFrom<String> for Seed {
    type Error = SeedError;

    fn try_from(text: String) -> Result<Seed, SeedError> {
        parse_seed(&text).map(Seed)
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> String {
        show_seed(seed.0)
    }
}

/// A digest: 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub u128);

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        parse_digest(&text).map(Digest).map_err(|error| format!("`{text}`: {error}"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        show_digest(digest.0)
    }
}

/// 32 hex digits.
pub fn show_digest(digest: u128) -> String {
    format!("{digest:032x}")
}

/// A duration, ns, which files have in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(pub u64);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Seconds, String> {
        whole(seconds, 1e9).map(Seconds)
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> f64 {
        seconds.0 as f64 / 1e9
    }
}

/// A duration, us, which files have in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ms(pub u64);

impl TryFrom<f64> for Ms {
    type Error = String;

    fn try_from(ms: f64) -> Result<Ms, String> {
        whole(ms, 1e3).map(Ms)
    }
}

impl From<Ms> for f64 {
    fn from(ms: Ms) -> f64 {
        ms.0 as f64 / 1e3
    }
}

/// Converts to whole units of `1 / scale`; rejects values that no sweep writes.
fn whole(value: f64, scale: f64) -> Result<u64, String> {
    let scaled = (value * scale).round();
    if (0.0..1.8e19).contains(&scaled) { Ok(scaled as u64) } else { Err(format!("{value} is not a length of time")) }
}

/// The text of a file: indented, ended by a newline.
pub fn to_text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain data with string keys");
    text.push('\n');
    text
}
