//! `[nemesis]`: which kinds of fault, how often, for how long, and how severe.
//!
//! Each kind has a mean gap (`every`) and a duration (`lasts`): a fault has a probability *and* a stability. A kind
//! that is absent never occurs.

use serde::{Deserialize, Serialize};
use sim::fault::Kind;
use sim::fault_kinds;

use super::aimed::Aimed;
use super::error::Refusal;
use super::fault_profile::{FaultProfile, Rhythm};
use super::values::Nanos;

/// The targets of faults of nodes and disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Targets {
    /// Any server.
    #[default]
    All,
    /// Servers that are controllers.
    Controllers,
    /// Servers that are brokers.
    Brokers,
}

impl Targets {
    fn is_default(&self) -> bool {
        *self == Targets::default()
    }
}

macro_rules! nemesis {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        /// `[nemesis]`
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct Nemesis {
            /// Each seed leaves out some of the kinds, so that runs differ in the faults they have.
            pub swarm: bool,
            /// No fault before this.
            pub start: Nanos,
            /// If set, faults take turns of this length: each begins and ends within one turn, alone, and the last
            /// quarter has no faults. `every` is then only the rate of a kind's turns, relative to other kinds.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub turn: Option<Nanos>,
            /// The targets of faults of nodes and disks.
            #[serde(skip_serializing_if = "Targets::is_default")]
            pub targets: Targets,
            /// All brokers may lose power, have bit rot and lose their disks; otherwise only a minority of them, the
            /// same one all through a run. (Data logs are not forced.)
            #[serde(skip_serializing_if = "is_false")]
            pub any_broker_loses_data: bool,
            /// Each fault that destroys bytes has a guard: it is skipped if it would break a guarantee. So any broker
            /// may lose power, not only a minority that stays the same all through a run.
            #[serde(skip_serializing_if = "is_false")]
            pub guarded: bool,
            /// Every fault has a guard: it is skipped if it could make Kafka lose acknowledged records, with three
            /// replicas of which two must be in sync. So any broker may lose power while the others are in sync.
            #[serde(skip_serializing_if = "is_false")]
            pub within_tolerance: bool,
            /// Faults may destroy more than the guarantees allow: bytes of any node are destroyed, and only claims that
            /// hold despite such faults are judged.
            #[serde(skip_serializing_if = "is_false")]
            pub beyond_tolerance: bool,
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $file: Option<<sim::fault::$Kind as FaultProfile>::Profile>,
            )+
            /// Faults that wait for a trigger.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub aimed: Option<Aimed>,
        }

        impl Default for Nemesis {
            fn default() -> Nemesis {
                Nemesis {
                    swarm: true,
                    start: Nanos(0),
                    turn: None,
                    targets: Targets::All,
                    any_broker_loses_data: false,
                    guarded: false,
                    within_tolerance: false,
                    beyond_tolerance: false,
                    $($file: None,)+
                    aimed: None,
                }
            }
        }

        impl Nemesis {
            /// Whether each fault that destroys bytes has a guard, so that it may affect any broker.
            pub fn guards_all_that_destroys(&self) -> bool {
                self.guarded || self.within_tolerance
            }

            /// The rhythm of a kind, if it may occur.
            pub fn rhythm(&self, kind: Kind) -> Option<Rhythm> {
                match kind {
                    $(Kind::$Kind => self.$file.as_ref().map(<sim::fault::$Kind as FaultProfile>::rhythm),)+
                }
            }

            /// The least and the greatest duration of a kind's faults, ns, if it may occur.
            pub fn lengths_ns(&self, kind: Kind) -> Option<(u64, u64)> {
                match kind {
                    $(Kind::$Kind => self.$file.as_ref().map(<sim::fault::$Kind as FaultProfile>::lengths),)+
                }
            }

            /// The most faults of one injection of a kind.
            pub fn parts(&self, kind: Kind, servers: u16) -> u64 {
                let of = match kind {
                    $(Kind::$Kind => {
                        self.$file.as_ref().map(|profile| <sim::fault::$Kind as FaultProfile>::parts(profile, servers))
                    })+
                };
                of.unwrap_or(0)
            }

            fn check_profiles(&self) -> Result<(), Refusal> {
                $(self.$file.as_ref().map_or(Ok(()), <sim::fault::$Kind as FaultProfile>::check)?;)+
                Ok(())
            }
        }
    };
}

fault_kinds!(nemesis);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Nemesis {
    /// The rhythm of each kind that may occur, in the order of [`Kind::ALL`].
    pub fn rhythms(&self) -> Vec<(Kind, Rhythm)> {
        Kind::ALL.iter().filter_map(|kind| Some((*kind, self.rhythm(*kind)?))).collect()
    }

    /// Whether this kind can occur, aimed or not.
    pub fn allows(&self, kind: Kind) -> bool {
        let aimed = self.aimed.iter().flat_map(|aimed| &aimed.kinds);
        self.rhythm(kind).is_some() || aimed.into_iter().any(|aimed| aimed.kind() == kind)
    }

    pub(super) fn check(&self, duration: Nanos, has_brokers: bool) -> Result<(), Refusal> {
        if has_brokers && self.cut.as_ref().is_some_and(|cut| cut.leader_ppm > 0) {
            let problem = "cuts at the leader are for clusters without brokers; with brokers use [nemesis.aimed]";
            return Err(Refusal::new("nemesis.cut.leader_ppm", problem));
        }
        for (kind, rhythm) in self.rhythms() {
            if rhythm.every < Nanos::from_ms(10) {
                let problem = format!("{}; allowed: 10ms and more", rhythm.every);
                return Err(Refusal::new(format!("nemesis.{kind}.every"), problem));
            }
            let problem = match self.turn {
                _ if rhythm.at_boot_ppm == 0 => None,
                Some(_) => Some("each turn has its own fault; allowed: 0, or no nemesis.turn"),
                None if self.start.0 > 0 => {
                    Some("no fault begins before nemesis.start; allowed: 0, or nemesis.start = \"0s\"")
                }
                None => None,
            };
            if let Some(problem) = problem {
                return Err(Refusal::new(format!("nemesis.{kind}.at_boot_ppm"), problem));
            }
            let room = self.turn.map_or(duration, |turn| Nanos(turn.0 / 4 * 3));
            if rhythm.lasts.min_ns > room.0 {
                let problem = format!("{} does not fit into {room}", rhythm.lasts);
                return Err(Refusal::new(format!("nemesis.{kind}.lasts"), problem));
            }
        }
        if let Some(turn) = self.turn
            && turn < Nanos::from_ms(100)
        {
            return Err(Refusal::new("nemesis.turn", format!("{turn}; allowed: 100ms and more")));
        }
        if self.start >= duration {
            return Err(Refusal::new(
                "nemesis.start",
                format!("{}; allowed: less than the duration, {duration}", self.start),
            ));
        }
        self.check_profiles()?;
        self.aimed.as_ref().map_or(Ok(()), |aimed| aimed.check(duration))
    }
}
