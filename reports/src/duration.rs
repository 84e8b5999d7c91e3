//! Lengths of time: read as scenarios read them, and shown for people.

pub use sim::latency::parse_duration as parse_ns;

/// A time limit of a verb that runs seeds until then: with none of it nothing would be run.
pub fn parse_time_limit_ns(text: &str) -> Result<u64, String> {
    match parse_ns(text)? {
        0 => Err(format!("{text:?} leaves no time to run a seed; give more than 0s, as in 60s")),
        ns => Ok(ns),
    }
}

/// For people: three to four digits and a unit.
pub fn show_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1000),
    }
}
