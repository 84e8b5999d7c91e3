//! What the checks of timers know of a server: its settings, and since when its clocks run true.
//!
//! Kafka's raft client keeps its timers on the wall clock, so whatever moves that moves them
//! (consensus.md §2.2): a timer is judged only if nothing has disturbed its server since it began.

use sim::clock::SLOWEST_PPM;

/// A server's settings that its timers go by, ms.
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
    /// `controller.quorum.request.timeout.ms`
    pub request_timeout_ms: u64,
    /// `replica.lag.time.max.ms`, of a broker
    pub replica_lag_ms: u64,
}

impl QuorumTimings {
    /// Kafka's defaults, for tests.
    pub const DEFAULT: QuorumTimings = QuorumTimings {
        fetch_timeout_ms: 2_000,
        election_timeout_ms: 1_000,
        election_backoff_max_ms: 1_000,
        append_linger_ms: 25,
        request_timeout_ms: 2_000,
        replica_lag_ms: 30_000,
    };
}

/// How long so many ms last at most, in true time, on a clock that loses `slowest_ppm`; ns. One more
/// is for what is left of the ms in which a timer begins, and one for that in which it ends.
pub fn longest_ns(ms: u64, slowest_ppm: u32) -> u64 {
    let local_ns = ms.saturating_add(2).saturating_mul(1_000_000);
    local_ns.saturating_mul(1_000) / rate(slowest_ppm)
}

/// How long so many ms last at least, in true time, on a clock that gains `fastest_ppm`; ns. A tenth less, for a thread that
/// read its clock a while ago.
pub fn shortest_ns(ms: u64, fastest_ppm: u32) -> u64 {
    ms.saturating_mul(900_000).saturating_mul(1_000) / (1_000 + u64::from(fastest_ppm).div_ceil(1_000))
}

/// How many ns a clock gains in 1,000 if it loses so much; at least one.
fn rate(slowest_ppm: u32) -> u64 {
    u64::from(1_000_000_u32.saturating_sub(slowest_ppm) / 1_000).max(1)
}

/// A fault of one server's clocks, its process or its disk begins or ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// Or it ends.
    pub begins: bool,
    /// So far its wall clock goes back by that, ms.
    pub back_ms: u64,
    /// While it lasts its clock may be slow.
    pub slows: bool,
}

/// Since when nothing disturbs one server.
#[derive(Clone, Copy, Debug)]
pub struct Calm {
    slowest_ppm: u32,
    disturbances: u32,
    slowing: u32,
    /// True time when the last fault began or ended, if there was one.
    moved_ns: Option<u64>,
    /// How much its wall clock may have gone back by then and not have caught up with, in its own time.
    behind_ns: u64,
}

impl Calm {
    /// Of a clock that loses at most `slowest_ppm` if no fault makes it slower.
    pub fn new(slowest_ppm: u32) -> Calm {
        Calm { slowest_ppm, disturbances: 0, slowing: 0, moved_ns: None, behind_ns: 0 }
    }

    /// A wall clock that went back stops Kafka's timers until it has caught up, which takes it longer while it
    /// is slow.
    pub fn disturbed(&mut self, at_ns: u64, how: Disturbance) {
        let slowest_ppm = if self.slowing > 0 { SLOWEST_PPM } else { self.slowest_ppm };
        let gained_ns = (at_ns - self.moved_ns.unwrap_or(0)) / 1_000 * rate(slowest_ppm);
        self.behind_ns = self.behind_ns.saturating_sub(gained_ns) + how.back_ms * 1_000_000;
        self.moved_ns = Some(at_ns);
        let change = if how.begins { 1 } else { -1 };
        self.disturbances = self.disturbances.saturating_add_signed(change);
        if how.slows {
            self.slowing = self.slowing.saturating_add_signed(change);
        }
    }

    /// True time since when nothing disturbs it; `None` while something does. It is after the last fault: several
    /// may end at one instant, with what happens at it between them.
    pub fn since_ns(&self) -> Option<u64> {
        let lasts_ns = (self.behind_ns / rate(self.slowest_ppm)).saturating_mul(1_000);
        let since_ns = self.moved_ns.map_or(0, |moved_ns| moved_ns.saturating_add(lasts_ns).saturating_add(1));
        (self.disturbances == 0).then_some(since_ns)
    }

    /// Has nothing disturbed it since then?
    pub fn lasts_since(&self, ns: u64) -> bool {
        self.since_ns().is_some_and(|since_ns| since_ns <= ns)
    }
}

#[cfg(test)]
mod tests;
