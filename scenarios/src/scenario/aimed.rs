//! `[nemesis.aimed]`: faults that wait for something to happen.

use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::values::{IntRange, Nanos, NanosRange};
use crate::aim::sight::Sight;

/// Each draws what it waits for, how
/// often it lets that pass, what strikes whom then, and how long after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aimed {
    /// Mean gap between two of them, from one beginning to wait to the next.
    pub every: Nanos,
    /// How long one lasts once it has struck.
    pub lasts: NanosRange,
    /// What they wait for; all that the cluster can show, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sights: Vec<String>,
    /// What strikes.
    #[serde(default = "AimedStrike::all")]
    pub strikes: Vec<AimedStrike>,
    /// The how manieth sighting it is.
    pub nth: IntRange,
    /// Half of them strike at once, between two effects; the others so long after.
    pub after: NanosRange,
    /// Extra latency of links that are delayed.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub extra: NanosRange,
}

fn is_nothing(range: &NanosRange) -> bool {
    *range == NanosRange::default()
}

/// What an aimed fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AimedStrike {
    /// The process dies.
    Kill,
    /// The host loses power: never the last copy of what was promised, unless beyond tolerance.
    PowerLoss,
    /// It is told to stop.
    Terminate,
    /// The process stops executing.
    Pause,
    /// The machine stops.
    Stall,
    /// It hears and says nothing.
    Isolate,
    /// It does not hear, or is not heard.
    OneWay,
    /// What it says arrives late, or what it hears.
    Delay,
    /// The next fsync fails.
    FsyncFails,
    /// It comes back with an empty disk; with a guard as for power.
    ReplaceDisk,
}

impl AimedStrike {
    /// Every one.
    pub fn all() -> Vec<AimedStrike> {
        use AimedStrike::{Delay, FsyncFails, Isolate, Kill, OneWay, Pause, PowerLoss, ReplaceDisk, Stall, Terminate};
        vec![Kill, PowerLoss, Terminate, Pause, Stall, Isolate, OneWay, Delay, FsyncFails, ReplaceDisk]
    }

    /// The kind of fault it is.
    pub fn kind(self) -> &'static str {
        match self {
            AimedStrike::Kill => "kill",
            AimedStrike::PowerLoss => "power-loss",
            AimedStrike::Terminate => "terminate",
            AimedStrike::Pause => "pause",
            AimedStrike::Stall => "stall",
            AimedStrike::Isolate | AimedStrike::OneWay => "cut",
            AimedStrike::Delay => "delay",
            AimedStrike::FsyncFails => "fsync-fails",
            AimedStrike::ReplaceDisk => "replace-disk",
        }
    }
}

impl Aimed {
    pub(super) fn check(&self, duration: Nanos) -> Result<(), Refusal> {
        let refuse = |field: &str, problem: String| Err(Refusal::new(format!("nemesis.aimed.{field}"), problem));
        if let Some(name) = self.sights.iter().find(|name| Sight::by_name(name).is_none()) {
            let known: Vec<_> = Sight::ALL.iter().map(|sight| sight.name()).collect();
            return refuse("sights", format!("nothing is sighted as {name:?}; allowed: {}", known.join(", ")));
        }
        if self.strikes.is_empty() {
            return refuse("strikes", "nothing to draw from".to_owned());
        }
        if self.every < Nanos::from_ms(10) {
            return refuse("every", format!("{}; allowed: 10ms and more", self.every));
        }
        if self.strikes.contains(&AimedStrike::Delay) && self.extra.max_ns == 0 {
            return refuse("extra", "links are delayed by nothing; give such as 20ms..2s".to_owned());
        }
        if self.lasts.min_ns > duration.0 {
            return refuse("lasts", format!("{} does not fit into {duration}", self.lasts));
        }
        if self.nth.min < 1 || self.nth.max > 1_000_000 {
            return refuse("nth", format!("{}; allowed: within 1..1000000", self.nth));
        }
        Ok(())
    }
}
