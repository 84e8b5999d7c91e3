//! What the checks of timers know of a server: its settings, and since when its clocks run true.
//!
//! Kafka's raft client keeps its timers on the wall clock, so whatever moves that moves them
//! (consensus.md §2.2): a timer is judged only if nothing has disturbed its server since it began.

/// A server's settings that its quorum timers go by, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumTimings {
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch_timeout_ms: u64,
    /// `controller.quorum.election.timeout.ms`
    pub election_timeout_ms: u64,
    /// `controller.quorum.election.backoff.max.ms`
    pub election_backoff_max_ms: u64,
    /// `controller.quorum.append.linger.ms`
    pub append_linger_ms: u64,
}

impl QuorumTimings {
    /// Kafka's defaults, for tests.
    pub const DEFAULT: QuorumTimings = QuorumTimings {
        fetch_timeout_ms: 2_000,
        election_timeout_ms: 1_000,
        election_backoff_max_ms: 1_000,
        append_linger_ms: 25,
    };
}

/// How long so many ms last at most, in true time, on a clock that loses `slowest_ppm`; ns. One more
/// is for what is left of the ms in which a timer begins, and one for that in which it ends.
pub fn longest_ns(ms: u64, slowest_ppm: u32) -> u64 {
    let rate = u64::from(1_000_000_u32.saturating_sub(slowest_ppm).max(1));
    let local_ns = ms.saturating_add(2).saturating_mul(1_000_000);
    local_ns.saturating_mul(1_000_000 / 1_000).checked_div(rate / 1_000).unwrap_or(u64::MAX)
}

/// Faults of one server's clocks, its process or its disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm {
    disturbances: u32,
    since_ns: u64,
}

impl Calm {
    /// A fault begins or ends. A wall clock that went back by `by_ms` stops Kafka's timers until it has
    /// caught up.
    pub fn disturbed(&mut self, at_ns: u64, begins: bool, by_ms: u64) {
        self.disturbances = self.disturbances.saturating_add_signed(if begins { 1 } else { -1 });
        self.since_ns = self.since_ns.max(at_ns) + by_ms * 1_000_000;
    }

    /// True time since when nothing disturbs it; `None` while something does.
    pub fn since_ns(&self) -> Option<u64> {
        (self.disturbances == 0).then_some(self.since_ns)
    }

    /// Has nothing disturbed it since then?
    pub fn lasts_since(&self, ns: u64) -> bool {
        self.since_ns().is_some_and(|since_ns| since_ns <= ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_clock_takes_longer() {
        assert_eq!(longest_ns(998, 0), 1_000_000_000);
        assert_eq!(longest_ns(998, 500_000), 2_000_000_000);
    }

    #[test]
    fn who_was_disturbed_is_calm_when_the_last_fault_is_over_and_its_clock_has_caught_up() {
        let mut calm = Calm::default();
        assert!(calm.lasts_since(0));
        calm.disturbed(5, true, 0);
        calm.disturbed(6, true, 0);
        calm.disturbed(7, false, 0);
        assert_eq!(calm.since_ns(), None);
        calm.disturbed(9, false, 2);
        assert!(calm.lasts_since(2_000_009) && !calm.lasts_since(2_000_008));
    }
}
