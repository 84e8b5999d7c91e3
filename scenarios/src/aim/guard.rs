//! Tolerance guards: what a fault must not destroy if the guarantees are to hold, evaluated at the instant at which the
//! fault is about to begin.

use sim::fault::{Fault, Guard, Kind};

use super::tracker::Tracker;
use crate::scenario::Scenario;
use crate::scenario::fault_profile::{Destroys, means};
use crate::scenario::faults::Nemesis;

/// Whether the guard forbids the fault now.
pub fn forbids(at_ns: u64, guard: Guard, tracker: &Tracker, fault: &Fault) -> bool {
    match guard {
        // Every acknowledged record must stay on some replica that may become leader, and every voter's vote and epoch
        // on a majority of disks.
        Guard::LastCopy => tracker.has_last_copy(at_ns, fault),
        // What Kafka promises with three replicas of which two must be in sync.
        Guard::Tolerance => tracker.exceeds_tolerance(at_ns, fault),
    }
}

/// Whether the disk of any controller may be replaced, and not only those of the same minority all through a run: voters have
/// directory ids, and a guard looks at the voter set of the instant.
pub fn may_replace_any_controller(scenario: &Scenario) -> bool {
    scenario.cluster.is_dynamic()
        && !scenario.cluster.begins_static()
        && of(&scenario.nemesis, Kind::ReplaceDisk, false).is_some()
}

/// The guard of a fault of this kind; `waits`: it waits for a trigger.
pub fn of(nemesis: &Nemesis, kind: Kind, waits: bool) -> Option<Guard> {
    if nemesis.beyond_tolerance || nemesis.any_broker_loses_data {
        return None;
    }
    if nemesis.within_tolerance {
        return Some(Guard::Tolerance);
    }
    let destroys = match means(kind).destroys {
        // The same minority of servers loses bytes all through a run, unless aimed faults destroy others, too.
        Destroys::Forced => nemesis.aimed.is_some() || nemesis.guarded,
        Destroys::Unforced => waits || nemesis.guarded,
        Destroys::Nothing => false,
    };
    destroys.then_some(Guard::LastCopy)
}
