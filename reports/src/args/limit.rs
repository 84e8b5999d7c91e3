//! Time limits of verbs that run seeds.

use sim::duration::parse_duration;

/// ns. A limit of 0 is refused: nothing would be run.
pub fn parse_time_limit_ns(text: &str) -> Result<u64, String> {
    match parse_duration(text)? {
        0 => Err(format!("{text:?} leaves no time to run a seed; give more than 0s, as in 60s")),
        ns => Ok(ns),
    }
}
