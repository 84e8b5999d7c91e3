//! Durations: parsed from text, and shown in each form that outputs need.

use std::fmt;

pub(crate) const ALLOWED_DURATION: &str = "a duration is a number and one of ns, us, ms, s, m, h, as in 500us or 1.5m";

/// Units by name, longest name first because three other names end in `s`.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units that durations are shown in: each is a power of ten.
const SHOWN_UNITS: &[(&str, u64)] = UNITS.split_at(4).0;

/// Parses "500us", "1.5ms", "2s", "1m" as ns; no fraction of a ns is allowed. Used by scenarios and the command line.
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

/// A decimal number times a whole one, if the product is a whole number that fits.
pub(crate) fn parse_decimal(text: &str, times: u64) -> Option<u64> {
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

/// A duration in ns, shown in the largest unit that does not exceed it.
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
pub(crate) struct Thousandths(pub u32);

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

/// A whole number of seconds, milliseconds or microseconds if exact, otherwise seconds with up to three decimals:
/// `1.5 s`.
pub fn in_words(ns: u64) -> String {
    match ns {
        0 => "0 s".to_owned(),
        ns if ns % 1_000_000_000 == 0 => format!("{} s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 && ns < 1_000_000_000 => format!("{} ms", ns / 1_000_000),
        ns if ns < 1_000_000 => format!("{} us", ns / 1_000),
        ns => format!("{} s", seconds(ns).trim_end_matches('0').trim_end_matches('.')),
    }
}

/// Seconds with three decimals, without a unit: `1.500`.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

/// Three to four digits and a unit: `1.5 ms`, `1.500 s`.
pub fn show_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{} s", seconds(us * 1_000)),
    }
}
