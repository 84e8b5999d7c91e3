//! Estimates of what a sweep did not cover, in three lines.

use fuzz::aggregate::SweepReport;

use super::columns::{plural, thousands};
use crate::json::last_hunt::power;

/// The lines; empty if nothing ran.
pub fn lines(report: &SweepReport) -> Vec<String> {
    let silence = &report.silence;
    let mut lines = Vec::new();
    if let (Some(unseen), Some(share)) = (silence.unseen_in_next_permille(), silence.unseen_share_ppm()) {
        lines.push(format!(
            "{} abstract states seen, {} in one run only: the next seed is estimated to add {}, {} of its own (Good-Turing)",
            about(silence.states()),
            about(silence.singletons()),
            tenths(unseen / 100),
            percent(share)
        ));
    }
    if let Some(below) = silence.failing_below_ppm() {
        let runs = plural(silence.runs, "run");
        lines.push(format!("no violation in {runs}: fewer than {} of runs fail, at 95 % confidence", percent(below)));
    }
    if let Some(power) = power(report) {
        lines.push(format!(
            "of the {} bugs of the last hunt, this many seeds of these scenarios caught {}; {} were caught first elsewhere",
            power.bugs, power.caught, power.caught_elsewhere
        ));
    }
    lines
}

/// An estimate, to three digits.
fn about(n: u64) -> String {
    let scale = 10u64.pow(n.max(1).ilog10().saturating_sub(2));
    thousands(n / scale * scale)
}

/// `12.3`.
fn tenths(n: u64) -> String {
    format!("{}.{}", thousands(n / 10), n % 10)
}

/// `0.3 %`, rounded up; small values with more places.
fn percent(ppm: u64) -> String {
    match ppm {
        0..1_000 => format!("0.{ppm:04}"),
        _ => tenths(ppm.div_ceil(1_000)),
    }
    .trim_end_matches('0')
    .trim_end_matches('.')
    .to_owned()
        + " %"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_to_one_digit_where_small() {
        let all = [0, 30, 300, 1_000, 3_000, 337_000, 1_000_000].map(percent);
        assert_eq!(all, ["0 %", "0.003 %", "0.03 %", "0.1 %", "0.3 %", "33.7 %", "100 %"]);
        assert_eq!([0, 7, 999, 1_234, 110_912].map(about), ["0", "7", "999", "1,230", "110,000"]);
    }
}
