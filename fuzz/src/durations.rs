//! Durations that can be merged: an HdrHistogram of microseconds (3 digits) and the exact longest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

/// Longer ones are counted as a day.
const LONGEST_US: u64 = 24 * 3600 * 1_000_000;

/// Header of a V2 histogram: cookie, length of the payload, index offset, digits, bounds, ratio.
const HEADER_BYTES: usize = 40;

/// A multiset of durations. Bounds are fixed, so equal contents have equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Durations {
    histogram: Histogram<u64>,
    max_us: u64,
}

/// The text is not a histogram of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a base64 HdrHistogram (V2) of microseconds with 3 digits")]
pub struct NotAHistogram;

impl Default for Durations {
    fn default() -> Self {
        Durations {
            histogram: Histogram::new_with_bounds(1, LONGEST_US, 3).expect("constant bounds are legal"),
            max_us: 0,
        }
    }
}

impl Durations {
    /// Adds one, rounded to microseconds.
    pub fn record_ns(&mut self, ns: u64) {
        let us = round_to_us(ns);
        self.histogram.saturating_record(us);
        self.max_us = self.max_us.max(us);
    }

    /// Adds all durations of another.
    pub fn merge(&mut self, other: &Durations) {
        self.histogram.add(&other.histogram).expect("equal bounds");
        self.max_us = self.max_us.max(other.max_us);
    }

    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The quantile in microseconds: the upper edge of its bucket (3 digits), never above the longest. `None` if empty.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        (self.count() > 0).then(|| self.histogram.value_at_quantile(quantile).min(self.max_us))
    }

    /// The longest, exact to the microsecond. `None` if empty.
    pub fn max_us(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_us)
    }

    /// For each duration that occurred, the number of durations that are at most as long: (µs, count), both ascending.
    /// Durations are upper edges of buckets (3 digits), never above the longest.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut count = 0;
        let step = |bucket: hdrhistogram::iterators::IterationValue<u64>| {
            count += bucket.count_since_last_iteration();
            (bucket.value_iterated_to().min(self.max_us), count)
        };
        self.histogram.iter_recorded().map(step).collect()
    }

    /// The durations longer than `us`.
    pub fn above(&self, us: u64) -> Durations {
        let mut above = Durations::default();
        for bucket in self.histogram.iter_recorded().filter(|bucket| bucket.value_iterated_to() > us) {
            above.histogram.saturating_record_n(bucket.value_iterated_to(), bucket.count_since_last_iteration());
            above.max_us = self.max_us;
        }
        above
    }

    /// Encodes it for files.
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.histogram, &mut bytes).expect("writing to memory");
        STANDARD.encode(bytes)
    }

    /// Decodes it from a file. `max_us` is the exact longest; without it (phases keep none), the histogram's own.
    pub fn from_base64(text: &str, max_us: Option<u64>) -> Result<Durations, NotAHistogram> {
        let bytes = STANDARD.decode(text).map_err(|_| NotAHistogram)?;
        // The reader allocates the size in the header before it checks the number of bytes.
        let says = bytes.get(4..8).and_then(|field| field.try_into().ok()).map(u32::from_be_bytes);
        if says.and_then(|says| usize::try_from(says).ok()) != bytes.len().checked_sub(HEADER_BYTES) {
            return Err(NotAHistogram);
        }
        let histogram: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|_| NotAHistogram)?;
        if histogram.sigfig() != 3 || histogram.high() != LONGEST_US || histogram.low() != 1 {
            return Err(NotAHistogram);
        }
        let max_us = max_us.unwrap_or(histogram.max());
        Ok(Durations { histogram, max_us })
    }
}

/// Rounded to the nearest.
pub fn round_to_us(ns: u64) -> u64 {
    (ns + 500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_that_says_it_is_longer_is_refused() {
        // Found by fuzzing: the reader allocated 2.9 GB for it.
        let mut times = Durations::default();
        times.record_ns(7_000);
        let good = times.to_base64();
        assert_eq!(Durations::from_base64(&good, None), Ok(times));
        let mut bytes = STANDARD.decode(good).expect("base64");
        bytes[4] = 0xb0;
        assert_eq!(Durations::from_base64(&STANDARD.encode(bytes), None), Err(NotAHistogram));
        assert_eq!(Durations::from_base64("HIST", None), Err(NotAHistogram));
    }

    #[test]
    fn what_is_cumulative_agrees_with_the_quantiles() {
        let mut times = Durations::default();
        assert_eq!((times.cumulative(), times.quantile_us(0.5)), (Vec::new(), None));
        [1_000, 2_000, 2_000, 7_000, 1_234_567_000].iter().for_each(|ns| times.record_ns(*ns));
        assert_eq!(times.cumulative(), [(1, 1), (2, 3), (7, 4), (1_234_567, 5)]);
        assert_eq!(
            (times.quantile_us(0.5), times.quantile_us(0.8), times.max_us()),
            (Some(2), Some(7), Some(1_234_567))
        );
    }
}
