//! Kafka's `ExponentialBackoff`: base 2, ±20 % jitter, whole ms (KIP-580, controller-broker.md §6.10).

use crate::io::Entropy;

/// Waits that double from `initial_ms` up to `max_ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExponentialBackoff {
    pub initial_ms: i64,
    /// Upper limit of a wait, jitter included.
    pub max_ms: i64,
}

impl ExponentialBackoff {
    /// The wait after `failures` earlier ones. If the maximum is at most `initial_ms`, it is the wait, without jitter.
    ///
    /// Kafka draws the jitter at each query; here it is drawn once, when the wait starts.
    pub fn draw_ms(self, failures: u32, entropy: &mut dyn Entropy) -> i64 {
        if self.max_ms <= self.initial_ms {
            return self.max_ms;
        }
        let factor = 1_i64.checked_shl(failures.min(62)).unwrap_or(i64::MAX);
        let term_ms = self.initial_ms.saturating_mul(factor).min(self.max_ms);
        let jitter_ms = term_ms / 5;
        let width_ms = u32::try_from(2 * jitter_ms).unwrap_or(u32::MAX).max(1);
        (term_ms - jitter_ms + i64::from(entropy.below(width_ms))).min(self.max_ms)
    }
}
