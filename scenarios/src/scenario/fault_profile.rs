//! What of a kind of fault is Kafka's: how a scenario requests it (`[nemesis.KIND]`), and what it means to a
//! cluster. Each kind says so in one place, beside its generator in `nemesis`.

use sim::fault::{Fault, Kind, Link, What};
use sim::fault_kinds;

use super::error::Refusal;
use super::reference::Field;
use super::values::{IntRange, Nanos, NanosRange};

/// How often and how long, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Mean gap.
    pub every: Nanos,
    /// Length.
    pub lasts: NanosRange,
}

/// A kind of fault in scenarios.
pub trait FaultProfile {
    /// `[nemesis.KIND]`
    type Profile;

    /// Its fields.
    const FIELDS: &'static [Field];

    /// What it means to a cluster.
    const MEANS: Means;

    /// How often and how long.
    fn rhythm(profile: &Self::Profile) -> Rhythm;

    /// Values that no run could have.
    fn check(profile: &Self::Profile) -> Result<(), Refusal>;

    /// The least and the greatest length of one of its faults, ns.
    fn lengths(profile: &Self::Profile) -> (u64, u64) {
        let lasts = Self::rhythm(profile).lasts;
        if Self::MEANS.is_instant { (0, 0) } else { (lasts.min_ns, lasts.max_ns) }
    }

    /// The most faults of one injection.
    fn parts(_profile: &Self::Profile, _servers: u16) -> u64 {
        1
    }

    /// Is it of the same injection as another, which began so long before or after it?
    fn is_part_of(&self, _other: &Self, _apart_ns: u64) -> bool {
        false
    }

    /// The links that carry nothing while it is in force.
    fn cuts(&self) -> &[Link] {
        &[]
    }

    /// How timers of the node's process end while it is in force, if not on time.
    fn timers(&self) -> Option<Timers> {
        None
    }
}

/// What a kind of fault means to a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Which bytes it destroys.
    pub destroys: Destroys,
    /// A server that it affects does nothing.
    pub stops: bool,
    /// A server that it affects may fall behind its peers, or seem to be dead.
    pub weakens: bool,
    /// It has no length.
    pub is_instant: bool,
    /// What it may lead to, of what rare situations need.
    pub leads_to: &'static [LeadsTo],
    /// The faults of one injection begin within so much, ns.
    pub spread_ns: u64,
    /// How long after its length it may still be at work, ns.
    pub afterwards_ns: u64,
    /// From the end of one to the next of its kind, ns; `None`: they may overlap.
    pub spacing_ns: Option<u64>,
}

impl Means {
    /// Nothing is destroyed, servers continue, and all is over at its end.
    pub const HARMLESS: Means = Means {
        destroys: Destroys::Nothing,
        stops: false,
        weakens: false,
        is_instant: false,
        leads_to: &[],
        spread_ns: 0,
        afterwards_ns: 0,
        spacing_ns: None,
    };
}

/// What a kind of fault may lead to, of what rare situations need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    /// A link carries nothing.
    Cut,
    /// A process ends, and comes back.
    Restart,
    /// A host dies, and its page cache with it.
    HostDeath,
    /// A write or an fsync is refused.
    DiskError,
}

/// Which bytes a fault destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroys {
    /// None.
    Nothing,
    /// Those that were not forced; brokers do not force their data logs.
    Unforced,
    /// Durable ones.
    Forced,
}

/// How timers end that do not end on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timers {
    /// Late, and then several at once.
    Late,
    /// The clocks run at another rate, by so many ppm.
    Rate(i32),
    /// The wall clock steps by so many ms, and back at the end.
    Step(i64),
    /// The wall clock is slewed by so many ms.
    Slewed(i64),
}

macro_rules! kafkas_part {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        /// What a kind of fault means to a cluster.
        pub fn means(kind: Kind) -> Means {
            match kind {
                $(Kind::$Kind => <sim::fault::$Kind as FaultProfile>::MEANS,)+
            }
        }

        /// How timers of the node's process end while the fault is in force, if not on time.
        pub fn timers(what: &What) -> Option<Timers> {
            match what {
                $(What::$Kind(fault) => fault.timers(),)+
            }
        }

        /// The links that carry nothing while the fault is in force.
        pub fn cuts(what: &What) -> &[Link] {
            match what {
                $(What::$Kind(fault) => fault.cuts(),)+
            }
        }

        /// Are these two of one injection?
        pub fn are_one_injection(one: &Fault, other: &Fault) -> bool {
            let apart_ns = one.at_ns.abs_diff(other.at_ns);
            match &one.what {
                $(What::$Kind(fault) => {
                    if let What::$Kind(other) = &other.what { fault.is_part_of(other, apart_ns) } else { false }
                })+
            }
        }
    };
}

fault_kinds!(kafkas_part);

/// Refuses a range that is not within another.
pub fn within(path: &str, range: IntRange, min: i64, max: i64) -> Result<(), Refusal> {
    if range.min < min || range.max > max {
        return Err(Refusal::new(path, format!("{range}; allowed: within {min}..{max}")));
    }
    Ok(())
}

/// Refuses what is no chance, in parts per million.
pub fn is_chance(path: &str, ppm: u32) -> Result<(), Refusal> {
    within(path, IntRange { min: ppm.into(), max: ppm.into() }, 0, 1_000_000)
}

/// Declares the profile of kinds of fault, with `every` and `lasts`.
macro_rules! profiles {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Mean gap between two of them.
            pub every: $crate::scenario::values::Nanos,
            /// How long one lasts.
            pub lasts: $crate::scenario::values::NanosRange,
            $($(#[$field_meta])* pub $field: $type,)*
        }
    )+};
}

/// The fields of a kind in the reference: its table, `every`, `lasts` if it has one, and its own.
macro_rules! kind_fields {
    ($name:literal, $about:literal $(, lasts: $lasts:literal)?; $($field:literal: $kind:expr, $presence:expr, $of:literal;)*) => {
        &[
            Field { path: concat!("nemesis.", $name), kind: reference::Kind::Table, presence: Presence::Unset("off"), about: $about },
            Field {
                path: concat!("nemesis.", $name, ".every"),
                kind: reference::from_ms(10),
                presence: Presence::Required("\"10s\""),
                about: "",
            },
            $(Field {
                path: concat!("nemesis.", $name, ".lasts"),
                kind: reference::RANGE,
                presence: Presence::Required("\"1s..5s\""),
                about: $lasts,
            },)?
            $(Field { path: concat!("nemesis.", $name, ".", $field), kind: $kind, presence: $presence, about: $of },)*
        ]
    };
}

/// The rhythm of a kind whose profile has both parts of it.
macro_rules! rhythm_of_profile {
    () => {
        fn rhythm(profile: &Self::Profile) -> $crate::scenario::fault_profile::Rhythm {
            $crate::scenario::fault_profile::Rhythm { every: profile.every, lasts: profile.lasts }
        }
    };
}

/// A kind with nothing to check but its rhythm.
macro_rules! nothing_to_check {
    () => {
        fn check(_profile: &Self::Profile) -> Result<(), Refusal> {
            Ok(())
        }
    };
}

pub(crate) use {kind_fields, nothing_to_check, profiles, rhythm_of_profile};
