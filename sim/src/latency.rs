//! Latencies: integer distributions in ns.

use serde::{Deserialize, Serialize};

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Latency {
    /// Always the same.
    Constant { ns: u64 },
    /// Each ns of the closed range alike.
    Uniform { min_ns: u64, max_ns: u64 },
    /// Log-normal by a committed table; sigma in thousandths.
    LogNormal { median_ns: u64, sigma_milli: u32 },
    /// Ascending equidistant quantiles of a measured distribution, interpolated.
    Empirical { quantiles_ns: Vec<u64> },
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Latency {
    /// The duration for one 64-bit draw.
    pub fn sample(&self, draw: u64) -> u64 {
        todo!()
    }
    /// "500us", "1ms..5ms", "lognormal(1ms, 0.5)", "empirical(FILE)" is resolved by the caller.
    pub fn parse(text: &str) -> Result<Latency, String> {
        todo!()
    }
    /// One duration per line with unit, or `value` column in us; any order.
    pub fn from_csv(text: &str) -> Result<Latency, String> {
        todo!()
    }
}
