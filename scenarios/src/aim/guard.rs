//! Tolerance guards: what a fault must not take if promises are to hold, evaluated at the instant at which it is about to
//! begin.

use sim::fault::{Fault, Kind};

use super::tracker::Tracker;
use crate::scenario::fault_profile::{Destroys, means};
use crate::scenario::faults::Nemesis;

/// A fault that destroys bytes, of the page cache or of the disk, must leave every acknowledged record
/// with somebody who may lead, and every voter's promise with a majority of disks.
pub const LAST_COPY: &str = "last-copy";

/// No fault may go beyond what Kafka promises with three replicas of which two must be in sync.
pub const TOLERANCE: &str = "tolerance";

/// Every name.
pub const NAMES: [&str; 2] = [LAST_COPY, TOLERANCE];

/// Would it be too much?
pub fn forbids(guard: &str, tracker: &Tracker, fault: &Fault) -> bool {
    match guard {
        LAST_COPY => tracker.has_last_copy(fault),
        TOLERANCE => tracker.exceeds_tolerance(fault),
        _ => false,
    }
}

/// The guard of a fault of some kind, which waits for a trigger or does not.
pub fn of(nemesis: &Nemesis, kind: Kind, waits: bool) -> Option<&'static str> {
    if nemesis.beyond_tolerance || nemesis.any_broker_loses_data {
        return None;
    }
    if nemesis.within_tolerance {
        return Some(TOLERANCE);
    }
    let destroys = match means(kind).destroys {
        // The same few lose their disks all through a run, unless aimed faults destroy others', too.
        Destroys::Forced => nemesis.aimed.is_some() || nemesis.guarded,
        Destroys::Unforced => waits || nemesis.guarded,
        Destroys::Nothing => false,
    };
    destroys.then_some(LAST_COPY)
}
