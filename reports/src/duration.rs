//! Lengths of time as people write them: `10m`, `60s`, `12.5s`, `500ms`.

/// Units by name, longest first where one ends like another.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Reads one, exactly, to ns.
pub fn parse_ns(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a length of time: give a number and one of ns, us, ms, s, m, h, as 12.5s");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let scale = 10u128.pow(fraction.len() as u32);
    let fraction: u128 = fraction.parse().map_err(|_| wrong())?;
    let part = u64::try_from(fraction * u128::from(*unit_ns) / scale).map_err(|_| wrong())?;
    whole.checked_mul(*unit_ns).and_then(|ns| ns.checked_add(part)).ok_or_else(wrong)
}

/// For people: three to four digits and a unit.
pub fn show_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly_or_refused() {
        assert_eq!(parse_ns("10m"), Ok(600_000_000_000));
        assert_eq!(parse_ns("12.5s"), Ok(12_500_000_000));
        assert_eq!(parse_ns("0.000000001s"), Ok(1));
        assert_eq!(parse_ns("500ms"), Ok(500_000_000));
        for wrong in ["", "10", "s", "1.s", ".5s", "-1s", "1 s", "1d", "1.2.3s", "99999999999h"] {
            assert!(parse_ns(wrong).is_err(), "{wrong:?}");
        }
    }
}
