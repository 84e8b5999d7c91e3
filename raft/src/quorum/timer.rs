//! Kafka's `Timer`: a wall-clock deadline read through a cached time that never goes back.
//!
//! Between updates the time is constant, as in Kafka, where a poll reads the clock once and evaluates its timers
//! afterwards. If the wall clock steps back, the timer does not advance until the clock has caught up; if it steps
//! forward, the timer expires early (consensus.md §2.2).

/// A deadline in wall-clock ms, and the latest time of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    current_ms: i64,
    deadline_ms: i64,
}

impl Timer {
    /// A timer that expires `timeout_ms` after `now_ms`.
    pub fn new(now_ms: i64, timeout_ms: i64) -> Timer {
        let mut timer = Timer::infinite(now_ms);
        timer.reset(timeout_ms);
        timer
    }

    /// A timer that never expires (an observer's election timer, consensus.md §1.1).
    pub fn infinite(now_ms: i64) -> Timer {
        Timer { current_ms: now_ms, deadline_ms: i64::MAX }
    }

    /// Updates the time, unless it is earlier than before.
    pub fn update(&mut self, now_ms: i64) {
        self.current_ms = self.current_ms.max(now_ms);
    }

    /// Restarts the timer from the latest update. `i64::MAX` means never.
    pub fn reset(&mut self, timeout_ms: i64) {
        assert!(timeout_ms >= 0, "a timer cannot be reset to a negative timeout of {timeout_ms} ms");
        self.deadline_ms = if timeout_ms == i64::MAX { i64::MAX } else { self.current_ms.saturating_add(timeout_ms) };
    }

    /// Whether the deadline has passed at the latest update.
    pub fn is_expired(&self) -> bool {
        self.remaining_ms() == 0
    }

    /// The time until the deadline at `now_ms`, without an update; `None` for no deadline.
    pub fn remaining_at(&self, now_ms: i64) -> Option<i64> {
        let now_ms = now_ms.max(self.current_ms);
        (self.deadline_ms != i64::MAX).then(|| self.deadline_ms.saturating_sub(now_ms).max(0))
    }

    /// Time until the deadline, never negative; `i64::MAX` for no deadline.
    pub fn remaining_ms(&self) -> i64 {
        if self.deadline_ms == i64::MAX {
            return i64::MAX;
        }
        self.deadline_ms.saturating_sub(self.current_ms).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_at_its_deadline_and_not_before() {
        let mut timer = Timer::new(1_000, 50);
        timer.update(1_049);
        assert_eq!((timer.remaining_ms(), timer.is_expired()), (1, false));
        timer.update(1_050);
        assert_eq!((timer.remaining_ms(), timer.is_expired()), (0, true));
        assert!(Timer::new(1_000, 0).is_expired());
    }

    #[test]
    fn a_clock_stepped_back_is_ignored_until_it_has_caught_up() {
        let mut timer = Timer::new(1_000, 50);
        timer.update(1_040);
        timer.update(200);
        assert_eq!(timer.remaining_ms(), 10);
        timer.reset(50);
        timer.update(1_089);
        assert_eq!(timer.remaining_ms(), 1, "a reset counts from the cached time");
    }

    #[test]
    fn infinity_is_never_reached_and_can_be_left() {
        let mut timer = Timer::infinite(5);
        timer.update(i64::MAX - 1);
        assert_eq!((timer.remaining_ms(), timer.is_expired()), (i64::MAX, false));
        let mut timer = Timer::new(i64::MAX - 10, 5);
        timer.update(i64::MAX);
        assert!(timer.is_expired());
        let mut timer = Timer::infinite(5);
        timer.reset(1);
        timer.update(6);
        assert!(timer.is_expired());
    }
}
