//! Latencies: integer distributions in ns.
//!
//! A sample is a pure function of one 64-bit draw, and never decreases as the draw increases: the draw is the quantile.
//! So a latency can be computed from a seed by hand, and two runs that differ only in the distribution keep the order
//! of their samples.

use serde::{Deserialize, Serialize};

use crate::rng::scale;

mod table;
mod text;

use crate::duration::{DisplayDuration, Thousandths};

/// The longest latency: one hour. Longer ones are rejected, or clipped in a tail.
pub const MAX_NS: u64 = 3_600_000_000_000;
/// The widest log-normal, in thousandths.
pub const MAX_SIGMA_MILLI: u32 = 5_000;
/// Maximum number of quantiles kept of a measured distribution.
pub const MAX_QUANTILES: usize = 1_025;

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Latency {
    /// Always the same.
    Constant { ns: u64 },
    /// Uniform over the closed range.
    Uniform { min_ns: u64, max_ns: u64 },
    /// Log-normal, computed from a committed table; sigma in thousandths.
    LogNormal { median_ns: u64, sigma_milli: u32 },
    /// Ascending equidistant quantiles of a measured distribution, interpolated. Few durations are long, and far from each
    /// other: each tail has the quantiles of the part between the last two of the list before it.
    Empirical {
        quantiles_ns: Vec<u64>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tails_ns: Vec<Vec<u64>>,
    },
}

impl Latency {
    /// The duration for one 64-bit draw; at most [`MAX_NS`] if [`Latency::check`] passes.
    #[inline]
    pub fn sample(&self, draw: u64) -> u64 {
        match self {
            Latency::Constant { ns } => *ns,
            Latency::Uniform { min_ns, max_ns } => {
                min_ns + scale(draw, max_ns.saturating_sub(*min_ns).saturating_add(1))
            }
            Latency::LogNormal { median_ns, sigma_milli } => log_normal(*median_ns, *sigma_milli, draw),
            Latency::Empirical { quantiles_ns, tails_ns } => interpolate(quantiles_ns, tails_ns, draw),
        }
    }

    /// Returns what is wrong with it, for values that did not come from [`Latency::parse`].
    pub fn check(&self) -> Result<(), String> {
        let at_most_max = |ns: u64| match ns {
            0..=MAX_NS => Ok(()),
            _ => Err(format!("a latency of {} is too long; at most 1h", DisplayDuration(ns))),
        };
        match self {
            Latency::Constant { ns } => at_most_max(*ns),
            Latency::Uniform { min_ns, max_ns } => {
                if min_ns > max_ns {
                    let (min, max) = (DisplayDuration(*min_ns), DisplayDuration(*max_ns));
                    return Err(format!("the range {min}..{max} is empty; the smaller bound comes first"));
                }
                at_most_max(*max_ns)
            }
            Latency::LogNormal { median_ns, sigma_milli } => {
                if *sigma_milli > MAX_SIGMA_MILLI {
                    let sigma = Thousandths(*sigma_milli);
                    return Err(format!("a sigma of {sigma} is too wide; at most {}", Thousandths(MAX_SIGMA_MILLI)));
                }
                at_most_max(*median_ns)
            }
            Latency::Empirical { quantiles_ns, tails_ns } => {
                let Some(longest) = quantiles_ns.last() else {
                    return Err("an empirical latency has no durations; at least one is needed".to_string());
                };
                if !quantiles_ns.is_sorted() {
                    return Err("the quantiles of an empirical latency must ascend".to_string());
                }
                let mut before = quantiles_ns;
                for tail in tails_ns {
                    let last_two = before.len().checked_sub(2).map(|at| &before[at..]);
                    let ends = tail.first().zip(tail.last()).map(|(first, last)| [*first, *last]);
                    if !tail.is_sorted() || ends.is_none() || last_two != ends.as_ref().map(|ends| &ends[..]) {
                        return Err(
                            "a tail of an empirical latency must ascend from the last quantile but one to the \
                                    last of what is before it"
                                .to_string(),
                        );
                    }
                    before = tail;
                }
                at_most_max(*longest)
            }
        }
    }
}

/// A point between the two quantiles that the draw falls between.
fn interpolate(quantiles: &[u64], tails: &[Vec<u64>], draw: u64) -> u64 {
    let Some(last) = quantiles.len().checked_sub(1) else { return 0 };
    let position = u128::from(draw) * last as u128;
    if let [tail, rest @ ..] = tails
        && (position >> 64) as usize + 1 == last
    {
        return interpolate(tail, rest, position as u64);
    }
    let low = quantiles[(position >> 64) as usize];
    let high = quantiles[((position >> 64) as usize + 1).min(last)];
    low + scale(position as u64, high.saturating_sub(low))
}

/// median * e^(sigma * z), z being the standard normal quantile of the draw.
fn log_normal(median_ns: u64, sigma_milli: u32, draw: u64) -> u64 {
    /// log2(e) / 1000, 40 fractional bits.
    const LOG2_E_PER_MILLI: i128 = 1_586_259_973;
    let sigma = i128::from(sigma_milli.min(MAX_SIGMA_MILLI));
    // 24 + 40 fractional bits, reduced to 32. At most 2^6 in size.
    let exponent = ((i128::from(normal_quantile(draw)) * sigma * LOG2_E_PER_MILLI) >> 32) as i64;
    let (whole, fraction) = (exponent >> 32, exponent as u32);
    // The product has 32 fractional bits; shift them out together with the whole part.
    let product = u128::from(median_ns.min(MAX_NS)) * u128::from(power_of_two(fraction));
    let ns = match 32 - whole {
        shift @ 1..=127 => (product + (1 << (shift - 1))) >> shift,
        shift => product << -shift,
    };
    ns.min(u128::from(MAX_NS)) as u64
}

/// The standard normal quantile of a draw, 24 fractional bits; clipped at a tail of 2^-41.
fn normal_quantile(draw: u64) -> i64 {
    let is_upper = draw >> 63 == 1;
    // The remaining tail on this side, of 2^64: below 2^63.
    let tail = if is_upper { !draw } else { draw };
    let octave = (tail.leading_zeros() as usize).saturating_sub(1);
    let size = if octave >= table::OCTAVES {
        i64::from(table::NORMAL[table::NORMAL.len() - 1])
    } else {
        // The leading one gives the octave; the next bits give the part and the position within it.
        let mantissa = tail << (octave + 2);
        let part = (mantissa >> (64 - table::PARTS_LOG2)) as usize;
        let place = (mantissa << table::PARTS_LOG2) >> 32;
        let outer = ((octave + 1) << table::PARTS_LOG2) - part;
        let (far, near) = (i64::from(table::NORMAL[outer]), i64::from(table::NORMAL[outer - 1]));
        far - (((far - near) * place as i64) >> 32)
    };
    if is_upper { size } else { -size }
}

/// 2^(fraction / 2^32), 32 fractional bits.
fn power_of_two(fraction: u32) -> u64 {
    let index = (fraction >> 24) as usize;
    let place = u64::from(fraction << 8);
    let (low, high) = (table::POWERS[index], table::POWERS[index + 1]);
    low + (((high - low) * place) >> 32)
}
