//! `[nemesis]`: which kinds of fault, how often, how long, how hard.
//!
//! Each kind has a mean gap (`every`) and a length (`lasts`): a fault has a probability *and* a
//! stability. A kind that is absent never occurs.

use serde::{Deserialize, Serialize};
use sim::fault::{Kind, Tail};

use super::aimed::Aimed;
use super::error::Refusal;
use super::values::{IntRange, Nanos, NanosRange};
use super::world::drift_within_bounds;

/// Declares the profile of each kind, all with `every` and `lasts`.
macro_rules! profiles {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Mean gap between two of them.
            pub every: Nanos,
            /// How long one lasts.
            pub lasts: NanosRange,
            $($(#[$field_meta])* pub $field: $type,)*
        }
    )+};
}

profiles! {
    /// A fault that has nothing but a length.
    Timed {}
    /// Links that carry nothing.
    Cuts {
        /// Which shapes are drawn from.
        #[serde(default = "CutShape::all")]
        shapes: Vec<CutShape>,
    }
    /// Gray links that lose packets.
    Losses {
        /// Chance per packet, parts per million.
        ppm: IntRange,
    }
    /// Links that take longer.
    Delays {
        /// How much longer.
        extra: NanosRange,
    }
    /// Links that deliver datagrams twice.
    Duplicates {
        /// Chance per datagram, parts per million.
        ppm: IntRange,
    }
    /// Processes that die; `lasts` is how long they stay down.
    Kills {
        /// How often the process dies between two effects of one step, parts per million.
        #[serde(default)]
        after_effects_ppm: u32,
    }
    /// Hosts that lose power; `lasts` is how long they stay down.
    PowerLosses {
        /// What becomes of bytes that were not synced.
        tails: Vec<Tail>,
        /// How often all hosts lose power together, parts per million.
        #[serde(default)]
        all_ppm: u32,
        /// How often the host dies between two effects of one step, parts per million.
        #[serde(default)]
        after_effects_ppm: u32,
    }
    /// Clocks that run too fast or too slow.
    Drifts {
        /// By how much, parts per million.
        ppm: IntRange,
    }
    /// Wall clocks that are set, at once or by and by.
    WallSteps {
        /// By how much, ms.
        by_ms: IntRange,
    }
    /// Disks that sync slowly.
    SlowDisks {
        /// So many times slower.
        factor: IntRange,
    }
    /// Bits that flip in a log; its host loses power soon after, and so reads them. `lasts` is
    /// how long it stays down.
    BitRots {
        /// From the flip to the power loss.
        read_after: NanosRange,
        /// Only in the newest segment of each log, which every boot after a power loss looks through.
        /// Older ones are not looked at: a replica whose oldest records are rotten may lead, and
        /// nothing is promised of what follows.
        #[serde(default)]
        newest: bool,
    }
}

/// Fsyncs that fail; at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsyncFailures {
    /// Mean gap between two of them.
    pub every: Nanos,
    /// How many fsyncs fail in a row.
    pub count: IntRange,
}

/// How a network falls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutShape {
    /// One server neither sends nor receives.
    Isolate,
    /// Two sides.
    Split,
    /// One server cannot send, or cannot receive.
    OneWay,
    /// Two sides, and one server that both sides reach.
    Bridge,
    /// Each server reaches two neighbours only.
    Ring,
    /// One server comes and goes.
    Flapping,
    /// Clients reach some servers only.
    Clients,
}

impl CutShape {
    /// Every shape.
    pub fn all() -> Vec<CutShape> {
        use CutShape::{Bridge, Clients, Flapping, Isolate, OneWay, Ring, Split};
        vec![Isolate, Split, OneWay, Bridge, Ring, Flapping, Clients]
    }
}

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

/// `[nemesis]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Nemesis {
    /// Each seed leaves out some of the kinds, so that runs differ in kind.
    pub swarm: bool,
    /// No fault before this.
    pub start: Nanos,
    /// If set, faults take turns of this length: each begins and ends within one, alone, and the
    /// last quarter is calm. `every` then only says how often a kind has the turn, compared
    /// with the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Nanos>,
    /// The targets of faults of nodes and disks.
    #[serde(skip_serializing_if = "Targets::is_default")]
    pub targets: Targets,
    /// Brokers may lose power, rot and lose their disks all alike; otherwise only a minority of
    /// them, the same one all through a run. (Data logs are not forced.)
    #[serde(skip_serializing_if = "is_false")]
    pub any_broker_loses_data: bool,
    /// Whatever destroys bytes has a guard: it is skipped where promises could not be kept then. So any
    /// broker may lose power, not only a minority that stays the same all through a run.
    #[serde(skip_serializing_if = "is_false")]
    pub guarded: bool,
    /// Faults may destroy more than the guarantees allow: bytes of any node are destroyed, and only
    /// claims that such faults leave standing are judged.
    #[serde(skip_serializing_if = "is_false")]
    pub beyond_tolerance: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cuts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Losses>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delays>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Duplicates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<Kills>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_loss: Option<PowerLosses>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate: Option<Timed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Timed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<Timed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drifts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_step: Option<WallSteps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_smear: Option<WallSteps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsync_fails: Option<FsyncFailures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_disk: Option<SlowDisks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_disk: Option<Timed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bit_rot: Option<BitRots>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_disk: Option<Timed>,
    /// Faults that wait for something to happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aimed: Option<Aimed>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
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
            beyond_tolerance: false,
            cut: None,
            loss: None,
            delay: None,
            duplicate: None,
            kill: None,
            power_loss: None,
            terminate: None,
            pause: None,
            stall: None,
            drift: None,
            wall_step: None,
            wall_smear: None,
            fsync_fails: None,
            slow_disk: None,
            full_disk: None,
            bit_rot: None,
            replace_disk: None,
            aimed: None,
        }
    }
}

/// How often and how long, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Mean gap.
    pub every: Nanos,
    /// Length.
    pub lasts: NanosRange,
}

impl Nemesis {
    /// The rhythm of each kind that may occur, in the order of [`Kind::ALL`].
    pub fn rhythms(&self) -> Vec<(Kind, Rhythm)> {
        const INSTANT: NanosRange = NanosRange { min_ns: 0, max_ns: 0 };
        macro_rules! rhythm {
            ($field:ident) => {
                self.$field.as_ref().map(|p| Rhythm { every: p.every, lasts: p.lasts })
            };
        }
        let all = [
            (Kind::Cut, rhythm!(cut)),
            (Kind::Loss, rhythm!(loss)),
            (Kind::Delay, rhythm!(delay)),
            (Kind::Duplicate, rhythm!(duplicate)),
            (Kind::Kill, rhythm!(kill)),
            (Kind::PowerLoss, rhythm!(power_loss)),
            (Kind::Terminate, rhythm!(terminate)),
            (Kind::Pause, rhythm!(pause)),
            (Kind::Stall, rhythm!(stall)),
            (Kind::Drift, rhythm!(drift)),
            (Kind::WallStep, rhythm!(wall_step)),
            (Kind::WallSmear, rhythm!(wall_smear)),
            (Kind::FsyncFails, self.fsync_fails.as_ref().map(|p| Rhythm { every: p.every, lasts: INSTANT })),
            (Kind::SlowDisk, rhythm!(slow_disk)),
            (Kind::FullDisk, rhythm!(full_disk)),
            (Kind::BitRot, rhythm!(bit_rot)),
            (Kind::ReplaceDisk, rhythm!(replace_disk)),
        ];
        all.into_iter().filter_map(|(kind, rhythm)| Some((kind, rhythm?))).collect()
    }

    /// Can this kind occur, aimed or not?
    pub fn allows(&self, kind: Kind) -> bool {
        let aimed = self.aimed.iter().flat_map(|aimed| &aimed.kinds);
        self.rhythms().iter().any(|(other, _)| *other == kind) || aimed.into_iter().any(|aimed| aimed.kind() == kind)
    }

    pub(super) fn check(&self, duration: Nanos) -> Result<(), Refusal> {
        for (kind, rhythm) in self.rhythms() {
            if rhythm.every < Nanos::from_ms(10) {
                let problem = format!("{}; allowed: 10ms and more", rhythm.every);
                return Err(Refusal::new(format!("nemesis.{kind}.every"), problem));
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
        if self.cut.as_ref().is_some_and(|cut| cut.shapes.is_empty()) {
            return Err(Refusal::new("nemesis.cut.shapes", "no shape to draw from"));
        }
        if self.power_loss.as_ref().is_some_and(|loss| loss.tails.is_empty()) {
            return Err(Refusal::new("nemesis.power-loss.tails", "nothing to draw from; allowed: lost, kept, torn"));
        }
        self.aimed.as_ref().map_or(Ok(()), |aimed| aimed.check(duration))?;
        self.check_ranges()
    }

    fn check_ranges(&self) -> Result<(), Refusal> {
        let chances = [
            ("loss.ppm", self.loss.as_ref().map(|p| p.ppm)),
            ("duplicate.ppm", self.duplicate.as_ref().map(|p| p.ppm)),
        ];
        let counts = [
            ("fsync-fails.count", self.fsync_fails.as_ref().map(|p| p.count)),
            ("slow-disk.factor", self.slow_disk.as_ref().map(|p| p.factor)),
        ];
        let steps = [
            ("wall-step.by_ms", self.wall_step.as_ref().map(|p| p.by_ms)),
            ("wall-smear.by_ms", self.wall_smear.as_ref().map(|p| p.by_ms)),
        ];
        let kills = [
            ("kill.after_effects_ppm", self.kill.as_ref().map(|p| p.after_effects_ppm)),
            ("power-loss.after_effects_ppm", self.power_loss.as_ref().map(|p| p.after_effects_ppm)),
            ("power-loss.all_ppm", self.power_loss.as_ref().map(|p| p.all_ppm)),
        ]
        .map(|(name, ppm)| (name, ppm.map(|ppm| IntRange { min: i64::from(ppm), max: i64::from(ppm) })));

        let within = |(name, range): (&str, Option<IntRange>), min: i64, max: i64| match range {
            Some(range) if range.min < min || range.max > max => {
                Err(Refusal::new(format!("nemesis.{name}"), format!("{range}; allowed: within {min}..{max}")))
            }
            _ => Ok(()),
        };
        chances.into_iter().chain(kills).try_for_each(|field| within(field, 0, 1_000_000))?;
        counts.into_iter().try_for_each(|field| within(field, 1, 1_000_000))?;
        steps.into_iter().try_for_each(|field| within(field, -3_600_000, 3_600_000))?;
        self.drift.as_ref().map_or(Ok(()), |p| drift_within_bounds("nemesis.drift.ppm", p.ppm))
    }
}
