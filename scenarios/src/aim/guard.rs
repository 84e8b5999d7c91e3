//! Tolerance guards: what a fault must not destroy if the guarantees are to hold, evaluated at the instant at which the
//! fault is about to begin.

use sim::fault::{Fault, Kind};

use super::tracker::Tracker;
use crate::scenario::fault_profile::{Destroys, means};
use crate::scenario::faults::Nemesis;

/// A fault that destroys bytes of the page cache or of the disk must leave every acknowledged record on some replica
/// that may become leader, and every voter's vote and epoch on a majority of disks.
pub const LAST_COPY: &str = "last-copy";

/// No fault may go beyond what Kafka promises with three replicas of which two must be in sync.
pub const TOLERANCE: &str = "tolerance";

pub const NAMES: [&str; 2] = [LAST_COPY, TOLERANCE];

/// Whether the guard forbids the fault now.
pub fn forbids(guard: &str, tracker: &Tracker, fault: &Fault) -> bool {
    match guard {
        LAST_COPY => tracker.has_last_copy(fault),
        TOLERANCE => tracker.exceeds_tolerance(fault),
        _ => false,
    }
}

/// The guard of a fault of this kind; `waits`: it waits for a trigger.
pub fn of(nemesis: &Nemesis, kind: Kind, waits: bool) -> Option<&'static str> {
    if nemesis.beyond_tolerance || nemesis.any_broker_loses_data {
        return None;
    }
    if nemesis.within_tolerance {
        return Some(TOLERANCE);
    }
    let destroys = match means(kind).destroys {
        // The same minority of servers loses its disks all through a run, unless aimed faults destroy others, too.
        Destroys::Forced => nemesis.aimed.is_some() || nemesis.guarded,
        Destroys::Unforced => waits || nemesis.guarded,
        Destroys::Nothing => false,
    };
    destroys.then_some(LAST_COPY)
}
