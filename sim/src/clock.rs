//! A node's clocks: exact integer drift, steps, smears.

use crate::process::Now;

/// Monotonic and wall clock of one node.
#[derive(Clone, Debug)]
pub struct Clock {
    _todo: (),
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Clock {
    /// At true time 0: the monotonic clock shows `mono_start_ns`, the wall clock `wall_start_ms`.
    pub fn new(mono_start_ns: u64, wall_start_ms: i64, drift_ppm: i32) -> Clock {
        todo!()
    }
    pub fn now(&self, at: u64) -> Now {
        todo!()
    }
    /// Earliest true time (>= `at`) at which the monotonic clock shows at least `mono_ns`.
    pub fn true_at_mono(&self, at: u64, mono_ns: u64) -> u64 {
        todo!()
    }
    pub fn set_drift(&mut self, at: u64, ppm: i32) {
        todo!()
    }
    pub fn step_wall(&mut self, at: u64, by_ms: i64) {
        todo!()
    }
    pub fn smear_wall(&mut self, at: u64, by_ms: i64, over_ns: u64) {
        todo!()
    }
}
