//! A fault that waits for a trigger.

/// An aimed fault that is due, and whose trigger has not fired yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Index in the plan.
    pub fault: usize,
    /// Occurrences left until it fires.
    pub left: u32,
}
