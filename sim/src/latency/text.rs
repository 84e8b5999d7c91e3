//! Durations and latencies as people write them, and measured ones as CSV.

use std::fmt;

use super::{Latency, MAX_QUANTILES};

const ALLOWED: &str = "allowed are a duration (500us), a range (1ms..5ms), lognormal(MEDIAN, SIGMA) as in lognormal(1ms, 0.5), and empirical(FILE)";
const ALLOWED_DURATION: &str = "a duration is a number and one of ns, us, ms, s, m, h, as in 500us or 1.5m";

/// Units by name, longest name first because `s` ends three more.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// Those that durations are shown in: each is a power of ten.
const SHOWN_UNITS: &[(&str, u64)] = UNITS.split_at(4).0;
const NS_PER_US: u64 = 1_000;

pub(super) fn parse(text: &str) -> Result<Latency, String> {
    let text = text.trim();
    let latency = if let Some(arguments) = text.strip_prefix("lognormal(").and_then(|rest| rest.strip_suffix(')')) {
        parse_log_normal(text, arguments)?
    } else if text.starts_with("empirical(") {
        return Err(format!("{text:?} is allowed only where files can be read"));
    } else if let Some((min, max)) = text.split_once("..") {
        Latency::Uniform { min_ns: parse_duration(min)?, max_ns: parse_duration(max)? }
    } else if text.starts_with(|c: char| c.is_ascii_digit()) {
        Latency::Constant { ns: parse_duration(text)? }
    } else {
        return Err(format!("not a latency: {text:?}; {ALLOWED}"));
    };
    latency.check()?;
    Ok(latency)
}

fn parse_log_normal(text: &str, arguments: &str) -> Result<Latency, String> {
    let Some((median, sigma)) = arguments.split_once(',') else {
        return Err(format!("{text:?} needs a median and a sigma, as in lognormal(1ms, 0.5)"));
    };
    let sigma_milli =
        parse_decimal(sigma.trim(), 1_000).and_then(|milli| u32::try_from(milli).ok()).ok_or_else(|| {
            format!("{:?} is not a sigma; from 0 to 5 with at most three decimals, as in 0.5", sigma.trim())
        })?;
    Ok(Latency::LogNormal { median_ns: parse_duration(median)?, sigma_milli })
}

/// "500us", "1.5ms", "2s", "1m" as ns; nothing finer than a ns. Scenarios and the command line read durations by it.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let Some((number, ns_per_unit)) =
        UNITS.iter().find_map(|(unit, ns)| text.strip_suffix(unit).map(|number| (number.trim_end(), *ns)))
    else {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
        return Err(match unit {
            _ if text.is_empty() => format!("a duration is missing; {ALLOWED_DURATION}"),
            "" => format!("{text:?} has no unit; {ALLOWED_DURATION}"),
            unit if unit.len() == text.len() => format!("{text:?} is not a duration; {ALLOWED_DURATION}"),
            unit => format!("{text:?}: {unit:?} is no unit; {ALLOWED_DURATION}"),
        });
    };
    parse_decimal(number, ns_per_unit)
        .ok_or_else(|| format!("{text:?} is not a duration in whole ns; {ALLOWED_DURATION}"))
}

/// A decimal number times a whole one, if that is a whole number that fits.
fn parse_decimal(text: &str, times: u64) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(times)?;
    let decimals = decimals.trim_end_matches('0');
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let part = match decimals {
        "" => 0,
        digits => u128::from(digits.parse::<u64>().ok()?) * u128::from(times),
    };
    let is_exact = part.is_multiple_of(scale.into());
    is_exact.then(|| u64::try_from(part / u128::from(scale)).ok()).flatten()?.checked_add(whole)
}

/// A duration in ns, shown in the largest unit of which it has at least one.
#[derive(Clone, Copy, Debug)]
pub struct DisplayDuration(pub u64);

impl fmt::Display for DisplayDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, ns) = *SHOWN_UNITS.iter().rfind(|(_, ns)| self.0 >= *ns).unwrap_or(&SHOWN_UNITS[0]);
        write_decimal(f, self.0, ns)?;
        f.write_str(unit)
    }
}

/// A number of thousandths, shown as a decimal.
pub(super) struct Thousandths(pub u32);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, u64::from(self.0), 1_000)
    }
}

/// `value / per` without trailing zeros; `per` is a power of ten.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, per: u64) -> fmt::Result {
    write!(f, "{}", value / per)?;
    let (mut rest, mut place) = (value % per, per);
    if rest > 0 {
        f.write_str(".")?;
    }
    while rest > 0 {
        place /= 10;
        write!(f, "{}", rest / place)?;
        rest %= place;
    }
    Ok(())
}

pub(super) fn from_csv(text: &str) -> Result<Latency, String> {
    let mut durations = Vec::new();
    let mut column = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let at_line = |error: String| format!("line {}: {error}", index + 1);
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        match column {
            None if cells[0].starts_with(|c: char| c.is_ascii_alphabetic()) => {
                column = Some(value_column(&cells).map_err(at_line)?);
            }
            None if cells.len() > 1 => {
                return Err(at_line(format!(
                    "{} columns without a header; allowed are one duration per line, or a header that names a column `value`",
                    cells.len()
                )));
            }
            _ => {
                let column = *column.get_or_insert(0);
                let cell = cells.get(column).ok_or_else(|| at_line(format!("has no column {}", column + 1)))?;
                durations.push(parse_measured(cell).map_err(at_line)?);
            }
        }
    }
    durations.sort_unstable();
    let latency = Latency::Empirical { quantiles_ns: quantiles(durations) };
    latency.check()?;
    Ok(latency)
}

fn value_column(header: &[&str]) -> Result<usize, String> {
    match header {
        [_] => Ok(0),
        _ => header
            .iter()
            .position(|name| name.eq_ignore_ascii_case("value"))
            .ok_or_else(|| format!("the header has {} columns and none is `value`", header.len())),
    }
}

/// With a unit, or in us without.
fn parse_measured(cell: &str) -> Result<u64, String> {
    let ns = if cell.ends_with(|c: char| c.is_ascii_digit()) {
        parse_decimal(cell, NS_PER_US)
            .ok_or_else(|| format!("{cell:?} is not a number of us, and has no other unit; {ALLOWED_DURATION}"))?
    } else {
        parse_duration(cell)?
    };
    Latency::Constant { ns }.check()?;
    Ok(ns)
}

/// So many equidistant ones of sorted durations, the shortest and the longest among them.
fn quantiles(sorted: Vec<u64>) -> Vec<u64> {
    if sorted.len() <= MAX_QUANTILES {
        return sorted;
    }
    let last = sorted.len() - 1;
    (0..MAX_QUANTILES).map(|i| sorted[i * last / (MAX_QUANTILES - 1)]).collect()
}
