//! Latencies as text, and measured ones as CSV.

use std::fmt;

use super::{Latency, MAX_QUANTILES};
use crate::duration::{ALLOWED_DURATION, DisplayDuration, Thousandths, parse_decimal, parse_duration};

const ALLOWED: &str = "allowed are a duration (500us), a range (1ms..5ms), lognormal(MEDIAN, SIGMA) as in lognormal(1ms, 0.5), and empirical(FILE)";

const NS_PER_US: u64 = 1_000;

impl Latency {
    /// "500us", "1ms..5ms", "lognormal(1ms, 0.5)", "empirical(FILE)" is resolved by the caller.
    pub fn parse(text: &str) -> Result<Latency, String> {
        parse(text)
    }

    /// One duration per line with unit, or `value` column in us; any order.
    ///
    /// A first line that starts with a letter is a header; with several columns it must name
    /// one `value`. A number without unit is in us.
    pub fn from_csv(text: &str) -> Result<Latency, String> {
        from_csv(text)
    }
}

impl fmt::Display for Latency {
    /// In the syntax of [`Latency::parse`]; an empirical distribution shows only its size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Latency::Constant { ns } => write!(f, "{}", DisplayDuration(*ns)),
            Latency::Uniform { min_ns, max_ns } => {
                write!(f, "{}..{}", DisplayDuration(*min_ns), DisplayDuration(*max_ns))
            }
            Latency::LogNormal { median_ns, sigma_milli } => {
                write!(f, "lognormal({}, {})", DisplayDuration(*median_ns), Thousandths(*sigma_milli))
            }
            Latency::Empirical { quantiles_ns, .. } => write!(f, "empirical({} quantiles)", quantiles_ns.len()),
        }
    }
}

fn parse(text: &str) -> Result<Latency, String> {
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

fn from_csv(text: &str) -> Result<Latency, String> {
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
    let latency = Latency::Empirical { quantiles_ns: quantiles(durations), tails_ns: Vec::new() };
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

/// With a unit, or in us if it has none.
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

/// At most `MAX_QUANTILES` equidistant quantiles of sorted durations, including the shortest and the longest.
fn quantiles(sorted: Vec<u64>) -> Vec<u64> {
    if sorted.len() <= MAX_QUANTILES {
        return sorted;
    }
    let last = sorted.len() - 1;
    (0..MAX_QUANTILES).map(|i| sorted[i * last / (MAX_QUANTILES - 1)]).collect()
}
