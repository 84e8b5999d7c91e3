//! The Kafka side of a kind of fault: how a scenario requests it (`[nemesis.KIND]`), and its effects on a cluster. Each
//! kind defines both in one place, beside its generator in `nemesis`.

use sim::fault::{Fault, Kind, Link, What};
use sim::fault_kinds;

use super::error::Refusal;
use super::reference::ScenarioField;
use super::values::{IntRange, Nanos, NanosRange};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Mean gap.
    pub every: Nanos,
    pub lasts: NanosRange,
    /// How often the first one is in force when the nodes boot for the first time, parts per million.
    pub at_boot_ppm: u32,
}

/// A kind of fault in scenarios.
pub trait FaultProfile {
    /// `[nemesis.KIND]`
    type Profile;

    const FIELDS: &'static [ScenarioField];

    const MEANS: Means;

    fn rhythm(profile: &Self::Profile) -> Rhythm;

    /// Refuses values that no run could have.
    fn check(profile: &Self::Profile) -> Result<(), Refusal>;

    /// The least and the greatest duration of one of its faults, ns.
    fn lengths(profile: &Self::Profile) -> (u64, u64) {
        let lasts = Self::rhythm(profile).lasts;
        if Self::MEANS.is_instant { (0, 0) } else { (lasts.min_ns, lasts.max_ns) }
    }

    /// The most faults of one injection.
    fn parts(_profile: &Self::Profile, _servers: u16) -> u64 {
        1
    }

    /// Whether it is of the same injection as another, which began `_apart_ns` before or after it.
    fn is_part_of(&self, _other: &Self, _apart_ns: u64) -> bool {
        false
    }

    /// The links that are cut while it is in force.
    fn cuts(&self) -> &[Link] {
        &[]
    }

    /// How the node's timers expire while it is in force, if not on time.
    fn timers(&self) -> Option<Timers> {
        None
    }
}

/// The effects of a kind of fault on a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Which bytes it destroys.
    pub destroys: Destroys,
    /// A server that it affects does nothing.
    pub stops: bool,
    /// A server that it affects may fall behind its peers, or seem to be dead.
    pub weakens: bool,
    /// It has no duration.
    pub is_instant: bool,
    /// The causes of rare situations that it may produce.
    pub leads_to: &'static [LeadsTo],
    /// The faults of one injection begin within this time, ns.
    pub spread_ns: u64,
    /// How long after its end it may still have effects, ns.
    pub afterwards_ns: u64,
    /// The minimum time from the end of one to the next of its kind, ns; `None`: they may overlap.
    pub spacing_ns: Option<u64>,
}

impl Means {
    /// Nothing is destroyed, servers continue, and no effect remains after its end.
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

/// The causes of rare situations that a kind of fault may produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    /// A link carries nothing.
    Cut,
    /// A process ends and is started again.
    Restart,
    /// A host loses power, and with it its page cache.
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
    Forced,
}

/// How timers expire that do not expire on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timers {
    /// Late, and then several at once.
    Late,
    /// The clocks run at another rate; the difference in ppm.
    Rate(i32),
    /// The wall clock steps by this, in ms, and back at the end.
    Step(i64),
    /// The wall clock is slewed by this, in ms.
    Slewed(i64),
}

macro_rules! kafkas_part {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        /// The effects of a kind of fault on a cluster.
        pub fn means(kind: Kind) -> Means {
            match kind {
                $(Kind::$Kind => <sim::fault::$Kind as FaultProfile>::MEANS,)+
            }
        }

        /// How the node's timers expire while the fault is in force, if not on time.
        pub fn timers(what: &What) -> Option<Timers> {
            match what {
                $(What::$Kind(fault) => fault.timers(),)+
            }
        }

        /// The links that are cut while the fault is in force.
        pub fn cuts(what: &What) -> &[Link] {
            match what {
                $(What::$Kind(fault) => fault.cuts(),)+
            }
        }

        /// Whether these two faults are of one injection.
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

/// Refuses a value that is not a chance in parts per million.
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
            /// Mean gap between two faults.
            pub every: $crate::scenario::values::Nanos,
            /// Duration of a fault.
            pub lasts: $crate::scenario::values::NanosRange,
            $($(#[$field_meta])* pub $field: $type,)*
        }
    )+};
}

/// The fields of a kind in the reference: its table, `every`, `lasts` if it has one, and the kind's own.
macro_rules! kind_fields {
    ($name:literal, $about:literal $(, lasts: $lasts:literal)?; $($field:literal: $kind:expr, $presence:expr, $of:literal;)*) => {
        &[
            ScenarioField { path: concat!("nemesis.", $name), kind: reference::FieldKind::Table, presence: Presence::Unset("off"), about: $about },
            ScenarioField {
                path: concat!("nemesis.", $name, ".every"),
                kind: reference::from_ms(10),
                presence: Presence::Required("\"10s\""),
                about: "",
            },
            $(ScenarioField {
                path: concat!("nemesis.", $name, ".lasts"),
                kind: reference::RANGE,
                presence: Presence::Required("\"1s..5s\""),
                about: $lasts,
            },)?
            $(ScenarioField { path: concat!("nemesis.", $name, ".", $field), kind: $kind, presence: $presence, about: $of },)*
        ]
    };
}

/// The rhythm of a kind whose profile has both parts of it.
macro_rules! rhythm_of_profile {
    ($($at_boot_ppm:ident)?) => {
        fn rhythm(profile: &Self::Profile) -> $crate::scenario::fault_profile::Rhythm {
            let at_boot_ppm = 0 $(+ profile.$at_boot_ppm)?;
            $crate::scenario::fault_profile::Rhythm { every: profile.every, lasts: profile.lasts, at_boot_ppm }
        }
    };
}

/// A kind that has no parameter to check but its rhythm.
macro_rules! nothing_to_check {
    () => {
        fn check(_profile: &Self::Profile) -> Result<(), Refusal> {
            Ok(())
        }
    };
}

pub(crate) use {kind_fields, nothing_to_check, profiles, rhythm_of_profile};
