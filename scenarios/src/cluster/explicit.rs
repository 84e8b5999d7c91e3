//! What a run is given instead of what its seed would give: a plan, operations.

use std::rc::Rc;

use sim::fault::Plan;

use crate::workload::{ClientOperation, ScheduledOperation};

/// The parts of a run that are given explicitly, and not derived from its seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explicit {
    /// Replaces the plan of the nemesis.
    pub plan: Option<Plan>,
    /// Operations that replace those that clients would draw until all faults end.
    pub operations: Option<Vec<ScheduledOperation>>,
    /// Clients keep the operations they draw ([`crate::run::operations`]).
    pub keeps_operations: bool,
}

impl Explicit {
    /// Only a plan is given.
    pub fn plan(plan: Plan) -> Explicit {
        Explicit { plan: Some(plan), ..Explicit::default() }
    }

    /// With explicit operations, the lasting topics that no operation creates: then no client creates them by itself.
    pub(crate) fn never_created(&self, lasting: u16) -> Vec<u16> {
        let Some(all) = &self.operations else { return Vec::new() };
        let creates = |topic: &u16| {
            all.iter().any(|it| matches!(&it.what, ClientOperation::CreateTopics { topics } if topics.contains(topic)))
        };
        (0..lasting).filter(|topic| !creates(topic)).collect()
    }

    /// The explicit operations of one client, if there are any.
    pub(crate) fn timetable(&self, client: usize) -> Option<Rc<[(u64, ClientOperation)]>> {
        let all = self.operations.as_ref()?;
        let mut own: Vec<_> = all
            .iter()
            .filter(|requested| usize::from(requested.client) == client)
            .map(|it| (it.at_ns, it.what.clone()))
            .collect();
        own.sort_by_key(|(at_ns, _)| *at_ns);
        Some(own.into())
    }
}
