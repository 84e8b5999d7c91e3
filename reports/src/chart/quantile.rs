//! Quantiles, shown only with enough samples.

use clap::ValueEnum;
use fuzz::durations::Durations;

use sim::duration::show_us;

/// A quantile of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quantile {
    /// 10 % are below
    P10,
    /// The median
    P50,
    /// 90 % are below
    P90,
    /// 99 % are below
    P99,
}

/// The text for a quantile with too few samples.
pub const TOO_FEW: &str = "n too small";

impl Quantile {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Quantile::P10 => "p10",
            Quantile::P50 => "p50",
            Quantile::P90 => "p90",
            Quantile::P99 => "p99",
        }
    }

    fn part(self) -> f64 {
        match self {
            Quantile::P10 => 0.10,
            Quantile::P50 => 0.50,
            Quantile::P90 => 0.90,
            Quantile::P99 => 0.99,
        }
    }

    /// With fewer samples the quantile would be one of the longest, and add no information to `max`.
    pub fn least_samples(self) -> u64 {
        match self {
            Quantile::P50 => 5,
            Quantile::P10 | Quantile::P90 => 10,
            Quantile::P99 => 100,
        }
    }

    /// Its value, µs; `None` with too few samples.
    pub fn of(self, all: &Durations) -> Option<u64> {
        if all.count() < self.least_samples() { None } else { all.quantile_us(self.part()) }
    }

    /// Its text; a dash if nothing was measured.
    pub fn text(self, all: &Durations) -> String {
        match (all.count(), self.of(all)) {
            (_, Some(us)) => show_us(us),
            (0, None) => "–".to_owned(),
            (_, None) => TOO_FEW.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_its_samples() {
        let mut times = Durations::default();
        let texts = |times: &Durations| [Quantile::P50, Quantile::P90, Quantile::P99].map(|it| it.text(times));
        assert_eq!(texts(&times), ["–"; 3]);
        let mut record = |count: u64| (0..count).for_each(|_| times.record_ns(1_000_000));
        record(4);
        let before = Quantile::P50.of(&times);
        (0..1).for_each(|_| times.record_ns(1_000_000));
        let after = Quantile::P50.of(&times);
        assert_eq!((before, after), (None, Some(1_000)));
        (5..99).for_each(|_| times.record_ns(1_000_000));
        assert_eq!(texts(&times), ["1.0 ms", "1.0 ms", TOO_FEW]);
        times.record_ns(1_000_000);
        assert_eq!(Quantile::P99.of(&times), Some(1_000));
    }
}
