//! Operations of a history, and how their calls and answers lie to one another.

/// One operation: from its call to its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<Op> {
    /// Who called.
    pub process: u64,
    /// Where its call stands in the history; no other call or answer stands there.
    pub called: u64,
    /// Where its answer stands; `None` if there was none that says whether it happened.
    pub returned: Option<u64>,
    /// What was requested and answered.
    pub op: Op,
}

/// Calls and answers of one object's operations by their places.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where each was called; ascending.
    pub called: Vec<u64>,
    /// Where each returned; `u64::MAX` if never.
    pub returned: Vec<u64>,
}

impl Order {
    /// The places of these operations, which must be in the order of their calls.
    pub fn of<Op>(operations: &[&Operation<Op>]) -> Order {
        let called: Vec<u64> = operations.iter().map(|operation| operation.called).collect();
        assert!(called.is_sorted(), "operations are not in the order of their calls");
        let returned = operations.iter().map(|operation| operation.returned.unwrap_or(u64::MAX)).collect();
        Order { called, returned }
    }

    /// How many operations there are.
    pub fn count(&self) -> usize {
        self.called.len()
    }

    /// The same up to an answer: of what comes later nothing is known.
    pub fn until(&self, last: u64) -> Order {
        let returned = self.returned.iter().map(|returned| if *returned > last { u64::MAX } else { *returned });
        Order { called: self.called.clone(), returned: returned.collect() }
    }

    /// Was this operation never answered?
    pub fn is_pending(&self, operation: usize) -> bool {
        self.returned[operation] == u64::MAX
    }
}
