//! A node's clocks: exact integer drift, steps, smears.
//!
//! A drift of `ppm` makes the monotonic clock gain `ppm` ns in each 1,000,000 ns of true time.
//! Fractions of a ns are carried exactly, so the clock neither jumps nor falls back when its
//! drift changes. The wall clock counts the same local time in ms, plus an offset that steps
//! and smears move. Both are pure functions of true time between two changes.

use crate::process::Now;

/// Slowest allowed total drift of one node, in ppm: its clock slows down, but never stops.
pub const SLOWEST_PPM: u32 = 900_000;

/// Parts of the drift: the clock's rate is `PARTS + ppm` millionths of a ns per ns.
const PARTS: u64 = 1_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Monotonic and wall clock of one node. True time only advances: querying a time before the last change of drift
/// panics.
#[derive(Clone, Debug)]
pub struct Clock {
    /// True time of the last change of drift.
    base_at: u64,
    /// What the monotonic clock showed at that time, and the millionths of a ns that it does not show.
    base_mono_ns: u64,
    base_millionths: u64,
    /// Millionths of a ns per ns of true time.
    rate: u64,
    mono_start_ns: u64,
    /// The wall clock minus the local time since the start, once all smears are over.
    wall_ms: i64,
    /// Smears that are not yet folded into `wall_ms`.
    smears: Vec<Smear>,
}

/// One slew of the wall clock, linear in true time.
#[derive(Clone, Copy, Debug)]
struct Smear {
    at: u64,
    over_ns: u64,
    by_ms: i64,
}

impl Clock {
    /// At true time 0, the monotonic clock shows `mono_start_ns` and the wall clock `wall_start_ms`.
    pub fn new(mono_start_ns: u64, wall_start_ms: i64, drift_ppm: i32) -> Clock {
        Clock {
            base_at: 0,
            base_mono_ns: mono_start_ns,
            base_millionths: 0,
            rate: rate_of(drift_ppm),
            mono_start_ns,
            wall_ms: wall_start_ms,
            smears: Vec::new(),
        }
    }

    /// What both clocks show at a true time.
    #[inline]
    pub fn now(&self, at: u64) -> Now {
        let mono_ns = self.mono_at(at);
        let local_ns = mono_ns - self.mono_start_ns;
        let wall_ms = if self.smears.is_empty() {
            self.wall_ms.saturating_add((local_ns / NS_PER_MS) as i64)
        } else {
            self.smeared_wall(at, local_ns)
        };
        Now { mono_ns, wall_ms }
    }

    /// Earliest true time (>= `at`) at which the monotonic clock shows at least `mono_ns`; `u64::MAX` (never) if that
    /// exceeds the range of time.
    #[inline]
    pub fn true_at_mono(&self, at: u64, mono_ns: u64) -> u64 {
        if self.mono_at(at) >= mono_ns {
            return at;
        }
        // Least d with base_millionths + d * rate >= ahead * PARTS.
        let ahead = mono_ns - self.base_mono_ns;
        // Without drift, the millionths that are not shown do not change.
        if self.rate == PARTS {
            return self.base_at.saturating_add(ahead);
        }
        let elapsed = match ahead.checked_mul(PARTS) {
            Some(millionths) => (millionths - self.base_millionths).div_ceil(self.rate),
            None => {
                let millionths = u128::from(ahead) * u128::from(PARTS) - u128::from(self.base_millionths);
                u64::try_from(millionths.div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX)
            }
        };
        self.base_at.saturating_add(elapsed)
    }

    /// From `at` on, both clocks run with this drift.
    pub fn set_drift(&mut self, at: u64, ppm: i32) {
        let millionths = self.millionths_since_base(at);
        self.base_mono_ns = self.mono_at(at);
        self.base_millionths = (millionths % u128::from(PARTS)) as u64;
        self.base_at = at;
        self.rate = rate_of(ppm);
        self.fold(at);
    }

    /// The wall clock jumps.
    pub fn step_wall(&mut self, at: u64, by_ms: i64) {
        self.wall_ms = self.wall_ms.saturating_add(by_ms);
        self.fold(at);
    }

    /// Slews the wall clock by `by_ms`, linearly over `over_ns` of true time. Slews add up.
    pub fn smear_wall(&mut self, at: u64, by_ms: i64, over_ns: u64) {
        self.fold(at);
        self.smears.push(Smear { at, over_ns, by_ms });
    }

    #[inline]
    fn mono_at(&self, at: u64) -> u64 {
        assert!(at >= self.base_at, "clock asked for {at} ns, but its drift changed at {} ns", self.base_at);
        let elapsed = at - self.base_at;
        if self.rate == PARTS {
            return self.base_mono_ns.saturating_add(elapsed);
        }
        // The narrow form holds for about two hours after a change of drift.
        let gained = match elapsed.checked_mul(self.rate).and_then(|gained| gained.checked_add(self.base_millionths)) {
            Some(millionths) => millionths / PARTS,
            None => u64::try_from(self.millionths_since_base(at) / u128::from(PARTS)).unwrap_or(u64::MAX),
        };
        self.base_mono_ns.saturating_add(gained)
    }

    fn millionths_since_base(&self, at: u64) -> u128 {
        u128::from(self.base_millionths) + u128::from(at - self.base_at) * u128::from(self.rate)
    }

    /// Sums in ns before rounding to ms, so that a smear ends exactly where a step would.
    fn smeared_wall(&self, at: u64, local_ns: u64) -> i64 {
        let moved_ns: i128 = self.smears.iter().map(|smear| smear.moved_ns(at)).sum();
        let since_start_ms = (i128::from(local_ns) + moved_ns).div_euclid(i128::from(NS_PER_MS));
        let wall_ms = i128::from(self.wall_ms) + since_start_ms;
        wall_ms.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// Moves the smears that are over into the offset.
    fn fold(&mut self, at: u64) {
        let wall_ms = &mut self.wall_ms;
        self.smears.retain(|smear| {
            let running = at < smear.ends_at();
            if !running {
                *wall_ms = wall_ms.saturating_add(smear.by_ms);
            }
            running
        });
    }
}

impl Smear {
    fn ends_at(&self) -> u64 {
        self.at.saturating_add(self.over_ns)
    }

    fn moved_ns(&self, at: u64) -> i128 {
        let by_ns = i128::from(self.by_ms) * i128::from(NS_PER_MS);
        if at >= self.ends_at() {
            return by_ns;
        }
        // floor(by * elapsed / over), in two parts because the product may not fit.
        let (elapsed, over) = (i128::from(at.saturating_sub(self.at)), i128::from(self.over_ns));
        by_ns.div_euclid(over) * elapsed + by_ns.rem_euclid(over) * elapsed / over
    }
}

fn rate_of(ppm: i32) -> u64 {
    let rate = PARTS as i64 + i64::from(ppm);
    assert!(rate > 0, "a drift of {ppm} ppm would stop the clock or turn it back");
    rate as u64
}
